"""Rows that broke the contract: what is there, why, since when, and what became of each.

Every row stays as it came; what happened to it since is a list of events (`quarantine_events.py`). Reading is done by
column: of a million rows only those that are shown become values. `repairing.py` and `replaying.py` act on rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec
import polars as pl

from daytwo.core.errors import NotFound
from daytwo.lifecycle.kept_aside.quarantine_events import (
    DROPPED,
    OPEN,
    REPLAYED,
    answers,
    attempts_of,
    mended_rows,
    states,
)
from daytwo.lifecycle.system import System

QUARANTINE = "quarantine"
# What differs from row to row is left out, so that a million rows have a handful of shapes.
_VALUES = r'"(?:value|repaired)":(?:"(?:[^"\\]|\\.)*"|[^,}]*)'
_LIGHT = ("_id", "_received_at", "_time", "source", "contract", "reasons")


@dataclass(frozen=True, slots=True)
class Which:
    """Which rows are meant: all that fit everything said; `state` empty means every state, `ids` empty every row.

    `since` and `until` bound when a row happened, or came where it names no time.
    """

    rule: str = ""
    column: str = ""
    source: str = ""
    since: datetime | None = None
    until: datetime | None = None
    state: str = OPEN
    ids: tuple[str, ...] = ()

    @property
    def is_all(self) -> bool:
        """Whether nothing narrows it down."""
        return not (self.rule or self.column or self.source or self.since or self.until or self.ids)


@dataclass(frozen=True, slots=True)
class Kept:
    """One quarantined row: as it came, why it was kept aside, and its state now.

    `mended` is the row as it was repaired, None where it was not; `prediction` the new answer after a replay.
    """

    id: str
    row: Mapping[str, object]
    reasons: tuple[Mapping[str, object], ...]
    source: str
    received_at: datetime
    state: str
    contract: str = ""
    mended: Mapping[str, object] | None = None
    prediction: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that broke the same rule, from one source. `share` is of all rows from that source, where known."""

    column: str
    rule: str
    source: str
    rows: int
    since: datetime
    last: datetime
    example: str
    share: float | None = None


def shelf(system: System, which: Which) -> pl.DataFrame:
    """Return the rows that are meant, without what they hold, in the order they came.

    Columns: `_id`, `when`, `source`, `contract`, `reasons`, `shape` (the reasons without their values) and `state`.
    A row that is only another try of a row kept before stands with that one and is not listed.
    """
    if system.tables.version(QUARANTINE) is None:
        return _EMPTY
    frame = _light(system, which)
    tried = attempts_of(system)
    frame = _of_shapes(frame.filter(~pl.col("_id").is_in(tried.ids.implode())), which)
    frame = frame.join(states(system, tried), on="_id", how="left").with_columns(pl.col("state").fill_null(OPEN))
    if which.state:
        frame = frame.filter(pl.col("state") == which.state)
    return frame.sort("when", "_id").select(_EMPTY.columns)


def kept_rows(system: System, which: Which | None = None, *, most: int | None = None) -> tuple[Kept, ...]:
    """Return the rows that are meant (by default the open ones), whole, in the order they came; at most `most`."""
    found = shelf(system, Which() if which is None else which)
    return whole(system, found if most is None else found.head(most))


def whole(system: System, found: pl.DataFrame) -> tuple[Kept, ...]:
    """Return rows of a shelf with what they hold."""
    if not found.height:
        return ()
    ids = found.get_column("_id")
    some = ids.len() < system.tables.read(QUARANTINE, columns=["_id"]).height
    where = pl.col("_id").is_in(ids.implode()) if some else None
    rows = system.tables.read(QUARANTINE, columns=["_id", "row"], where=where).unique("_id", keep="first")
    texts = dict(zip(rows["_id"], rows["row"], strict=True))
    changed = found.filter(pl.col("state") != OPEN).get_column("_id").to_list()
    mended = mended_rows(system, changed)
    predictions = answers(system, attempts_of(system), changed)
    return tuple(
        Kept(
            one["_id"],
            read_row(texts[one["_id"]]),
            _decoded(one["reasons"]),
            one["source"],
            one["when"],
            one["state"],
            one["contract"] or "",
            mended.get(one["_id"]),
            predictions.get(one["_id"], ""),
        )
        for one in found.iter_rows(named=True)
    )


def groups(found: pl.DataFrame, of_source: Mapping[str, int] | None = None) -> tuple[Group, ...]:
    """Add a shelf up by column, rule and source, the largest first; `of_source` says how many rows came from each."""
    if not found.height:
        return ()
    shapes = (
        found.group_by("shape", "source")
        .agg(
            pl.len().alias("rows"),
            pl.col("when").min().alias("since"),
            pl.col("when").max().alias("last"),
            pl.col("reasons").first().alias("example"),
        )
        .sort("rows", "shape", "source", descending=[True, False, False])
    )
    made: dict[tuple[str, str, str], Group] = {}
    for shape in shapes.iter_rows(named=True):
        seen = set()
        for reason in _decoded(shape["example"]):
            place = (str(reason["column"]), str(reason["rule"]), str(shape["source"]))
            if place in seen:
                continue
            seen.add(place)
            old = made.get(place)
            rows = shape["rows"] + (old.rows if old else 0)
            since = min(shape["since"], old.since) if old else shape["since"]
            last = max(shape["last"], old.last) if old else shape["last"]
            told = old.example if old else said(reason)
            all_rows = (of_source or {}).get(place[2])
            made[place] = Group(*place, rows, since, last, told, rows / all_rows if all_rows else None)
    return tuple(sorted(made.values(), key=lambda one: (-one.rows, one.column, one.rule, one.source)))


