"""What came from each source, day by day: rows, bad rows by rule, and how long it was quiet. Kept as one small fact.

A day is counted once, when it is over, from the tables; whoever is killed counts it again and finds the same.
`source_health.py` judges by these days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import msgspec
import polars as pl

from daytwo.lifecycle.kept_aside.quarantine import QUARANTINE, read_reasons, with_shapes
from daytwo.lifecycle.kept_aside.quarantine_events import REPLAY_FILES, REPLAY_OF
from daytwo.lifecycle.kept_aside.verdicts import SERVER
from daytwo.lifecycle.sources.arrivals import INGESTS, came_at
from daytwo.lifecycle.system import System
from daytwo.monitoring.alarming.silence import Wait
from daytwo.predictions.record import ASKED

# Eight weeks: enough for weekdays to differ, and old habits are forgotten.
KEPT_DAYS = 56
# A project that has lived before is counted back so far.
_FIRST_DAYS = 28
_FACT = "source_tallies"
# What is no file is a source of its own: a Delta table, a database.
_ADDRESS = "^delta:|://|#"
Place = tuple[str, str]


class Day(msgspec.Struct):
    """One day of one source. `rules` are (column, rule, rows), `odd` those places that were told as a burst that day.

    `waits` are (hour, seconds): the longest wait that began in that hour. `last` is when the last row came.
    """

    rows: int
    bad: int
    last: datetime
    rules: list[tuple[str, str, int]] = []
    odd: list[Place] = []
    waits: list[tuple[int, float]] = []

    def count(self, place: Place) -> int:
        """Return how many rows broke a rule."""
        return sum(rows for column, rule, rows in self.rules if (column, rule) == place)


class Tallies(msgspec.Struct):
    """The days of each source, by name and date, and the last date that was counted."""

    until: date | None = None
    sources: dict[str, dict[date, Day]] = {}

    def past(self, source: str) -> list[tuple[date, Day]]:
        """Return a source's days, the oldest first."""
        return sorted(self.sources.get(source, {}).items())

    def waits(self, source: str) -> list[Wait]:
        """Return a source's waits."""
        return [
            Wait(day.toordinal() - 1, hour, seconds) for day, one in self.past(source) for hour, seconds in one.waits
        ]


@dataclass(frozen=True, slots=True)
class Came:
    """What came since some moment.

    `rows` has a line for each row that was answered, or file that was taken in: `source`, `came`, `rows`, of answers
    `_arm`, `_gain`, `_time`, and of what was taken in `file`. `bad` has a line for each row kept aside: `_id`,
    `source`, `file`, `came`, `when`, `reasons`, `shape`.
    """

    rows: pl.DataFrame
    bad: pl.DataFrame

    def since(self, moment: datetime) -> Came:
        """Return what came from then on."""
        return Came(self.rows.filter(pl.col("came") >= moment), self.bad.filter(pl.col("came") >= moment))

    def of(self, source: str) -> Came:
        """Return what came from one source."""
        return Came(self.rows.filter(pl.col("source") == source), self.bad.filter(pl.col("source") == source))

    @property
    def places(self) -> dict[Place, pl.DataFrame]:
        """The bad rows that broke each rule in each column."""
        found: dict[Place, list[str]] = {}
        for shape in self.bad.get_column("shape").unique().sort().to_list():
            for place in dict.fromkeys(read_reasons(shape)):
                found.setdefault(place, []).append(shape)
        return {place: self.bad.filter(pl.col("shape").is_in(shapes)) for place, shapes in sorted(found.items())}


def read_tallies(system: System) -> Tallies:
    """Return the days that were counted so far."""
    kept = system.windows.fact(_FACT)
    return Tallies() if kept is None else msgspec.json.decode(str(kept), type=Tallies)


def keep_tallies(system: System, tallies: Tallies) -> None:
    """Keep the days that were counted."""
    system.windows.keep_fact(_FACT, msgspec.json.encode(tallies).decode())


def begin_of(tallies: Tallies, now: datetime) -> datetime:
    """Return from when on rows are not counted yet."""
    first = now.date() - timedelta(days=_FIRST_DAYS)
    begin = first if tallies.until is None else max(tallies.until + timedelta(days=1), first)
    return datetime.combine(begin, time(), UTC)


def came_since(system: System, since: datetime, now: datetime) -> Came:
    """Read what came from `since` on, up to `now`; replays do not count."""
    parts = [_ROWS]
    # A table that is not there reads as one without columns.
    when = came_at(system, "predictions")
    columns = ["_received_at", "_time", "_arm", "_gain", REPLAY_OF]
    found = system.tables.read("predictions", columns=columns, where=(when >= since) & (when < now))
    if found.width:
        found = found.filter(pl.col(REPLAY_OF).is_null() & (pl.col("_arm") != ASKED))
        parts.append(found.select(pl.lit(SERVER).alias("source"), when.alias("came"), _one, "_arm", "_gain", "_time"))
    where = (pl.col("at") >= since) & (pl.col("at") < now) & ~pl.col("source").str.starts_with(REPLAY_FILES)
    taken = system.tables.read(INGESTS, columns=["source", "at", "rows"], where=where)
    if taken.width:
        when, rows = pl.col("at").alias("came"), pl.col("rows").cast(pl.Int64)
        parts.append(taken.select(_group(system), pl.col("source").alias("file"), when, rows))
    return Came(pl.concat(parts, how="diagonal"), _bad_since(system, since, now))


