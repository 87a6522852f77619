"""Promises of a table as a whole, judged by counts that add up over its parts; `batch.py` says what they mean.

All rows count as they came, before any is mended or rejected. What cannot be read counts as missing in a spread, but
is not missing. A window is whole where rows lie before and after it, or reach into its first and its last quarter.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl

from daytwo.contracts.batch import Batch, BatchBreach, Distribution
from daytwo.contracts.contract import Contract
from daytwo.contracts.table.plan import Plan
from daytwo.contracts.table.repeats import NO_ROWS, Repeats, repeats
from daytwo.core.durations import duration

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REACH = 0.25


@dataclass(frozen=True, slots=True)
class Tally:
    """What is counted of rows: `missing` by column, `spreads` by column and bin, `windows` by their number.

    `first` and `last` are the ends of the event times, in microseconds since 1970; `repeats` counts rows that are
    alike.
    """

    rows: int = 0
    missing: Mapping[str, int] = field(default_factory=dict)
    spreads: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    windows: Mapping[int, int] = field(default_factory=dict)
    first: int | None = None
    last: int | None = None
    repeats: Repeats = NO_ROWS

    def __add__(self, other: Tally) -> Tally:
        """Return the counts of both."""
        spreads = {
            name: tuple(map(sum, zip(self.spreads.get(name, (0,) * len(counts)), counts, strict=True)))
            for name, counts in other.spreads.items()
        }
        firsts = [end for end in (self.first, other.first) if end is not None]
        lasts = [end for end in (self.last, other.last) if end is not None]
        return Tally(
            self.rows + other.rows,
            dict(Counter(self.missing) + Counter(other.missing)),
            {**self.spreads, **spreads},
            _added(self.windows, other.windows),
            min(firsts, default=None),
            max(lasts, default=None),
            self.repeats + other.repeats,
        )


def tally(held: Plan, rows: pl.LazyFrame) -> Tally:
    """Count what the promises of the whole need of rows under the plan's names."""
    positions = {column.name: i for i, column in enumerate(held.columns) if column.name not in held.absent}
    wanted: dict[str, pl.Expr] = {"rows": pl.len()}
    for name, i in positions.items():
        if held.columns[i].max_null_share is not None:
            wanted[f"missing {name}"] = _missing(held, i).sum()
    spreads = [one for one in held.contract.distributions if one.column in positions]
    for one in spreads:
        if one.edges:
            value = _value(held, positions[one.column])
            wanted |= {f"edge {one.column} {i}": (value >= edge).sum() for i, edge in enumerate(one.edges)}
            wanted[f"held {one.column}"] = value.count()
    time = held.contract.time
    moment = _value(held, positions[time.name]) if time is not None and time.name in positions else None
    batch = held.contract.batch
    if moment is not None and (batch.max_age or _has_volume(batch)):
        wanted |= {"first": moment.min().to_physical(), "last": moment.max().to_physical()}
    names = {f"{i}": one for i, one in enumerate(wanted)}
    found = rows.select(expr.alias(f"{i}") for i, expr in enumerate(wanted.values())).collect(engine="streaming")
    counts = {names[name]: value for name, value in found.row(0, named=True).items()}
    return Tally(
        counts["rows"],
        {name: counts[f"missing {name}"] for name in positions if f"missing {name}" in counts},
        {one.column: _spread(one, counts, held, rows, positions) for one in spreads},
        _windows(rows, moment, batch) if moment is not None and _has_volume(batch) else {},
        counts.get("first"),
        counts.get("last"),
        NO_ROWS if batch.max_repeat_share is None else repeats(rows, [_value(held, i) for i in positions.values()]),
    )


def breaches(contract: Contract, counts: Tally, now: datetime | None) -> tuple[BatchBreach, ...]:
    """Return the promises that rows so counted break as a whole; freshness is judged only where `now` is given."""
    return (
        *_null_shares(contract, counts),
        *_repeat_share(contract, counts),
        *_freshness(contract, counts, now),
        *_volume(contract, counts),
        *_distributions(contract, counts),
    )


def _value(held: Plan, position: int) -> pl.Expr:
    return held.read(position).value


def _missing(held: Plan, position: int) -> pl.Expr:
    cell, column, dtype = pl.col(held.cells[position]), held.columns[position], held.dtypes[position]
    if column.is_numeric and column.nan == "missing" and dtype.is_float():
        return cell.is_null() | cell.is_nan().fill_null(False)
    return cell.is_null()


def _has_volume(batch: Batch) -> bool:
    return batch.minimum_rows is not None or batch.maximum_rows is not None


