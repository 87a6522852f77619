"""A trial as SARIF 2.1.0, which code hosts show beside the very lines of a change. Pure.

Source: OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0 Plus Errata 01 (2023): section 3.13
(the log), 3.14 (runs), 3.27 (results), 3.28 and 3.29 (locations).
"""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from daytwo import __version__
from daytwo.lifecycle.checking.check import Check, Place, Standing, Trial

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_RULES = {
    "data": "The sample of rows keeps the contract",
    "train": "A candidate can be trained on the sample",
    "gate": "The candidate passes its gates",
    "expect": "The model answers as its expectations in daytwo.toml say",
    "test": "The project's own tests pass",
    "project": "The project can be read",
}
# What a result is shown as; a check that passed is none (`kind` is `pass`, and then `level` must be `none`).
_LEVELS = {Standing.PASSED: "none", Standing.NOTED: "note", Standing.FAILED: "error"}


def sarif(trial: Trial, *, prefix: str = "") -> bytes:
    """Return the log as JSON; `prefix` is the project's folder as seen from the repository's, such as `models/trips`.

    Examples
    --------
    >>> b'"version": "2.1.0"' in sarif(Trial("trips", 1, "", (Check("data", "rows", Standing.FAILED, "none"),)))
    True
    """
    groups = list(dict.fromkeys(check.group for check in trial.checks))
    driver = {
        "name": "daytwo",
        "version": __version__,
        "rules": [
            {
                "id": f"daytwo/{group}",
                "name": group,
                "shortDescription": {"text": f"{_RULES.get(group, group)}."},
                "defaultConfiguration": {"level": "error"},
            }
            for group in groups
        ],
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"daytwo ci/{trial.model}/"},
        "invocations": [{"executionSuccessful": not any(check.group == "project" for check in trial.checks)}],
        "columnKind": "unicodeCodePoints",
        "results": [_result(check, groups.index(check.group), prefix) for check in trial.checks],
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(log)) + b"\n"


def _result(check: Check, rule: int, prefix: str) -> dict[str, object]:
    passed = check.standing is Standing.PASSED
    return {
        "ruleId": f"daytwo/{check.group}",
        "ruleIndex": rule,
        "kind": "pass" if passed else "fail",
        "level": _LEVELS[check.standing],
        "message": {"text": f"{check.name}: {check.words}"},
        "locations": [_location(check.place or Place("daytwo.toml"), prefix)],
        # The words hold figures that move with every run; what a result is about does not.
        "partialFingerprints": {"daytwoCheck/v1": f"{check.group}/{check.name}"},
    }


def _location(place: Place, prefix: str) -> dict[str, object]:
    path = "/".join(part for part in (prefix.strip("/"), place.file) if part not in {"", "."})
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(path), "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": place.line},
        }
    }