def tally(system: System) -> tuple[Mapping[str, int], tuple[tuple[str, int], ...]]:
    """Return how many rows there are in each state, and the columns that most open rows broke, with counts."""
    if system.tables.version(QUARANTINE) is None:
        return {}, ()
    tried = attempts_of(system)
    rows = system.tables.read(QUARANTINE, columns=["_id", "reasons"])
    rows = rows.filter(~pl.col("_id").is_in(tried.ids.implode()))
    found = _of_shapes(rows, Which()).join(states(system, tried), on="_id", how="left")
    found = found.with_columns(pl.col("state").fill_null(OPEN))
    counts = {str(state): int(rows) for state, rows in found.group_by("state").len().iter_rows()}
    broken: dict[str, int] = {}
    still = found.filter(~pl.col("state").is_in([REPLAYED, DROPPED])).group_by("shape").agg(pl.len().alias("rows"))
    for shape, count in still.iter_rows():
        for column in {reason.column for reason in _DECODER.decode(shape)}:
            broken[column] = broken.get(column, 0) + count
    return counts, tuple(sorted(broken.items(), key=lambda one: (-one[1], one[0])))


def named(system: System, ids: tuple[str, ...]) -> tuple[str, ...]:
    """Return the rows that `ids` name; another try of a row names that row.

    Raises
    ------
    NotFound
        If there is no such row.
    """
    tried = attempts_of(system)
    roots = tuple(dict.fromkeys(tried.root(identity) for identity in ids))
    found = shelf(system, Which(state="", ids=roots)).get_column("_id").to_list()
    for identity in roots:
        if identity not in found:
            raise NotFound(
                f"there is no such row {identity!r} in quarantine", hint="'daytwo quarantine list --state all'"
            )
    return roots


def why(system: System, ids: tuple[str, ...]) -> dict[str, str]:
    """Say of each of these rows, other tries among them, why it was kept aside."""
    rows = system.tables.read(QUARANTINE, columns=["_id", "reasons"], where=pl.col("_id").is_in(list(ids)))
    return {identity: "; ".join(said(one) for one in _decoded(reasons)) for identity, reasons in rows.iter_rows()}


def with_shapes(frame: pl.DataFrame) -> pl.DataFrame:
    """Add the column `shape`: a row's `reasons` without their values."""
    return frame.with_columns(pl.col("reasons").str.replace_all(_VALUES, '"value":0').alias("shape"))


def read_reasons(shape: str) -> tuple[tuple[str, str], ...]:
    """Return the column and the rule of each reason."""
    return tuple((reason.column, reason.rule) for reason in _DECODER.decode(shape))


def read_row(text: str) -> dict[str, object]:
    """Read a row as it came; one that was no JSON object has no columns to mend."""
    try:
        row = msgspec.json.decode(text)
    except msgspec.MsgspecError:
        return {}
    return row if isinstance(row, dict) else {}


def said(reason: Mapping[str, object]) -> str:
    """Say one reason in words, with the value that was given."""
    return f"{reason['message']} (got {msgspec.json.encode(reason['value']).decode()})"


def _decoded(reasons: str) -> tuple[Mapping[str, object], ...]:
    return tuple(msgspec.json.decode(reasons, type=list[dict[str, object]]))


class _Reason(msgspec.Struct):
    column: str
    rule: str


_DECODER = msgspec.json.Decoder(list[_Reason])
_EMPTY = pl.DataFrame(
    schema={
        "_id": pl.String,
        "when": pl.Datetime("us", "UTC"),
        "source": pl.String,
        "contract": pl.String,
        "reasons": pl.String,
        "shape": pl.String,
        "state": pl.String,
    }
)


def _light(system: System, which: Which) -> pl.DataFrame:
    when = pl.coalesce("_time", "_received_at")
    where = pl.lit(True)
    if which.source:
        where &= pl.col("source") == which.source
    if which.since is not None:
        where &= when >= which.since
    if which.until is not None:
        where &= when < which.until
    if which.ids:
        where &= pl.col("_id").is_in(list(which.ids))
    narrow = which.source or which.since or which.until or which.ids
    frame = system.tables.read(QUARANTINE, columns=_LIGHT, where=where if narrow else None)
    return frame.with_columns(when.alias("when"))


def _of_shapes(frame: pl.DataFrame, which: Which) -> pl.DataFrame:
    """Add the shapes, and keep the rows of which one reason has the rule and the column that are meant."""
    frame = with_shapes(frame)
    if not (which.rule or which.column):
        return frame
    meant = [
        shape
        for shape in frame.get_column("shape").unique().to_list()
        if any(
            (not which.rule or reason.rule == which.rule) and (not which.column or reason.column == which.column)
            for reason in _DECODER.decode(shape)
        )
    ]
    return frame.filter(pl.col("shape").is_in(meant))