def _spread(
    one: Distribution, counts: Mapping[str, int], held: Plan, rows: pl.LazyFrame, positions: Mapping[str, int]
) -> tuple[int, ...]:
    if one.edges:
        above = [counts[f"edge {one.column} {i}"] for i in range(len(one.edges))]
        steps = [counts[f"held {one.column}"], *above, 0]
        bins = [more - fewer for more, fewer in pairwise(steps)]
        return (*bins, counts["rows"] - counts[f"held {one.column}"])
    other = len(one.levels)
    value = _value(held, positions[one.column]).cast(pl.String)
    code = value.replace_strict(list(one.levels), list(range(other)), default=other, return_dtype=pl.Int64)
    place = pl.when(value.is_null()).then(other + 1).otherwise(code)
    found = rows.select(place.alias("place")).group_by("place").len().collect(engine="streaming")
    by_place = dict(found.iter_rows())
    return tuple(by_place.get(place, 0) for place in range(other + 2))


def _windows(rows: pl.LazyFrame, moment: pl.Expr, batch: Batch) -> dict[int, int]:
    number = moment.to_physical() // _microseconds(batch.window)
    found = rows.select(number.alias("window")).drop_nulls().group_by("window").len().collect(engine="streaming")
    return dict(found.iter_rows())


def _added(many: Mapping[int, int], few: Mapping[int, int]) -> dict[int, int]:
    """Return both counts; of a long table one of them is long."""
    return {**many, **{window: many.get(window, 0) + rows for window, rows in few.items()}}


def _microseconds(text: str) -> int:
    return max(1, duration(text) // timedelta(microseconds=1))


def _null_shares(contract: Contract, counts: Tally) -> Iterator[BatchBreach]:
    for column in contract.columns:
        limit = column.max_null_share
        if limit is None or column.name not in counts.missing or not counts.rows:
            continue
        share = counts.missing[column.name] / counts.rows
        if share > limit:
            words = f"{share:.2%} of {column.name} is missing; at most {limit:.2%} may be"
            yield BatchBreach(column.name, "null_share", words, contract.batch.action, share, limit)


def _repeat_share(contract: Contract, counts: Tally) -> Iterator[BatchBreach]:
    limit, share = contract.batch.max_repeat_share, counts.repeats.share
    if limit is not None and share > limit:
        words = f"{share:.2%} of the rows repeat a row before them; at most {limit:.2%} may"
        yield BatchBreach("", "repeat_share", words, contract.batch.action, share, limit)


def _freshness(contract: Contract, counts: Tally, now: datetime | None) -> Iterator[BatchBreach]:
    batch, time = contract.batch, contract.time
    if not batch.max_age or time is None or now is None or counts.last is None:
        return
    newest = _EPOCH + timedelta(microseconds=counts.last)
    age, limit = (now - newest).total_seconds(), duration(batch.max_age).total_seconds()
    if age > limit:
        words = f"the newest {time.name} is of {newest:%Y-%m-%d %H:%M} UTC, older than {batch.max_age}"
        yield BatchBreach(time.name, "freshness", words, batch.action, age, limit)


def _volume(contract: Contract, counts: Tally) -> Iterator[BatchBreach]:
    batch, time = contract.batch, contract.time
    if not _has_volume(batch):
        return
    name, place = ("", "the batch") if time is None else (time.name, f"a window of {batch.window}")
    fewest, most = _fewest_and_most(batch, counts) if time is not None else (counts.rows, counts.rows)
    if batch.minimum_rows is not None and fewest is not None and fewest < batch.minimum_rows:
        words = f"{place} has {fewest} rows; at least {batch.minimum_rows} are promised"
        yield BatchBreach(name, "volume", words, batch.action, fewest, batch.minimum_rows)
    if batch.maximum_rows is not None and most is not None and most > batch.maximum_rows:
        words = f"{place} has {most} rows; at most {batch.maximum_rows} are promised"
        yield BatchBreach(name, "volume", words, batch.action, most, batch.maximum_rows)


def _fewest_and_most(batch: Batch, counts: Tally) -> tuple[int | None, int | None]:
    """Return the rows of the emptiest whole window and of the fullest window; None where there is none."""
    if counts.first is None or counts.last is None:
        return None, None
    length = _microseconds(batch.window)
    first, last = counts.first // length, counts.last // length
    begins = counts.first - first * length <= _REACH * length
    ends = counts.last - last * length >= (1 - _REACH) * length
    low = first if begins and (ends or first < last) else first + 1
    high = last if ends and (begins or first < last) else last - 1
    held = [rows for window, rows in counts.windows.items() if low <= window <= high]
    is_gap = high - low + 1 > len(held)
    return 0 if is_gap else min(held, default=None), max(counts.windows.values(), default=None)


def _distributions(contract: Contract, counts: Tally) -> Iterator[BatchBreach]:
    for one in contract.distributions:
        if one.column not in counts.spreads or not counts.rows:
            continue
        shares = [count / counts.rows for count in counts.spreads[one.column]]
        distance = math.fsum(abs(seen - said) for seen, said in zip(shares, one.shares, strict=True)) / 2
        if distance > one.max_distance:
            words = (
                f"{one.column} is spread otherwise: distance {distance:.3f}, at most {one.max_distance:g} is promised"
            )
            yield BatchBreach(one.column, "distribution", words, one.action, distance, one.max_distance)
