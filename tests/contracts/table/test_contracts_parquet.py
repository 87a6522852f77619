"""A Parquet file judged by its dictionaries and statistics: the verdict of its rows in memory."""

import io
import math
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract, Rule
from daytwo.contracts.relations import Dependency, Unique
from daytwo.contracts.table.columnar import check
from daytwo.contracts.table.parquet import check_file
from daytwo.contracts.table.report import report
from daytwo.core.errors import DataError
from daytwo.core.schema import Kind

FLOATS = st.sampled_from([0.0, -0.0, 1.0, 5.0, 5.1, -1e-9, math.nan, math.inf, -math.inf, 3.4028235677973366e38, 1e-45])
TEXTS = st.sampled_from(["a", "b", "abc", "ä", "äöü", "A1", "a1", "", "1\n", "x" * 30])
CELLS = {
    pl.Float64: FLOATS,
    pl.Float32: FLOATS,
    pl.Int64: st.integers(-3, 12) | st.sampled_from([2**53 + 1, 2**63 - 1, -(2**63)]),
    pl.UInt8: st.integers(0, 255),
    pl.Int16: st.integers(-300, 300),
    pl.UInt64: st.integers(0, 12) | st.sampled_from([2**63, 2**64 - 1]),
    pl.String: TEXTS | st.sampled_from(["2024-01-01", "2024-13-01"]),
    pl.Categorical: TEXTS,
    pl.Boolean: st.booleans(),
    pl.Datetime("us", "UTC"): st.just(datetime(2024, 1, 1, tzinfo=UTC)),
    pl.List(pl.Int64): st.lists(st.integers(0, 1), max_size=1),
    pl.Null: st.none(),
}
PATTERNS = st.none() | st.sampled_from(["[a-z]+", r"\w*", "(?:a|b)?[0-9]{0,2}", "a.*|", "ä+"])
ENDS = st.none() | st.sampled_from([0.0, 1.0, 5.0, 5.1, 255.0, 300.5, -1e-45, 9.2e18, 1e300])


@st.composite
def columns(draw: st.DrawFn, name: str) -> Column:
    kind = draw(st.sampled_from(list(Kind)))
    numeric, textual = kind in {Kind.NUMBER, Kind.INTEGER}, kind in {Kind.CATEGORY, Kind.TEXT}
    low, high = sorted((draw(ENDS) if numeric else None for _ in range(2)), key=lambda end: (end is None, end or 0.0))
    levels = draw(st.sampled_from([("a", "abc"), ("a", "b", "abc", "ä", "äöü", "A1")])) if kind is Kind.CATEGORY else ()
    return Column(
        name,
        kind,
        Role.CHECKED,
        nullable=draw(st.booleans()),
        minimum=low,
        maximum=high,
        expected_minimum=draw(ENDS) if numeric and low is None and high is None else None,
        levels=levels,
        other=draw(st.sampled_from(["keep", "reject"])),
        nan=draw(st.sampled_from(["reject", "missing"])),
        pattern=draw(st.none() | st.sampled_from(["[a-z]+", r"\w*", "(?:a|b)?[0-9]{0,2}", "a.*|", "ä+"]))
        if textual
        else None,
        min_length=draw(st.none() | st.just(1)) if textual else None,
        max_length=draw(st.none() | st.sampled_from([2, 3])) if textual else None,
        repair=("trim",) if textual and draw(st.integers(0, 5)) == 0 else (),
    )


def written(frame: pl.DataFrame, path: Path, group: int) -> Path:
    content = io.BytesIO()
    frame.write_parquet(content, row_group_size=group)
    path.write_bytes(content.getvalue())
    return path


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_file_comes_to_what_its_rows_come_to(tmp_path: Path, data: st.DataObject) -> None:
    height = data.draw(st.integers(0, 9))
    names = data.draw(st.sampled_from([("a", "b", "c"), ("a", "*", "^b$")]))
    held = [data.draw(columns(name)) for name in names]
    series = []
    for column in held:
        dtype = data.draw(st.sampled_from(list(CELLS)))
        cells = data.draw(st.lists(st.none() | CELLS[dtype], min_size=height, max_size=height))
        series.append(pl.Series(cells, dtype=dtype, strict=False).rename(column.name))
    numeric = [column.name for column in held if column.is_numeric]
    rules = (Rule("r", f"col({numeric[0]!r}) <= col({numeric[-1]!r}) + 1"),) if len(numeric) > 1 else ()
    relations = (Unique("u", (names[0],)), Dependency("d", names[:1], names[1]))
    contract = Contract("t", 1, "", tuple(held), rules, relations)
    frame = pl.DataFrame(series)
    path = written(frame, tmp_path / "rows.parquet", data.draw(st.integers(1, 4)))
    whole = check(contract, frame)
    told: list[pl.DataFrame] = []
    assert check_file(contract, path, sink=told.append) == report(whole)
    lines = pl.concat(told).filter(pl.col("action") == "reject") if told else whole.failures
    assert sorted(lines.select(whole.failures.columns).rows(), key=repr) == sorted(whole.failures.rows(), key=repr)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_statistics_never_hide_what_is_no_number(tmp_path: Path, wrong: float) -> None:
    contract = Contract("t", 1, "", (Column("x", Kind.NUMBER, minimum=0.0, maximum=9.0),))
    frame = pl.DataFrame({"x": [1.0, 2.0, wrong, 3.0]})
    assert check_file(contract, written(frame, tmp_path / "rows.parquet", 4)).rules[0].examples == (2,)


def test_a_file_without_rows_or_without_a_column_is_told(tmp_path: Path) -> None:
    contract = Contract("t", 1, "", (Column("id", Kind.INTEGER),), relations=(Unique("id", ("id",)),))
    assert check_file(contract, written(pl.DataFrame({"id": [1]}).clear(), tmp_path / "a", 4)).rows == 0
    with pytest.raises(DataError, match="no column 'id'"):
        check_file(contract, written(pl.DataFrame({"no": [1]}), tmp_path / "b", 4))


def test_a_default_stands_in_for_a_column_that_the_file_has_not(tmp_path: Path) -> None:
    contract = Contract("t", 1, "", (Column("id", Kind.INTEGER, repair=("default 3",)), Column("x", Kind.NUMBER)))
    found = check_file(contract, written(pl.DataFrame({"x": [1.0, 2.0]}), tmp_path / "rows", 4))
    assert (found.accepted, found.repaired, found.rules[0].rule) == (2, 2, "missing_field")
