"""What happened to rows in quarantine since they came: a list that only grows, and the state it leaves each row in.

A row is `open` until it is `repaired` (a mended form of it is kept, which the contract accepts), `replayed` (it was
answered anew, or taken in anew) or `dropped`. `tried` tells of a replay that broke the contract again, `sending` of a
file replay under way; neither changes the state. Whether a request's row was answered anew is also told by the
predictions themselves: they name the row that they repair, so a replay that was cut short is known all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
import polars as pl

from daytwo.core.digest import digest_json
from daytwo.lifecycle.system import System
from daytwo.predictions.record import FALLBACK

EVENTS = "quarantine_events"
OPEN, REPAIRED, REPLAYED, DROPPED = "open", "repaired", "replayed", "dropped"
TRIED, SENDING = "tried", "sending"
# Files of mended rows are called so; a row in one says which it was.
REPLAY_FILES, REPLAY_OF = "replay-", "_replay_of"
# Later states hide earlier ones, whatever the order in which events are read.
_RANKS = {OPEN: 0, REPAIRED: 1, DROPPED: 2, REPLAYED: 3}
_SCHEMA = pl.Schema(
    {
        "_id": pl.String(),
        "status": pl.String(),
        "at": pl.Datetime("us", "UTC"),
        "by": pl.String(),
        "detail": pl.String(),
    }
)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to the row `id`; `detail` holds JSON values."""

    id: str
    status: str
    at: datetime
    by: str
    detail: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Attempts:
    """Rows in quarantine that are another try of a row kept before, and the tries that were answered.

    `of` leads from a try to the row it repairs, `answered` from a row to its new prediction.
    """

    of: Mapping[str, str]
    answered: Mapping[str, str]

    @property
    def ids(self) -> pl.Series:
        """The rows that are only another try."""
        return pl.Series("_id", list(self.of), dtype=pl.String)

    def root(self, identity: str) -> str:
        """Return the row that came first; a row that is no try is its own."""
        seen = {identity}
        while identity in self.of and self.of[identity] not in seen:
            identity = self.of[identity]
            seen.add(identity)
        return identity

    def tries(self, identity: str) -> tuple[str, ...]:
        """Return the tries of a row, sorted."""
        return tuple(sorted(one for one in self.of if self.root(one) == identity))


def note(system: System, events: Sequence[Event]) -> None:
    """Write events down, all or none. The same events on the same history are written once."""
    if not events:
        return
    rows = [(one.id, one.status, one.at, one.by, msgspec.json.encode(one.detail).decode()) for one in events]
    said = digest_json([[one.id, one.status, rows[number][4]] for number, one in enumerate(events)])
    system.tables.append(EVENTS, pl.DataFrame(rows, schema=_SCHEMA, orient="row"), batch=f"{said[:24]} {rows[0][2]}")


def events_of(system: System, identity: str) -> tuple[Event, ...]:
    """Return what happened to one row, the oldest first."""
    rows = system.tables.read(EVENTS, where=pl.col("_id") == identity)
    found = [
        Event(row["_id"], row["status"], row["at"], row["by"], msgspec.json.decode(row["detail"]))
        for row in rows.iter_rows(named=True)
    ]
    return tuple(sorted(found, key=lambda one: (one.at, one.status != SENDING, _RANKS.get(one.status, 0))))


def events_with(system: System, status: str, ids: Iterable[str] | None = None) -> pl.DataFrame:
    """Return the events of one kind, the oldest first; of all rows, or of those named."""
    wanted = None if ids is None else list(ids)
    if system.tables.version(EVENTS) is None or wanted == []:
        return _SCHEMA.to_frame()
    where = pl.col("status") == status
    if wanted is not None:
        where &= pl.col("_id").is_in(wanted)
    return system.tables.read(EVENTS, where=where).sort("at", maintain_order=True)


def attempts_of(system: System) -> Attempts:
    """Read which rows are another try of which, and which were answered, from the predictions and mended files."""
    of: dict[str, str] = {}
    answered: dict[str, str] = {}
    if REPLAY_OF in system.tables.schema("predictions"):
        columns = ("_id", "_arm", "_quarantine", REPLAY_OF)
        found = system.tables.read("predictions", columns=columns, where=pl.col(REPLAY_OF).is_not_null())
        for identity, arm, kept, origin in found.sort("_id").iter_rows():
            if kept is not None:
                of[kept] = origin
            elif arm != FALLBACK:
                answered.setdefault(origin, identity)
    if "source" in system.tables.schema("quarantine"):
        mended = pl.col("source").str.starts_with(REPLAY_FILES)
        for identity, text in system.tables.read("quarantine", columns=("_id", "row"), where=mended).iter_rows():
            origin = msgspec.json.decode(text).get(REPLAY_OF)
            if isinstance(origin, str):
                of[identity] = origin
    tried = Attempts(of, {})
    return Attempts(of, {tried.root(origin): prediction for origin, prediction in answered.items()})


def states(system: System, tried: Attempts) -> pl.DataFrame:
    """Return `_id` and `state` of every row that something happened to."""
    parts = [
        pl.DataFrame({"_id": list(tried.answered)}, schema={"_id": pl.String}).with_columns(status=pl.lit(REPLAYED))
    ]
    if system.tables.version(EVENTS) is not None:
        parts.append(system.tables.read(EVENTS, columns=("_id", "status")))
    rank = pl.col("status").replace_strict(_RANKS, default=0, return_dtype=pl.Int32)
    best = pl.concat(parts).group_by("_id").agg(rank.max().alias("rank"))
    names = {rank: state for state, rank in _RANKS.items()}
    return best.select("_id", pl.col("rank").replace_strict(names, return_dtype=pl.String).alias("state"))


def answers(system: System, tried: Attempts, ids: Sequence[str]) -> dict[str, str]:
    """Return the new prediction of each of these rows that was answered anew."""
    told = {
        identity: str(msgspec.json.decode(detail).get("prediction") or "")
        for identity, detail in events_with(system, REPLAYED, ids).select("_id", "detail").iter_rows()
    }
    found = {identity: tried.answered.get(identity) or told.get(identity, "") for identity in ids}
    return {identity: prediction for identity, prediction in found.items() if prediction}


def mended_rows(system: System, ids: Sequence[str]) -> dict[str, Mapping[str, object]]:
    """Return the newest mended form of each of these rows that has one."""
    found = events_with(system, REPAIRED, ids)
    told = [(identity, msgspec.json.decode(text)) for identity, text in found.select("_id", "detail").iter_rows()]
    return {identity: detail["row"] for identity, detail in sorted(told, key=lambda one: int(one[1]["number"]))}