def count_days(tallies: Tallies, came: Came, now: datetime) -> list[tuple[str, date, Day]]:
    """Add every day that is over and not counted yet; return the new ones, the oldest first."""
    begin, end = begin_of(tallies, now), datetime.combine(now.date(), time(), UTC)
    within = (pl.col("came") >= begin) & (pl.col("came") < end)
    rows = came.rows.filter(within).sort("came")
    new: list[tuple[str, date, Day]] = []
    for key, part in rows.group_by("source", pl.col("came").dt.date().alias("day"), maintain_order=True):
        source, day = str(key[0]), _date(key[1])
        bad = came.bad.filter((pl.col("source") == source) & (pl.col("came").dt.date() == day))
        one = _day(Came(part, bad))
        _bridge(tallies.past(source), part.get_column("came")[0])
        tallies.sources.setdefault(source, {})[day] = one
        new.append((source, day, one))
    if end.date() > begin.date():
        tallies.until = end.date() - timedelta(days=1)
    oldest = now.date() - timedelta(days=KEPT_DAYS)
    for days in tallies.sources.values():
        for day in [day for day in days if day < oldest]:
            del days[day]
    tallies.sources = {source: days for source, days in tallies.sources.items() if days}
    return new


def _day(came: Came) -> Day:
    """Count the rows of one day and source, which are in the order they came."""
    moments = came.rows.get_column("came")
    return Day(
        rows=int(came.rows.get_column("rows").sum()),
        bad=came.bad.height,
        last=moments[-1],
        rules=[(*place, found.height) for place, found in came.places.items()],
        waits=_waits(moments),
    )


_one = pl.lit(1, pl.Int64).alias("rows")
_ROWS = pl.DataFrame(
    schema={
        "source": pl.String,
        "file": pl.String,
        "came": pl.Datetime("us", "UTC"),
        "rows": pl.Int64,
        "_arm": pl.String,
        "_gain": pl.Float64,
        "_time": pl.Datetime("us", "UTC"),
    }
)
_BAD = pl.DataFrame(
    schema={
        "_id": pl.String,
        "source": pl.String,
        "file": pl.String,
        "came": pl.Datetime("us", "UTC"),
        "when": pl.Datetime("us", "UTC"),
        "reasons": pl.String,
        "shape": pl.String,
    }
)


def _bad_since(system: System, since: datetime, now: datetime) -> pl.DataFrame:
    when = came_at(system, QUARANTINE)
    columns = ["_id", "_request", "_received_at", "_time", "source", "reasons"]
    found = system.tables.read(QUARANTINE, columns=columns, where=(when >= since) & (when < now))
    if not found.width:
        return _BAD
    tries = pl.col("_request").str.starts_with(REPLAY_FILES) | pl.col("source").str.starts_with(REPLAY_FILES)
    found = found.filter(~tries).with_columns(
        when.alias("came"), pl.coalesce("_time", "_received_at").alias("when"), pl.col("source").alias("file")
    )
    return with_shapes(found.with_columns(_group(system))).select(_BAD.columns)


def _group(system: System) -> pl.Expr:
    """Return the name of a row's source: files of the project's pattern are one source."""
    pattern = system.settings.data.source or "files"
    alone = pl.col("source").str.contains(_ADDRESS) | (pl.col("source") == SERVER)
    return pl.when(alone).then(pl.col("source")).otherwise(pl.lit(pattern)).alias("source")


def _waits(moments: pl.Series) -> list[tuple[int, float]]:
    """Return the longest wait that began in each hour, between moments in ascending order."""
    frame = pl.DataFrame({"came": moments}).with_columns(
        pl.col("came").dt.hour().cast(pl.Int64).alias("hour"),
        pl.col("came").diff().shift(-1).dt.total_microseconds().alias("wait"),
    )
    found = frame.drop_nulls("wait").group_by("hour").agg(pl.col("wait").max()).sort("hour")
    return [(int(hour), wait / 1e6) for hour, wait in found.iter_rows()]


def _bridge(past: Sequence[tuple[date, Day]], first: datetime) -> None:
    """Add the wait from the last row of the days before to the first of this one."""
    if not past:
        return
    before = past[-1][1]
    held: Mapping[int, float] = dict(before.waits)
    wait = (first - before.last).total_seconds()
    before.waits = sorted({**held, before.last.hour: max(wait, held.get(before.last.hour, 0.0))}.items())


def _date(value: object) -> date:
    assert isinstance(value, date)
    return value
