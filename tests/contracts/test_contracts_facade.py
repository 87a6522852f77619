"""`from daytwo.contracts import propose, check`: on tables of several libraries, without a project."""

from __future__ import annotations

import ast
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

import daytwo.contracts
import daytwo.contracts.proposing.propose  # the file of the same name may not take the function's place
from daytwo.contracts import Contract, Report, Validation, check, propose, read_contract
from daytwo.contracts.column import Column, Role
from daytwo.contracts.foreign import as_polars
from daytwo.contracts.relations import Reference
from daytwo.contracts.toml_text import to_toml
from daytwo.core.errors import DataError, NotFound
from daytwo.core.schema import Kind

ROWS = pl.DataFrame({"km": [1.0, 2.0, -1.0, None], "carrier": ["AA", "B6", "AA", "AA"]})
CONTRACT = Contract(
    "trips",
    1,
    "ana",
    (
        Column("km", Kind.NUMBER, minimum=0.0, nullable=True),
        Column("carrier", Kind.CATEGORY, levels=("AA",), repair=("trim",)),
    ),
)


class Arrow:
    """What any Arrow table is to us: something that hands out a stream."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._frame.__arrow_c_stream__(requested_schema)


def test_names_are_handed_on_and_the_stub_says_the_same():
    assert daytwo.contracts.propose is propose
    assert callable(propose)
    assert set(daytwo.contracts.__all__) <= set(dir(daytwo.contracts))
    stub = ast.parse((Path(daytwo.contracts.__file__).with_suffix(".pyi")).read_text())
    named = {name.asname: node.module for node in stub.body if isinstance(node, ast.ImportFrom) for name in node.names}
    homes = {name: f"daytwo.contracts.{home}" for name, home in daytwo.contracts._HOMES.items()}
    assert named == homes
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        daytwo.contracts.nothing  # noqa: B018


def test_a_check_gives_a_value_that_holds_everything():
    rows = ROWS.with_columns(carrier=pl.Series(["AA", "B6", "AA ", "AA"]))
    found = check(rows, CONTRACT, now=datetime(2026, 1, 2, tzinfo=UTC))
    assert isinstance(found, Validation)
    assert not found.passed
    assert found.accepted.height == 3
    assert found.rejected["_row"].to_list() == [2]
    assert found.failures.select("row", "column", "rule", "value").rows() == [(2, "km", "between", "-1.0")]
    assert found.warnings.select("row", "column", "rule").rows() == [(1, "carrier", "in_set")]
    assert found.repairs.select("row", "value", "repaired").rows() == [(2, "AA ", "AA")]
    assert found.batch == ()
    assert isinstance(found.report(), Report)
    assert found.report().rejected == 1
    assert found.page().startswith("<!doctype html>")


def test_a_contract_may_be_a_file(tmp_path):
    (tmp_path / "c.toml").write_text(to_toml(CONTRACT))
    assert read_contract(tmp_path / "c.toml") == CONTRACT
    for path in (tmp_path / "c.toml", str(tmp_path / "c.toml")):
        assert check(ROWS, path).report().rejected == 1
    with pytest.raises(NotFound, match=r"none\.toml"):
        check(ROWS, tmp_path / "none.toml")


def test_arrow_and_lazy_frames_are_tables_too():
    for frame in (Arrow(ROWS), ROWS.lazy()):
        assert check(frame, CONTRACT).report() == check(ROWS, CONTRACT).report()
    assert propose(Arrow(ROWS), name="trips") == propose(ROWS, name="trips")


def test_a_pandas_frame_gives_the_same_verdict():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "km": [1.0, 2.0, -1.0, float("nan")],
            "carrier": ["AA", "B6", "AA", "AA"],
            "n": pandas.array([1, None, 3, 4], dtype="Int64"),
            "at": pandas.to_datetime(["2020-01-01", None, "2020-01-03", "2020-01-04"], utc=True),
            "day": pandas.to_datetime(["2020-01-01", None, "2020-01-03", "2020-01-04"]),
            "kind": pandas.Categorical(["a", None, "b", "a"]),
            "ok": [True, False, True, True],
            "odd": [1, "x", None, 2.5],
            3: [1, 2, 3, 4],
        },
        index=[9, 8, 7, 6],
    )
    assert check(frame[["km", "carrier"]], CONTRACT).report() == check(ROWS, CONTRACT).report()
    read = as_polars(frame)
    assert read.schema == {
        "km": pl.Float64,
        "carrier": pl.String,
        "n": pl.Int64,
        "at": pl.Datetime("us", "UTC"),
        "day": pl.Datetime("us"),
        "kind": pl.String,
        "ok": pl.Boolean,
        "odd": pl.String,
        "3": pl.Int64,
    }
    assert read.null_count().row(0) == (1, 0, 1, 1, 1, 1, 0, 1, 0)
    made = propose(frame, name="p")
    with pytest.raises(DataError, match="two columns named '3'"):
        check(frame.assign(**{"3": 1}), made)


def test_a_reference_is_judged_with_the_table_it_names():
    trips = Contract("t", 1, "", (Column("carrier", Kind.TEXT, Role.CHECKED),))
    kept = Contract("t", 1, "", trips.columns, relations=(Reference("known", ("carrier",), "carriers", ("code",)),))
    found = check(ROWS, kept, tables={"carriers": pl.DataFrame({"code": ["AA"]})})
    assert found.failures["rule"].to_list() == ["reference:known"]
    with pytest.raises(DataError, match="carriers"):
        check(ROWS, kept)


def test_a_target_is_judged_where_it_is_there():
    kept = Contract("t", 1, "", (Column("km", Kind.NUMBER, nullable=True), Column("y", Kind.NUMBER, Role.TARGET)))
    rows = pl.DataFrame({"km": [1.0], "y": [None]}, schema={"km": pl.Float64, "y": pl.Float64})
    assert check(rows, kept).report().rejected == 1
    assert check(rows, kept, labels=False).passed
    assert check(rows.drop("y"), kept).passed


@pytest.mark.parametrize("given", [[{"km": 1}], "rows.csv", 3, date(2020, 1, 1)])
def test_what_is_no_table_is_refused_with_a_way_out(given):
    with pytest.raises(DataError, match="Polars or pandas frame"):
        check(given, CONTRACT)


def test_rows_and_contract_the_wrong_way_round_are_told():
    with pytest.raises(DataError, match=r"check\(rows, contract\)"):
        check(CONTRACT, ROWS)  # type: ignore[arg-type]


def test_nothing_is_left_on_disk_and_the_five_lines_of_the_readme_run(tmp_path):
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    block = readme.partition("```python\n")[2].partition("```")[0]
    assert len([line for line in block.splitlines() if line.strip()]) == 5
    ROWS.write_parquet(tmp_path / "march.parquet")
    ROWS.write_parquet(tmp_path / "april.parquet")
    before = sorted(tmp_path.iterdir())
    done = subprocess.run(
        [sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert sorted(tmp_path.iterdir()) == before
