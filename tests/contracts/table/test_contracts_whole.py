"""Promises of a batch as a whole: known answers."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from daytwo.contracts.action import Action
from daytwo.contracts.batch import Batch, Distribution
from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.table.columnar import Checked, check
from daytwo.contracts.table.report import report
from daytwo.core.schema import Kind

START = datetime(2024, 1, 1, tzinfo=UTC)


def hours(*offsets: float) -> list[datetime]:
    return [START + timedelta(hours=offset) for offset in offsets]


def judged(times: list[datetime], batch: Batch, now: datetime | None = None) -> Checked:
    contract = Contract("t", 1, "", (Column("at", Kind.TIME, Role.TIME),), batch=batch)
    return check(contract, pl.DataFrame({"at": times}, schema={"at": pl.Datetime("us", "UTC")}), now=now)


def told(checked: Checked) -> list[tuple[str, str, float, float]]:
    return [(one.rule, one.column, one.observed, one.limit) for one in checked.batch]


def test_too_many_missing_values_are_told_with_their_share() -> None:
    column = Column("x", Kind.NUMBER, nullable=True, nan="missing", max_null_share=0.5)
    contract = Contract("t", 1, "", (column,))
    checked = check(contract, pl.DataFrame({"x": [None, float("nan"), 1.0, None]}))
    assert told(checked) == [("null_share", "x", 0.75, 0.5)]
    assert checked.batch[0].message == "75.00% of x is missing; at most 50.00% may be"
    assert check(contract, pl.DataFrame({"x": [None, 1.0]})).batch == ()
    assert check(contract, pl.DataFrame({"x": []}, schema={"x": pl.Float64})).batch == ()


def test_a_batch_is_stale_from_its_newest_time_on() -> None:
    times = hours(0, 5)
    assert told(judged(times, Batch(max_age="1d"), START + timedelta(hours=29))) == []
    late = judged(times, Batch(max_age="1d"), START + timedelta(hours=30))
    assert told(late) == [("freshness", "at", 25 * 3600.0, 24 * 3600.0)]
    assert told(judged(times, Batch(max_age="1d"))) == []
    assert told(judged([], Batch(max_age="1d"), START)) == []


@pytest.mark.parametrize(
    ("offsets", "broken"),
    [
        ([0.1, 0.2, 1.5, 2.1, 2.9], [1]),  # the hour in the middle is whole, whatever its rows
        ([0.1, 0.2, 2.1, 2.9], [0]),  # an empty hour between two others
        ([0.5, 1.1, 1.2, 2.5], []),  # the first and the last hour are cut
        ([0.1, 1.1, 1.9, 2.5], [1]),  # the first hour is reached from its beginning
        ([0.5, 1.1, 1.9, 2.1, 2.2], []),
        ([0.5, 1.1, 1.9, 2.9], [1]),  # the last hour is reached to its end
        ([0.3, 0.6], []),  # a part of an hour is no whole hour
        ([0.1, 0.9], []),
        ([0.9], []),
        ([], []),
    ],
)
def test_whole_windows_have_at_least_so_many_rows(offsets: list[float], broken: list[int]) -> None:
    found = judged(hours(*offsets), Batch(window="1h", minimum_rows=2))
    assert [one.observed for one in found.batch] == broken


def test_any_window_has_at_most_so_many_rows() -> None:
    found = judged(hours(0.4, 0.5, 0.6, 1.5), Batch(window="1h", maximum_rows=2))
    assert told(found) == [("volume", "at", 3, 2)]
    assert found.batch[0].message == "a window of 1h has 3 rows; at most 2 are promised"


def test_without_a_time_the_batch_is_the_window() -> None:
    batch = Batch(minimum_rows=2, maximum_rows=3, action=Action.REJECT)
    contract = Contract("t", 1, "", (Column("x", Kind.NUMBER),), batch=batch)
    held = {rows: check(contract, pl.DataFrame({"x": [1.0] * rows}, schema={"x": pl.Float64})) for rows in range(5)}
    assert [rows for rows, one in held.items() if one.refusals] == [0, 1, 4]
    assert told(held[4]) == [("volume", "", 4, 3)]


def test_spreads_are_compared_bin_by_bin_level_by_level() -> None:
    distributions = (
        Distribution("x", 0.2, (0.5, 0.25, 0.0, 0.25), edges=(0.0, 10.0)),
        Distribution("c", 0.2, (0.5, 0.5, 0.0, 0.0), levels=("a", "b")),
    )
    columns = (Column("x", Kind.NUMBER, nullable=True), Column("c", Kind.CATEGORY, levels=("a", "b"), nullable=True))
    contract = Contract("t", 1, "", columns, distributions=distributions)
    same = pl.DataFrame({"x": [-1.0, -2.0, 0.0, None], "c": ["a", "b", "a", "b"]})
    assert check(contract, same).batch == ()
    # A value on an edge belongs above it; a level that nobody knows is one of its own, as is a missing value.
    other = pl.DataFrame({"x": [0.0, 10.0, 11.0, float("inf")], "c": ["a", "q", None, "b"]})
    found = check(contract, other)
    assert told(found) == [("distribution", "x", 0.5, 0.2), ("distribution", "c", 0.5, 0.2)]
    assert check(contract, other.clear()).batch == ()


def test_a_broken_promise_of_the_whole_is_a_rule_of_the_report_without_rows() -> None:
    found = report(judged(hours(0.4, 0.5), Batch(window="1h", maximum_rows=1, action=Action.REJECT)))
    assert [(one.rule, one.action, one.rows, one.examples) for one in found.rules] == [("volume", "reject", 0, ())]
    assert (found.rows, found.accepted, found.rejected) == (2, 2, 0)
