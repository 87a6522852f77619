"""A check as JUnit XML, so that CI shows each promise as a test: every column, row rule, relation, and the batch.

Pure. A promise that rejected rows, or for which the batch is refused, is a failure; one that only mended or warned
passes, and says so in its output.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from xml.etree import ElementTree as ET

from daytwo.contracts.action import Action
from daytwo.contracts.contract import Contract
from daytwo.contracts.rules import rule_name
from daytwo.contracts.table.report import BrokenRule, Report

# What XML 1.0 cannot hold, even escaped.
_UNSPEAKABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(contract: Contract, found: Report, *, name: str) -> bytes:
    """Return the XML of one file; `name` says what was checked.

    Examples
    --------
    >>> from daytwo.contracts.column import Column
    >>> from daytwo.core.schema import Kind
    >>> contract = Contract("trips", 1, "ana", (Column("km", Kind.NUMBER),))
    >>> b'tests="2" failures="0"' in junit(contract, Report(3, 3, 0, 0, (), ()), name="rows.csv")
    True
    """
    cases = list(_cases(contract, found.rules))
    failures = sum(case.find("failure") is not None for case in cases)
    title = f"{_spoken(name)} by {_spoken(contract.name)} version {contract.version}"
    suite = ET.Element("testsuite", name=title, tests=str(len(cases)), failures=str(failures), errors="0", skipped="0")
    suite.extend(cases)
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    content: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
    return content + b"\n"


def _cases(contract: Contract, broken: Sequence[BrokenRule]) -> Iterator[ET.Element]:
    across = {relation.rule for relation in contract.relations} | {rule_name(rule) for rule in contract.rules}
    own = [one for one in broken if one.rows and one.rule not in across]
    for column in contract.columns:
        if column.is_checked:
            yield _case(contract, f"column {column.name}", [one for one in own if one.column == column.name])
    for name in sorted(across):
        yield _case(contract, name, [one for one in broken if one.rule == name])
    yield _case(contract, "the batch as a whole", [one for one in broken if not one.rows])


def _case(contract: Contract, name: str, broken: Sequence[BrokenRule]) -> ET.Element:
    case = ET.Element("testcase", classname=f"contract.{_spoken(contract.name)}", name=_spoken(name))
    for one in broken:
        if one.action == str(Action.REJECT):
            failure = ET.SubElement(case, "failure", type=one.rule, message=_spoken(one.message))
            failure.text = _told(one)
    softer = [_told(one) for one in broken if one.action != str(Action.REJECT)]
    if softer:
        ET.SubElement(case, "system-out").text = "\n".join(softer)
    return case


def _told(one: BrokenRule) -> str:
    rows = f": {one.rows} rows, such as {', '.join(map(str, one.examples))}" if one.rows else ""
    return _spoken(f"{one.action} by {one.rule} on {one.column or 'the batch'}{rows}. {one.message}")


def _spoken(text: str) -> str:
    return _UNSPEAKABLE.sub("\ufffd", text)
