"""`daytwo ci` on a real small project: fresh checkouts, champions, expectations, reports, and nothing left behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from xml.etree import ElementTree as ET

import polars as pl
import pytest

EXPECTED = """
[[ci.expect]]
name = "storms delay"
column = "wind"
change = "+10"
expect = "up"
tolerance = 0.02
holds = 0.95

[[ci.expect]]
column = "seats"
change = "+50"
expect = "down"
at_least = 0.5
"""
TESTS = """
def test_between_nought_and_one(score, rows):
    answers = score(rows)
    assert len(answers) == rows.height > 1000
    assert ((answers >= 0) & (answers <= 1)).all()


def test_knows_its_contract(candidate):
    assert candidate.schema.names == ("wind",)
"""


def everything(folder):
    """Return each file below a folder with its content's size and time."""
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def checkout(daytwo, rows_file, tmp_path):
    """What git would hold of a project: its two files, and no state. Its rows lie elsewhere."""
    folder = tmp_path / "trips"
    said = daytwo(
        "init", rows_file, "--target", "late", "--time", "at", "--key", "trip", "--owner", "ana", "--into", folder
    )
    assert said.code == 0, said
    assert sorted(path.name for path in folder.iterdir()) == ["contract.toml", "daytwo.toml"]
    return folder


def test_a_fresh_checkout_is_tried_and_left_as_it_was(daytwo, checkout, tmp_path):
    before = everything(checkout)
    reports = ["--markdown", tmp_path / "r.md", "--junit", tmp_path / "r.xml", "--sarif", tmp_path / "r.sarif"]
    said = daytwo("ci", "-C", checkout, "--json", *reports)
    assert said.code == 0, said
    told = said.json
    assert told["passed"]
    assert (told["rows"], told["against"]) == (3_000, "the trivial model: there is no champion")
    standing = {f"{check['group']}: {check['name']}": check["standing"] for check in told["checks"]}
    assert standing.items() >= {"data: rows": "passed", "train: smoke": "passed", "gate: baseline": "passed"}.items()
    assert 0.6 < told["figures"]["roc_auc"] < 1
    assert everything(checkout) == before
    assert (tmp_path / "r.md").read_text().startswith("## daytwo: trips passes")
    assert ET.parse(tmp_path / "r.xml").findall(".//failure") == []
    assert json.loads((tmp_path / "r.sarif").read_text())["version"] == "2.1.0"


def test_expectations_and_tests_of_the_project_decide(daytwo, checkout, tmp_path):
    settings = checkout / "daytwo.toml"
    settings.write_text(settings.read_text() + EXPECTED)
    (checkout / "tests").mkdir()
    (checkout / "tests" / "test_trips.py").write_text(TESTS)
    before = everything(checkout)
    said = daytwo("ci", "-C", checkout, "--sample", 1_500, "--json", "--sarif", tmp_path / "r.sarif", "--prefix", "ml")
    assert said.code == 1, said
    assert everything(checkout) == before
    checks = {check["name"]: check for check in said.json["checks"]}
    assert checks["storms delay"]["standing"] == "passed", checks["storms delay"]
    assert checks["seats +50: down"]["standing"] == "failed"
    assert "at least 0.5 is asked for" in checks["seats +50: down"]["words"]
    assert checks["tests.test_trips.test_between_nought_and_one"]["standing"] == "passed"
    assert checks["tests.test_trips.test_knows_its_contract"]["standing"] == "failed"
    assert said.json["rows"] == 1_500
    results = json.loads((tmp_path / "r.sarif").read_text())["runs"][0]["results"]
    lines = {}
    for result in results:
        where = result["locations"][0]["physicalLocation"]
        lines[result["partialFingerprints"]["daytwoCheck/v1"]] = (
            where["artifactLocation"]["uri"],
            where["region"]["startLine"],
        )
    second = [n for n, line in enumerate(settings.read_text().splitlines(), 1) if line == "[[ci.expect]]"][1]
    assert lines["expect/seats +50: down"] == ("ml/daytwo.toml", second)
    uri, line = lines["test/tests.test_trips.test_knows_its_contract"]
    assert uri == "ml/tests/test_trips.py"
    assert TESTS.splitlines()[line - 1].startswith("def test_knows_its_contract")


def test_a_candidate_is_held_against_another_checkout(daytwo, checkout, tmp_path):
    base = shutil.copytree(checkout, tmp_path / "base")
    same = daytwo("ci", "-C", checkout, "--against", base, "--json", DAYTWO_GATE__MARGIN="0.05")
    assert same.code == 0, same
    gates = {check["name"]: check["words"] for check in same.json["checks"] if check["group"] == "gate"}
    assert "ROC AUC better by +0.0000" in gates["quality"]
    contract = checkout / "contract.toml"
    blinded = contract.read_text().replace(
        '[columns.wind]\nkind = "number"', '[columns.wind]\nkind = "number"\nrole = "checked"'
    )
    assert blinded != contract.read_text()
    contract.write_text(blinded)
    worse = daytwo("ci", "-C", checkout, "--against", base, "--json", DAYTWO_GATE__MARGIN="0.05")
    assert worse.code == 1, worse
    failed = {check["name"] for check in worse.json["checks"] if check["standing"] == "failed"}
    assert "quality" in failed


