"""Markdown, JUnit and SARIF of a trial: every check is told, nothing in it breaks the form, lines can be pointed at."""

import json
import re
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daytwo.lifecycle.checking.check import Check, Place, Standing, Trial
from daytwo.lifecycle.checking.junit import junit
from daytwo.lifecycle.checking.markdown import markdown, plain
from daytwo.lifecycle.checking.sarif import sarif

TRIAL = Trial(
    "trips",
    2_000,
    "the live version",
    (
        Check("data", "rows", Standing.PASSED, "0 of 2,000 rows are rejected"),
        Check("data", "wind between", Standing.NOTED, "3 rows: wind must be at least 0", Place("contract.toml", 12)),
        Check("gate", "quality", Standing.FAILED, "worse | than <b>the</b> champion", Place("daytwo.toml", 40)),
        Check("expect", "wind +10: up", Standing.FAILED, "answers must not fall", Place("daytwo.toml", 90)),
    ),
    "f" * 64,
    {"roc_auc": 0.75},
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
CHECKS = st.builds(
    Check,
    st.sampled_from(["data", "train", "gate", "expect", "test", "project"]),
    TEXTS,
    st.sampled_from(Standing),
    TEXTS,
    st.none() | st.builds(Place, TEXTS.filter(lambda text: bool(text.strip("/"))), st.integers(1, 10_000)),
)
TRIALS = st.builds(Trial, TEXTS, st.integers(0, 10**9), TEXTS, st.lists(CHECKS, max_size=5).map(tuple))


def test_a_trial_passes_where_nothing_failed_and_something_was_checked():
    assert not TRIAL.passed
    assert Trial("t", 1, "", TRIAL.checks[:2]).passed
    assert not Trial("t", 0, "", ()).passed
    assert TRIAL.headline == "trips: 1 passed, 2 failed, 1 noted"


def test_the_markdown_says_first_what_failed():
    text = markdown(TRIAL)
    assert text.startswith("## daytwo: trips does not pass\n\n1 passed, 2 failed, 1 noted, on 2,000 rows, against the")
    assert text.index("- **quality** (Gates)") < text.index("### Data")
    assert "| **no** | quality | worse \\| than \\<b\\>the\\</b\\> champion | daytwo.toml:40 |" in text
    assert "| roc\\_auc | 0.75 |" in text


@settings(max_examples=100, deadline=None)
@given(TRIALS)
def test_no_text_breaks_a_table_or_mentions_anybody(trial):
    text = markdown(trial)
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
    for row in rows:
        assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) == 5, row
    assert not re.search(r"@[A-Za-z]", "".join(line for line in text.splitlines() if not line.startswith("| ")))


@settings(max_examples=100, deadline=None)
@given(TRIALS)
def test_the_xml_counts_what_it_holds(trial):
    suites = ET.fromstring(junit(trial)).findall("testsuite")
    assert sum(int(suite.get("tests")) for suite in suites) == len(trial.checks)
    for suite in suites:
        assert int(suite.get("tests")) == len(suite.findall("testcase"))
        assert int(suite.get("failures")) == len(suite.findall("testcase/failure"))
    assert sum(int(suite.get("failures")) for suite in suites) == trial.count(Standing.FAILED)


def test_the_xml_points_at_lines():
    (case,) = ET.fromstring(junit(TRIAL)).findall(".//testcase[@name='quality']")
    assert (case.get("file"), case.get("line")) == ("daytwo.toml", "40")
    assert case.find("failure").get("message") == "worse | than <b>the</b> champion"


def must(condition, words):
    if not condition:
        raise AssertionError(words)


