"""Rows that broke the contract: looked at, mended, and sent through the same door again.

Every row stays as it came; what happened to it since is a list of events. A repair is named and deterministic, and a
replayed row gets a prediction of its own that names the row it came from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
import polars as pl

from daytwo.core.digest import digest_json
from daytwo.core.errors import Mistake, NotFound
from daytwo.lifecycle.system import System
from daytwo.serving.client import Client

_EVENTS = "quarantine_events"
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_BATCH_ROWS = 200
OPEN, REPLAYED, DROPPED = "open", "replayed", "dropped"


@dataclass(frozen=True, slots=True)
class Repair:
    """How one column is mended: `parse` reads the number in a text, `scale` does so and multiplies, `default` sets."""

    column: str
    kind: str
    argument: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """One quarantined row: as it came, why it was kept aside, and its state now."""

    id: str
    row: Mapping[str, object]
    reasons: tuple[Mapping[str, object], ...]
    source: str
    received_at: datetime
    state: str


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of a replay: rows that were answered now, and rows that still break the contract."""

    replayed: int
    still_bad: int


def parse_repair(text: str) -> Repair:
    """Read a repair such as `wind_speed=scale:0.2237`, `seats=default:150` or `seats=parse`.

    Examples
    --------
    >>> parse_repair("wind_speed=scale:0.5")
    Repair(column='wind_speed', kind='scale', argument='0.5')
    """
    column, _, rest = text.partition("=")
    kind, _, argument = rest.partition(":")
    known = (kind == "parse" and not argument) or (kind == "default" and argument)
    if not column or not (known or (kind == "scale" and _NUMBER.fullmatch(argument))):
        raise Mistake(f"{text!r} is no repair", hint="Write COLUMN=parse, COLUMN=scale:FACTOR or COLUMN=default:VALUE")
    return Repair(column, kind, argument)


def mend(row: Mapping[str, object], repairs: Sequence[Repair]) -> dict[str, object]:
    """Return the row with every repair applied to a column it has; what cannot be mended stays as it is.

    Examples
    --------
    >>> mend({"wind_speed": "40 dm/s"}, [Repair("wind_speed", "scale", "0.5")])
    {'wind_speed': 20.0}
    """
    mended = dict(row)
    for repair in repairs:
        if repair.kind == "default":
            mended[repair.column] = _plain(repair.argument)
            continue
        value = mended.get(repair.column)
        if isinstance(value, str):
            found = _NUMBER.search(value)
            value = float(found[0]) if found else value
        if isinstance(value, int | float) and not isinstance(value, bool):
            mended[repair.column] = value * float(repair.argument) if repair.kind == "scale" else value
    return mended


def kept_rows(system: System, *, column: str = "", source: str = "", state: str = OPEN) -> tuple[Kept, ...]:
    """Return quarantined rows in the order they came; `state` empty means all."""
    if system.tables.version("quarantine") is None:
        return ()
    rows = system.tables.read("quarantine").sort("_received_at", "_id")
    events = system.tables.read(_EVENTS)
    states = dict(zip(events["_id"], events["status"], strict=True)) if events.height else {}
    found = []
    for row in rows.iter_rows(named=True):
        reasons = tuple(msgspec.json.decode(row["reasons"]))
        kept = Kept(
            row["_id"], _object(row["row"]), reasons, row["source"], row["_received_at"], states.get(row["_id"], OPEN)
        )
        if (
            (not state or kept.state == state)
            and (not source or kept.source == source)
            and (not column or any(reason["column"] == column for reason in reasons))
        ):
            found.append(kept)
    return tuple(found)


def replay(
    system: System, client: Client, rows: Sequence[Kept], repairs: Sequence[Repair], *, by: str, now: datetime
) -> Replay:
    """Mend rows and send them through the server's door again; each row is answered anew at most once.

    The request's id is made of the rows and the repairs, so a replay that was cut short is simply done again.
    """
    replayed = still_bad = 0
    for begin in range(0, len(rows), _BATCH_ROWS):
        batch = rows[begin : begin + _BATCH_ROWS]
        mended = [mend(kept.row, repairs) for kept in batch]
        name = digest_json([[kept.id for kept in batch], [str(repair) for repair in repairs]])[:24]
        answer = client.predict(mended, request_id=f"replay-{name}", replay_of=[kept.id for kept in batch])
        good = [
            (kept, one["prediction_id"])
            for kept, one in zip(batch, answer["predictions"], strict=True)
            if one["arm"] != "fallback"
        ]
        _note(system, [(kept.id, REPLAYED, {"prediction": new}) for kept, new in good], by=by, now=now, batch=name)
        replayed += len(good)
        still_bad += len(batch) - len(good)
    return Replay(replayed, still_bad)


def drop(system: System, rows: Sequence[Kept], *, by: str, reason: str, now: datetime) -> int:
    """Give rows up: they stay on record and are never replayed."""
    if not rows:
        raise NotFound("no open row matches", hint="'daytwo quarantine list' shows what is there")
    name = digest_json([kept.id for kept in rows])[:24]
    _note(system, [(kept.id, DROPPED, {"reason": reason}) for kept in rows], by=by, now=now, batch=f"drop-{name}")
    return len(rows)


def _note(
    system: System, events: Sequence[tuple[str, str, Mapping[str, object]]], *, by: str, now: datetime, batch: str
) -> None:
    if not events:
        return
    frame = pl.DataFrame(
        [(identity, status, now, by, msgspec.json.encode(detail).decode()) for identity, status, detail in events],
        schema={
            "_id": pl.String,
            "status": pl.String,
            "at": pl.Datetime("us", "UTC"),
            "by": pl.String,
            "detail": pl.String,
        },
        orient="row",
    )
    system.tables.append(_EVENTS, frame, batch=batch)


def _object(text: str) -> dict[str, object]:
    """Read a row as it came; one that was no JSON object has no columns to mend."""
    try:
        row = msgspec.json.decode(text)
    except msgspec.MsgspecError:
        return {}
    return row if isinstance(row, dict) else {}


def _plain(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text
