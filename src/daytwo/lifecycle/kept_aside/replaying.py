"""Rows in quarantine go through the same door again: a request's row to the server, a file's row into the dataset.

Each row is answered, or taken in, at most once. What a killed replay did is known: the server's journal names the
rows that were answered anew, and a file of mended rows is noted before it is taken in, which happens once by content.
A try that breaks the contract again is kept beside the row it repairs, which stays as it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path

import msgspec
import polars as pl

from daytwo.contracts.toml import read_contract
from daytwo.core.digest import digest_json
from daytwo.core.files import write_whole
from daytwo.lifecycle.intake.pickup import take_in
from daytwo.lifecycle.kept_aside.mending import Repair, mend
from daytwo.lifecycle.kept_aside.quarantine import Kept, Which, read_row, shelf
from daytwo.lifecycle.kept_aside.quarantine_events import (
    REPLAY_FILES,
    REPLAY_OF,
    REPLAYED,
    SENDING,
    TRIED,
    Event,
    events_with,
    note,
)
from daytwo.lifecycle.kept_aside.verdicts import batches, judged
from daytwo.lifecycle.system import System
from daytwo.predictions.record import FALLBACK
from daytwo.registry.versions import current_route
from daytwo.serving.client import Client

_BATCH_ROWS = 200
_FOLDER = "replays"


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of a replay: rows that were answered or taken in now, and rows that still break the contract."""

    replayed: int
    still_bad: int


def replay(
    system: System, client: Client, rows: Sequence[Kept], repairs: Sequence[Repair], *, by: str, now: datetime
) -> Replay:
    """Send rows that came as requests through the server's door again, mended; each is answered anew at most once.

    A row goes as it was repaired, or where `repairs` are given as these mend the row that came. The journal must have
    been shipped (`shipping.py`), so that what a replay that was cut short did is known.
    """
    done = set(shelf(system, Which(state=REPLAYED)).get_column("_id"))
    waiting = [(kept, _mended(kept, repairs)) for kept in rows if kept.id not in done]
    version = _version(system)
    known = _tries(system, [kept.id for kept, _ in waiting])
    fresh = [(kept, row) for kept, row in waiting if _name(version, row) not in known.get(kept.id, ())]
    replayed, still_bad = len(rows) - len(waiting), len(waiting) - len(fresh)
    for begin in range(0, len(fresh), _BATCH_ROWS):
        batch = fresh[begin : begin + _BATCH_ROWS]
        name = digest_json([[kept.id, row] for kept, row in batch])[:24]
        ids = [kept.id for kept, _ in batch]
        answer = client.predict([row for _, row in batch], request_id=f"replay-{name}", replay_of=ids)
        events = []
        for (kept, row), one in zip(batch, answer["predictions"], strict=True):
            if one["arm"] != FALLBACK:
                events.append(Event(kept.id, REPLAYED, now, by, {"prediction": one["prediction_id"]}))
            else:
                detail = {"attempt": one.get("quarantine_id"), "tried": _name(version, row)}
                events.append(Event(kept.id, TRIED, now, by, detail))
        note(system, events)
        good = sum(event.status == REPLAYED for event in events)
        replayed, still_bad = replayed + good, still_bad + len(batch) - good
    return Replay(replayed, still_bad)


def replay_files(system: System, rows: Sequence[Kept], repairs: Sequence[Repair], *, by: str, now: datetime) -> Replay:
    """Take rows of files in again, mended, by the same way as any file; each row comes in at most once.

    Rows that would break the contract by themselves are not sent; one that breaks a promise between rows when it is
    taken in stays as it was, with that try beside it.
    """
    finish_replays(system, by=by, now=now)
    done = set(shelf(system, Which(state=REPLAYED)).get_column("_id"))
    waiting = [(kept, _mended(kept, repairs)) for kept in rows if kept.id not in done]
    good = [(one.kept, one.row) for one in judged(system, waiting) if one.passes]
    replayed = len(rows) - len(waiting)
    for batch in batches(read_contract(system.contract_path), good):
        ids = [kept.id for kept, _ in batch.rows]
        frame = batch.frame.with_columns(pl.Series(REPLAY_OF, ids, dtype=pl.String))
        name = digest_json([[kept.id, row] for kept, row in batch.rows])[:16]
        path = system.state / _FOLDER / f"{REPLAY_FILES}{name}.parquet"
        write_whole(path, _parquet(frame))
        note(system, [Event(identity, SENDING, now, by, {"file": path.name}) for identity in ids])
        replayed += _take_in(system, path, by=by, now=now)
    return Replay(replayed, len(rows) - replayed)


def finish_replays(system: System, *, by: str, now: datetime) -> int:
    """Take in what a file replay that was cut short left behind, and return how many rows that were."""
    sent, ended = _files(system, SENDING), _files(system, REPLAYED) | _files(system, TRIED)
    paths = [system.state / _FOLDER / name for name in sorted(sent - ended)]
    return sum(_take_in(system, path, by=by, now=now) for path in paths if path.is_file())


def _take_in(system: System, path: Path, *, by: str, now: datetime) -> int:
    """Take a file of mended rows in, note what came of each, and return how many came in."""
    version = take_in(system, path, now).version
    where = pl.col("source") == path.name
    again = system.tables.read("quarantine", columns=("_id", "row"), where=where)
    tried = {str(read_row(text).get(REPLAY_OF)): identity for identity, text in again.iter_rows()}
    events = []
    for identity in pl.read_parquet(path, columns=[REPLAY_OF], glob=False).get_column(REPLAY_OF):
        if identity in tried:
            events.append(Event(identity, TRIED, now, by, {"file": path.name, "attempt": tried[identity]}))
        else:
            events.append(Event(identity, REPLAYED, now, by, {"file": path.name, "version": version}))
    note(system, events)
    return sum(event.status == REPLAYED for event in events)


def _mended(kept: Kept, repairs: Sequence[Repair]) -> Mapping[str, object]:
    if repairs:
        return mend(kept.row, repairs)
    return kept.row if kept.mended is None else kept.mended


def _version(system: System) -> str:
    route = current_route(system.registry)
    return "" if route is None else route.champion


def _name(version: str, row: Mapping[str, object]) -> str:
    """Name a try: the same row before the same version breaks the same rules."""
    return digest_json([version, dict(row)])[:24]


def _tries(system: System, ids: Sequence[str]) -> dict[str, set[str]]:
    tries: dict[str, set[str]] = {}
    for identity, detail in events_with(system, TRIED, ids).select("_id", "detail").iter_rows():
        tries.setdefault(identity, set()).add(str(msgspec.json.decode(detail).get("tried")))
    return tries


def _files(system: System, status: str) -> set[str]:
    details = events_with(system, status).get_column("detail")
    return set(details.str.json_path_match("$.file").drop_nulls())


def _parquet(frame: pl.DataFrame) -> bytes:
    made = BytesIO()
    frame.write_parquet(made)
    return made.getvalue()