def require_sarif(log):
    """Hold a log to what the schema of SARIF 2.1.0 requires of the objects used here, written from the standard."""
    must(log["version"] == "2.1.0", "3.13.2: version shall be 2.1.0")
    must(log["$schema"].endswith("sarif-schema-2.1.0.json"), "3.13.3")
    must(isinstance(log["runs"], list), "3.13.4: runs shall be an array")
    for run in log["runs"]:
        driver = run["tool"]["driver"]
        must(isinstance(driver["name"], str), "3.19.8: a tool component has a name")
        ids = [rule["id"] for rule in driver["rules"]]
        must(len(ids) == len(set(ids)), "3.19.23: rules are unique")
        for rule in driver["rules"]:
            must(isinstance(rule["shortDescription"]["text"], str), "3.49.9, 3.12.3")
            must(rule["defaultConfiguration"]["level"] in {"none", "note", "warning", "error"}, "3.50.3")
        for invocation in run["invocations"]:
            must(isinstance(invocation["executionSuccessful"], bool), "3.20.14: executionSuccessful is required")
        must(run["columnKind"] in {"utf16CodeUnits", "unicodeCodePoints"}, "3.14.27")
        for result in run["results"]:
            require_result(result, ids)


def require_result(result, ids):
    kinds = {"pass", "open", "informational", "notApplicable", "review", "fail"}
    must(isinstance(result["message"]["text"], str), "3.27.11: message is required; 3.11.8: with a text")
    must(result["kind"] in kinds, "3.27.9")
    must(result["level"] in {"none", "note", "warning", "error"}, "3.27.10")
    must(result["kind"] == "fail" or result["level"] == "none", "3.27.9: where kind is not fail, level shall be none")
    must(ids[result["ruleIndex"]] == result["ruleId"], "3.27.6: ruleIndex points at the rule")
    for location in result["locations"]:
        where = location["physicalLocation"]
        uri = where["artifactLocation"]["uri"]
        must(re.fullmatch(r"[A-Za-z0-9\-._~%!$&'()*+,;=@/]+", uri), f"3.4.3: a relative URI of RFC 3986: {uri}")
        must(not uri.startswith("/"), "3.4.4: with uriBaseId, uri is relative")
        must(isinstance(where["region"]["startLine"], int), "3.30.5")
        must(where["region"]["startLine"] >= 1, "3.30.5: lines count from 1")
    must(all(isinstance(one, str) for one in result["partialFingerprints"].values()), "3.27.17")


@settings(max_examples=100, deadline=None)
@given(TRIALS, st.sampled_from(["", ".", "models/trips", "a b/ü"]))
def test_every_log_keeps_the_standard(trial, prefix):
    require_sarif(json.loads(sarif(trial, prefix=prefix)))


@pytest.mark.parametrize(
    "harm",
    [
        lambda log: log.pop("version"),
        lambda log: log["runs"][0]["results"][0].pop("message"),
        lambda log: log["runs"][0]["results"][0].update(level="error"),  # a check that passed
        lambda log: log["runs"][0]["results"][2].update(ruleIndex=0),
        lambda log: log["runs"][0]["invocations"][0].clear(),
    ],
)
def test_the_validator_sees_what_is_wrong(harm):
    log = json.loads(sarif(TRIAL))
    harm(log)
    with pytest.raises((AssertionError, KeyError)):
        require_sarif(log)


def test_a_log_in_full():
    run = json.loads(sarif(TRIAL, prefix="models/my trips/"))["runs"][0]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["daytwo/data", "daytwo/gate", "daytwo/expect"]
    assert [(one["kind"], one["level"]) for one in run["results"]] == [
        ("pass", "none"),
        ("fail", "note"),
        ("fail", "error"),
        ("fail", "error"),
    ]
    assert run["results"][2] == {
        "ruleId": "daytwo/gate",
        "ruleIndex": 1,
        "kind": "fail",
        "level": "error",
        "message": {"text": "quality: worse | than <b>the</b> champion"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "models/my%20trips/daytwo.toml", "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": 40},
                }
            }
        ],
        "partialFingerprints": {"daytwoCheck/v1": "gate/quality"},
    }
    assert run["invocations"] == [{"executionSuccessful": True}]
    broken = Trial("t", 0, "", (Check("project", "settings", Standing.FAILED, "no"),))
    assert json.loads(sarif(broken))["runs"][0]["invocations"] == [{"executionSuccessful": False}]


def test_plain_text_is_shown_as_it_is():
    assert plain("a\nb\tc") == "a b c"
    assert unquote("a%20b") == "a b"
