"""Schemas of pandera taken over. `suites/pandera-0.35.*` were written by pandera 0.35.0 from one schema."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from daytwo.contracts.column import Column, Role
from daytwo.contracts.exchange.adopt_pandera import from_pandera
from daytwo.contracts.exchange.documents import read_document
from daytwo.contracts.table.columnar import check
from daytwo.contracts.toml import from_toml
from daytwo.contracts.toml_text import to_toml
from daytwo.core.errors import DataError
from daytwo.core.schema import Kind

SUITES = Path(__file__).parent / "suites"


def table(**columns):
    return {"schema_type": "dataframe", "columns": columns}


def test_a_schema_written_as_yaml_or_json_becomes_the_same_contract():
    adopted = from_pandera(read_document(SUITES / "pandera-0.35.yaml"), name="trips", owner="ana")
    assert adopted == from_pandera(json.loads((SUITES / "pandera-0.35.json").read_text()), name="trips", owner="ana")
    contract = adopted.contract
    assert contract.column("km") == Column("km", Kind.NUMBER, nullable=True, minimum=0.0, maximum=5000.0)
    assert contract.column("age").minimum == 18.0, "more than 17 is at least 18 of a whole number"
    assert not contract.column("ok").required
    assert contract.column("kind").levels == ("a", "b")
    assert contract.column("tail").role is Role.CHECKED
    assert contract.column("code").repair == ("parse",)
    assert [rule.expression for rule in contract.rules] == ["speed < 300", "w != 3.0", "eq == 'x'"]
    assert {one.reads for one in contract.relations} == {("id",), ("carrier", "at")}
    assert [note.promise for note in adopted.changed] == ["coerce(code)", "strict"]
    assert [note.promise for note in adopted.left] == ["the columns ^re_.*$"]
    assert from_toml(to_toml(contract)) == contract


@pytest.mark.parametrize(
    ("checks", "bad"),
    [
        ({"str_matches": "b"}, [0, 2, 3]),
        ({"str_contains": "b"}, [0, 3]),
        ({"str_startswith": "a"}, [1, 3]),
        ({"str_endswith": "c"}, [0, 1]),
        ({"isin": ["a", "b"]}, [2, 3]),
        ({"notin": ["a", "b"]}, [0, 1]),
        ({"not_equal_to": "c"}, [3]),
        # As older versions wrote them.
        ({"checks": {"str_matches": {"value": "b", "options": {"raise_warning": False}}}}, [0, 2, 3]),
        ({"checks": [{"value": "b", "options": {"check_name": "str_matches"}}]}, [0, 2, 3]),
        ({"checks": {"isin": {"value": ["a"], "options": {"raise_warning": True}}}}, []),
    ],
)
def test_a_check_names_the_same_rows_as_the_tool_does(checks, bad):
    adopted = from_pandera(table(t={"dtype": "str", "nullable": False, **checks}))
    assert adopted.left == ()
    found = check(adopted.contract, pl.DataFrame({"t": ["a", "b", "abc", "c"]}))
    assert found.failures["row"].to_list() == bad


def test_a_default_and_a_coercion_become_repairs():
    contract = from_pandera(table(km={"dtype": "float64", "coerce": True, "default": 3.0})).contract
    assert contract.column("km").repair == ("parse", "default 3.0")
    assert not contract.column("km").nullable
    whole = from_pandera(table(km={"dtype": "float64"}) | {"coerce": True})
    assert whole.contract.column("km").repair == ("parse",)
    assert [note.promise for note in whole.changed] == ["coerce"]


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        (table(t={"dtype": "str", "my_check": 3}), "my_check(t)"),
        (table(t={"dtype": "str", "str_matches": "("}), "the promises of t"),
        (table(t={"dtype": "datetime64[ns]", "greater_than": "2020-01-01"}), "greater_than(t)"),
        (table(t={"nullable": True}), "t"),
        (table(t={"dtype": "str"}) | {"ordered": True}, "ordered"),
        (table(t={"dtype": "str"}) | {"index": [{"dtype": "int64"}]}, "index"),
        (table(t={"dtype": "str"}) | {"checks": {"wide": 3}}, "the check wide of the whole table"),
    ],
)
def test_what_cannot_be_carried_over_is_named(schema, named):
    assert [note.promise for note in from_pandera(schema).left] == [named]


@pytest.mark.parametrize("given", [None, [], {}, {"columns": ["a"]}])
def test_what_is_no_schema_is_refused_with_a_way_out(given):
    with pytest.raises(DataError, match=r"no pandera schema.*to_yaml"):
        from_pandera(given)


def test_a_file_that_is_no_document_is_refused(tmp_path):
    (tmp_path / "a.yaml").write_text("a: [")
    (tmp_path / "a.json").write_text("{")
    (tmp_path / "object.yaml").write_text("!!python/object/apply:os.getcwd []")
    (tmp_path / "latin.json").write_bytes(b"\xff")
    for name in ("a.yaml", "a.json", "object.yaml", "latin.json"):
        with pytest.raises(DataError, match=name):
            read_document(tmp_path / name)