def test_a_live_version_is_compared_where_that_is_fair(daytwo, project):
    before = everything(project)
    said = daytwo("ci", "-C", project, "--json", DAYTWO_GATE__MARGIN="0.05")
    assert said.code == 0, said
    assert said.json["against"].startswith("the live version ")
    assert "quality" in {check["name"] for check in said.json["checks"]}
    sampled = daytwo("ci", "-C", project, "--json", "--sample", 1_000)
    assert everything(project) == before
    (note,) = [check for check in sampled.json["checks"] if check["name"] == "champion"]
    assert note["standing"] == "noted"
    assert "it has learnt from" in note["words"]
    assert "baseline" in {check["name"] for check in sampled.json["checks"]}


def test_rows_that_break_the_contract_fail_and_point_into_it(daytwo, checkout, tmp_path, rows_file):
    rows = pl.read_parquet(rows_file)
    rows.with_columns(wind=pl.when(pl.col("seats") < 100).then(-5.0).otherwise("wind")).write_parquet(
        tmp_path / "bad.parquet"
    )
    said = daytwo("ci", "-C", checkout, "--rows", tmp_path / "bad.parquet", "--sarif", tmp_path / "r.sarif")
    assert said.code == 1, said
    assert "rows are rejected" in said.out
    results = json.loads((tmp_path / "r.sarif").read_text())["runs"][0]["results"]
    (wind,) = [one for one in results if one["message"]["text"].startswith("wind ")]
    where = wind["locations"][0]["physicalLocation"]
    line = (checkout / "contract.toml").read_text().splitlines()[where["region"]["startLine"] - 1]
    assert (where["artifactLocation"]["uri"], line) == ("contract.toml", "[columns.wind]")


@pytest.mark.parametrize(
    ("args", "harm", "code", "told"),
    [
        (["--against", "nowhere"], None, 2, "is no checkout of the project and no bundle"),
        (["--rows", "nothing/*.csv"], None, 2, "no file matches"),
        (["--junit", "nowhere/r.xml"], None, 2, "the folder of nowhere/r.xml is not there"),
        ([], ("[gate]", "[gates]"), 2, "Did you mean 'gate'"),
        ([], ('metric = "roc_auc"', 'metric = "roc"'), 1, "no candidate could be made"),
    ],
)
def test_exit_codes(daytwo, checkout, tmp_path, args, harm, code, told):
    if harm:
        settings = checkout / "daytwo.toml"
        settings.write_text(settings.read_text().replace(*harm))
    said = daytwo("ci", "-C", checkout, "--sarif", tmp_path / "r.sarif", *args)
    assert said.code == code, said
    assert told in " ".join((said.out + said.err).split()) or told.split()[0] in said.out
    if code == 2 and "--junit" not in args:
        log = json.loads((tmp_path / "r.sarif").read_text())
        assert log["runs"][0]["invocations"] == [{"executionSuccessful": False}]


def test_every_gate_of_the_settings_can_say_no(daytwo, checkout):
    contract = checkout / "contract.toml"
    text = contract.read_text()
    contract.write_text(text.replace("[columns.carrier]", '[columns.carrier]\nrole = "checked"', 1))
    limits = {
        "SENSITIVE": '["carrier", "seats"]',
        "MAX_GAP": "0.0001",
        "MAX_JUMP": "0.0001",
        "MAX_MEMORY_MB": "0.001",
        "MAX_AGE": "30d",
        "MAX_P99_MS": "0.000001",
    }
    plan = {"DAYTWO_PLAN__BUDGET": "1e-12"}
    env = {f"DAYTWO_GATE__{key}": value for key, value in limits.items()}
    said = daytwo("ci", "-C", checkout, "--json", **env, **plan)
    assert said.code == 1, said
    gates = {check["name"]: check for check in said.json["checks"] if check["group"] == "gate"}
    failed = {name for name, check in gates.items() if check["standing"] == "failed"}
    assert failed >= {"fairness", "robustness", "memory", "data", "latency", "cost"}
    assert "carrier=B6" in gates["fairness"]["words"]  # no input of the model, and still its groups differ
    assert "days old, over 30.0" in gates["data"]["words"]
    lines = (checkout / "daytwo.toml").read_text().splitlines()
    where = {name: lines[check["place"]["line"] - 1].split(" ")[0] for name, check in gates.items()}
    assert where["memory"] == "max_memory_mb"
    assert where["cost"] == "budget"
    assert where["fairness"] == "sensitive"


def test_reasons_that_move_to_other_columns_are_refused(daytwo, checkout, tmp_path):
    base = shutil.copytree(checkout, tmp_path / "base")
    contract = checkout / "contract.toml"
    contract.write_text(contract.read_text().replace("[columns.carrier]", '[columns.carrier]\nrole = "checked"', 1))
    said = daytwo("ci", "-C", checkout, "--against", base, "--json", DAYTWO_GATE__MAX_SHIFT="0.05")
    gates = {check["name"]: check for check in said.json["checks"] if check["group"] == "gate"}
    assert gates["reasons"]["standing"] == "failed"
    assert "to 0%" in gates["reasons"]["words"]


def test_a_change_in_git_is_tried_from_a_worktree(daytwo, checkout, tmp_path):
    def git(*words):
        who = ("-c", "user.name=ana", "-c", "user.email=ana@example.org", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *who, *words], cwd=checkout, check=True, env=os.environ, capture_output=True)

    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-qm", "first")
    git("worktree", "add", "-q", str(tmp_path / "main"), "HEAD")
    said = daytwo("ci", "-C", checkout, "--against", tmp_path / "main", "--sample", 1_500, DAYTWO_GATE__MARGIN="0.2")
    assert said.code == 0, said
    assert "what" in said.out
    status = subprocess.run(["git", "status", "--short"], cwd=checkout, check=True, capture_output=True, text=True)
    assert status.stdout == ""
