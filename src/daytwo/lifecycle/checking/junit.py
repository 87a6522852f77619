"""A trial as JUnit XML, so that CI shows every check as a test. Pure."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

from daytwo.lifecycle.checking.check import Check, Standing, Trial

# What XML 1.0 cannot hold, even escaped.
_UNSPEAKABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(trial: Trial) -> bytes:
    """Return the XML: one suite for each group of checks.

    Examples
    --------
    >>> b'failures="1"' in junit(Trial("trips", 1, "", (Check("data", "rows", Standing.FAILED, "none"),)))
    True
    """
    suites = ET.Element("testsuites", name=_spoken(f"daytwo ci {trial.model}"))
    for group in dict.fromkeys(check.group for check in trial.checks):
        checks = [check for check in trial.checks if check.group == group]
        failures = sum(check.failed for check in checks)
        counts: dict[str, Any] = {"tests": str(len(checks)), "failures": str(failures), "errors": "0", "skipped": "0"}
        suite = ET.SubElement(suites, "testsuite", name=_spoken(group), **counts)
        for check in checks:
            _add(suite, check, trial.model)
    ET.indent(suites)
    content: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
    return content + b"\n"


def _add(suite: ET.Element, check: Check, model: str) -> None:
    where: dict[str, Any] = {}
    if check.place is not None:
        where = {"file": _spoken(check.place.file), "line": str(check.place.line)}
    case = ET.SubElement(
        suite, "testcase", classname=_spoken(f"{model}.{check.group}"), name=_spoken(check.name), **where
    )
    words = _spoken(check.words)
    if check.standing is Standing.FAILED:
        ET.SubElement(case, "failure", type=check.group, message=words).text = words
    else:
        ET.SubElement(case, "system-out").text = words


def _spoken(text: str) -> str:
    return _UNSPEAKABLE.sub("\ufffd", text)
