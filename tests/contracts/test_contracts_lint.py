"""What a contract still lacks, and a check as JUnit XML."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import polars as pl
import pytest

from daytwo.contracts import Contract, check
from daytwo.contracts.action import Action
from daytwo.contracts.batch import Batch
from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Rule
from daytwo.contracts.lint import lint, slow_part
from daytwo.contracts.relations import Unique
from daytwo.contracts.reporting.export_junit import junit
from daytwo.core.schema import Kind

KM = Column("km", Kind.NUMBER, minimum=0.0, evidence="seen")
KEPT = Contract("trips", 1, "ana", (KM,), relations=(Unique("km", ("km",)),))


def test_a_sound_contract_has_no_remarks():
    assert lint(KEPT) == ()
    assert lint(KEPT, before=KEPT) == ()


@pytest.mark.parametrize(
    ("contract", "problem", "where"),
    [
        (replace(KEPT, owner=""), True, "owner"),
        (replace(KEPT, columns=(replace(KM, evidence=""),)), False, "evidence"),
        (replace(KEPT, relations=()), False, "key"),
        (replace(KEPT, columns=(KM, Column("t", Kind.TEXT, Role.CHECKED, pattern="(a+)+", evidence="e"))), True, "t"),
    ],
)
def test_what_a_contract_lacks_is_named(contract, problem, where):
    (remark,) = lint(contract)
    assert (remark.problem, remark.where) == (problem, where)
    assert remark.hint


def test_content_that_changes_under_one_version_is_a_problem():
    (remark,) = lint(replace(KEPT, columns=(replace(KM, minimum=1.0),)), before=KEPT)
    assert (remark.problem, remark.where) == (True, "version")


@pytest.mark.parametrize(
    ("pattern", "part"),
    [
        ("(a+)+b", "(a+)+"),
        ("((ab)*c)*", "((ab)*c)*"),
        ("x(?:[a-z]{2,})*y", "(?:[a-z]{2,})*"),
        ("(a|ab)+", "(a|ab)+"),
        ("(a+)?b+", ""),
        ("[(a+)+]+", ""),
        (r"\(a+\)+", ""),
        ("([]+)]x)*", ""),
        ("(ab|cd)+", ""),
        ("(a{2,5})*", ""),
        ("N[0-9]{1,5}[A-Z]{1,4}|N[0-9]{4,6}", ""),
    ],
)
def test_patterns_that_may_take_very_long_are_found(pattern, part):
    re.compile(pattern)
    assert slow_part(pattern) == part


def test_a_check_as_junit_names_every_promise_once():
    contract = Contract(
        "tri\x00ps",
        1,
        "ana",
        (KM, Column("t<&", Kind.CATEGORY, levels=("a",)), Column("at", Kind.TIME, Role.TIME)),
        rules=(Rule("r", "km < 9"),),
        batch=Batch(minimum_rows=100, action=Action.REJECT),
    )
    rows = pl.DataFrame({"km": [1.0, -1.0, 10.0], "t<&": ["a", "b", "\x01"], "at": ["2020-01-01"] * 3})
    found = check(rows, contract)
    suite = ET.fromstring(junit(contract, found.report(), name="a\x02.csv"))[0]
    cases = {case.get("name"): case for case in suite}
    assert list(cases) == ["column km", "column t<&", "column at", "expression:r", "the batch as a whole"]
    assert {name for name, case in cases.items() if case.find("failure") is not None} == {"column km", "expression:r"}
    told = cases["column t<&"].findtext("system-out") or ""
    assert told.startswith("warn by in_set on t<&: 2 rows, such as 1, 2.")
    assert suite.get("failures") == "2"
