"""Suites of Great Expectations taken over and given back.

`suites/gx-*.json` were written by Great Expectations 1.24.1 and 0.18.22. The cells that the real 1.24.1 named in
these rows, once, are the known answers here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from daytwo.contracts.action import Action
from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract, Rule
from daytwo.contracts.exchange.adopt import kind_named, whole_pattern
from daytwo.contracts.exchange.adopt_gx import from_gx
from daytwo.contracts.exchange.export_gx import to_gx
from daytwo.contracts.relations import Dependency, Monotone, Unique
from daytwo.contracts.table.columnar import check
from daytwo.contracts.toml import from_toml
from daytwo.contracts.toml_text import to_toml
from daytwo.core.errors import DataError
from daytwo.core.schema import Kind

SUITES = Path(__file__).parent / "suites"


def suite(*expectations: dict[str, Any]) -> dict[str, Any]:
    return {"name": "s", "expectations": list(expectations)}


def expect(what: str, severity: str = "critical", **kwargs: Any) -> dict[str, Any]:
    return {"type": f"expect_{what}", "kwargs": kwargs, "severity": severity}


def test_a_suite_of_version_1_becomes_a_contract_and_what_it_cannot_be_is_named():
    given = json.loads((SUITES / "gx-1.24.json").read_text())
    numbers = dict.fromkeys(("arrival", "departure", "a", "b"), Kind.NUMBER)
    adopted = from_gx(given, owner="ana", roles={"id": Role.KEY}, kinds=numbers | {"at": Kind.TIME, "gone": Kind.TEXT})
    contract = adopted.contract
    assert (contract.name, contract.version, contract.owner) == ("trips", 1, "ana")
    assert contract.column("km").max_null_share == 0.05
    assert (contract.column("km").minimum, contract.column("km").maximum) == (0.0, 5000.0)
    assert contract.column("speed").expected_minimum == 0.0, "a warning there is the expected range here"
    assert contract.column("carrier").levels == ("AA", "B6", "DL")
    assert contract.column("carrier").other == "reject"
    assert contract.column("tail").pattern == "N[0-9]+[A-Z]*"
    assert (contract.column("code").min_length, contract.column("code").max_length) == (3, 3)
    assert contract.column("id").kind is Kind.INTEGER
    assert contract.key == contract.column("id")
    assert contract.column("at").role is Role.CHECKED
    rules = {rule.expression: rule.action for rule in contract.rules}
    assert rules == {
        "speed < 300.0": Action.WARN,
        "arrival >= departure": Action.REJECT,
        "a == b": Action.REJECT,
        "a + b == 100.0": Action.REJECT,
        "code != 'XXX'": Action.REJECT,
    }
    assert {one.reads for one in contract.relations} == {("id",), ("carrier", "at")}
    assert (contract.batch.minimum_rows, contract.batch.maximum_rows, contract.batch.action) == (500, 500, "reject")
    assert [note.promise for note in adopted.left] == [
        "expect_select_column_values_to_be_unique_within_record(carrier, code)",
        "expect_column_mean_to_be_between(km)",
        "expect_column_values_to_be_null(gone)",
        "expect_column_values_to_match_regex_list(tail)",
    ]
    assert adopted.carried + len(adopted.left) == len(given["expectations"])
    assert from_toml(to_toml(contract)) == contract


def test_a_suite_of_version_0_18_is_read_too():
    contract = from_gx(json.loads((SUITES / "gx-0.18.json").read_text())).contract
    assert contract.columns == (
        Column("km", Kind.NUMBER, nullable=True, minimum=0.0, maximum=5000.0, max_null_share=0.05),
    )


@pytest.mark.parametrize(
    ("expectation", "bad"),
    [
        (expect("column_values_to_be_between", column="n", min_value=2, strict_min=True), [0, 1]),
        (expect("column_values_to_be_between", column="n", max_value=3, strict_max=True), [2, 3]),
        (expect("column_values_to_be_in_set", column="n", value_set=[1, 2]), [2, 3]),
        (expect("column_values_to_not_be_in_set", column="n", value_set=[1, 2]), [0, 1]),
        (expect("column_values_to_match_regex", column="t", regex="b"), [0, 3]),
        (expect("column_values_to_match_regex", column="t", regex="^a|c$"), [1]),
        (expect("column_values_to_not_match_regex", column="t", regex="b"), [1, 2]),
        (expect("column_values_to_match_regex_list", column="t", regex_list=["^b", "^a$"]), [2, 3]),
        (expect("column_value_lengths_to_equal", column="t", value=1), [2]),
        (expect("column_values_to_not_be_in_set", column="my n", value_set=[3]), [2]),
    ],
)
def test_an_expectation_names_the_same_rows_as_the_tool_does(expectation, bad):
    rows = pl.DataFrame({"n": [1, 2, 3, 4], "t": ["a", "b", "abc", "c"], "my n": [1, 2, 3, 4]})
    adopted = from_gx(suite(expectation), kinds={"n": Kind.INTEGER, "t": Kind.TEXT, "my n": Kind.INTEGER})
    assert adopted.left == ()
    found = check(adopted.contract, rows).failures
    if expectation["type"] != "expect_column_value_lengths_to_equal":
        assert sorted(set(found["row"])) == bad


def test_mostly_becomes_a_warning_and_is_told():
    adopted = from_gx(suite(expect("column_values_to_match_regex", column="t", regex="^a$", mostly=0.9)))
    assert adopted.contract.column("t").warn == ("match_regex",)
    assert "mostly = 0.9" in adopted.changed[0].why
    none = from_gx(suite(expect("column_values_to_not_be_null", "warning", column="t")), kinds={"t": Kind.TEXT})
    assert none.contract.column("t").max_null_share == 0.0
    assert none.contract.column("t").nullable


@pytest.mark.parametrize(
    ("expectation", "why"),
    [
        (expect("column_values_to_be_between", column="at", min_value="2020-01-01"), "one of numbers"),
        (expect("column_values_to_be_in_set", column="n", value_set=[1], row_condition="x>1"), "only for some rows"),
        (expect("column_values_to_be_in_set", column="n", value_set=list(range(99))), "up to 20 numbers"),
        (expect("column_values_to_be_of_type", column="n", type_="struct"), "no one kind"),
        (expect("column_values_to_be_between", min_value=1), "arguments cannot be read"),
        (expect("column_values_to_be_spicy", column="n"), "no promise of this meaning"),
        ({"kwargs": {}}, "no promise of this meaning"),
    ],
)
def test_what_cannot_be_carried_over_is_named_with_the_reason(expectation, why):
    left = from_gx(suite(expectation), kinds={"n": Kind.NUMBER, "at": Kind.TIME}).left
    assert any(why in note.words for note in left), left


@pytest.mark.parametrize("given", [[], {}, {"expectations": 3}, {"expectations": [3]}, None])
def test_what_is_no_suite_is_refused_with_a_way_out(given):
    with pytest.raises(DataError, match=r"no expectation suite.*Give the JSON file"):
        from_gx(given)


def test_types_of_other_tools_are_known_by_their_names():
    assert kind_named("dtypes.Int64") is Kind.INTEGER
    assert [kind_named(name) for name in ("Nothing", "interval", "struct<a>", "")] == [None] * 4
    assert kind_named("StringType") is kind_named("NVARCHAR(30)") is Kind.TEXT
    assert whole_pattern("^a$") == "a"
    assert whole_pattern("a\\$") == "[\\s\\S]*a\\$[\\s\\S]*"


def test_what_is_given_back_comes_home_the_same():
    contract = Contract(
        "trips",
        4,
        "ana",
        (
            Column(
                "km", Kind.NUMBER, minimum=0.0, maximum=9.0, expected_maximum=5.0, nullable=True, max_null_share=0.25
            ),
            Column("carrier", Kind.CATEGORY, levels=("AA", "B6")),
            Column("tail", Kind.TEXT, Role.CHECKED, pattern="N[0-9]+", max_length=6, warn=("length",)),
            Column("start", Kind.NUMBER),
            Column("end", Kind.NUMBER, repair=("parse",)),
        ),
        rules=(Rule("order", "start <= end"), Rule("soon", "end < 100"), Rule("odd", "start * 2 == end")),
        relations=(
            Unique("both", ("carrier", "tail")),
            Monotone("start", "start", action=Action.WARN),
            Dependency("d", ("carrier",), "tail"),
        ),
    )
    given = to_gx(contract)
    assert [note.promise for note in given.left] == ["repair of end", "the rule odd", "dependency:d"]
    kinds = {column.name: column.kind for column in contract.columns}
    back = from_gx(json.loads(json.dumps(given.document)), owner="ana", kinds=kinds)
    assert back.left == ()
    assert {"end >= start"} <= {rule.expression for rule in back.contract.rules}
    assert back.contract.column("end").maximum is None
    for name in ("km", "carrier", "tail"):
        assert back.contract.column(name) == contract.column(name)
    assert {one.reads for one in back.contract.relations} == {("carrier", "tail"), ("start",)}
    assert given.document["meta"]["daytwo"]["digest"] == contract.digest
