"""Nothing is kept for ever: what was answered, labelled and kept aside goes once it is old enough.

`[data] retention_days` says how old, and never before training and gates have read them. The rows of the dataset stay:
they are what versions were learned from, and whoever asks where a version came from must find them. Profiles of
windows, figures and the audit log hold no rows, and stay too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import polars as pl

from daytwo.core.durations import duration
from daytwo.governance.audit import Entry
from daytwo.lifecycle.flow import Json, Run
from daytwo.lifecycle.kept_aside.quarantine import QUARANTINE
from daytwo.lifecycle.kept_aside.quarantine_events import EVENTS
from daytwo.lifecycle.system import System

# What goes, and the column that says since when it is kept. What refers to rows goes no earlier than they do.
_KEPT_SINCE = {
    "predictions": "_received_at",
    "shadow": "_time",
    "labels": "received_at",
    "feedback": "at",
    QUARANTINE: "_received_at",
    EVENTS: "at",
}


@dataclass(frozen=True, slots=True)
class Kept:
    """One table: how many rows it has, since when the oldest is kept (None without rows), how many are `past` it."""

    table: str
    rows: int
    oldest: datetime | None
    past: int


def cut(system: System, now: datetime) -> datetime | None:
    """Return the moment before which nothing is kept; None where everything is.

    Rows are kept for `[data] retention_days`, and for as long as training windows and gates read back.
    """
    settings = system.settings
    if not settings.data.retention_days:
        return None
    spans = [duration(span) for span in settings.retrain.windows if span != "all"]
    window, delay = duration(settings.monitor.window), duration(settings.monitor.label_delay)
    judged = window * (settings.gate.test_windows + 1) + delay
    return now - max([timedelta(days=settings.data.retention_days), judged, *spans])


def kept_rows(system: System, now: datetime) -> tuple[Kept, ...]:
    """Return what each table holds, and what of it is past its time."""
    before, found = cut(system, now), []
    for table, column in _KEPT_SINCE.items():
        if column not in system.tables.schema(table):
            continue
        since = system.tables.read(table, columns=[column])[column]
        oldest = since.min()
        past = 0 if before is None else int((since < before).sum())
        found.append(Kept(table, len(since), oldest if isinstance(oldest, datetime) else None, past))
    return tuple(found)


def forget_old(run: Run, system: System, arguments: dict[str, Json]) -> Json:
    """Remove what is past its time at `now`; return how many rows of each table went."""
    now = datetime.fromisoformat(str(arguments["now"]))
    before = cut(system, now)
    if before is None:
        return {"removed": {}}
    gone: dict[str, Json] = {}
    for table, column in _KEPT_SINCE.items():
        rows = run.step(f"forget {table}", partial(_forget, system, table, column, before))
        if rows:
            gone[table] = rows

    def tell() -> None:
        detail: dict[str, object] = {"before": before.isoformat(), "rows": gone}
        system.audit.append(Entry(now, "daytwo", "old rows removed", "data", f"audit:{run.id}", detail))

    if gone:
        run.step("tell", tell)
    return {"removed": gone}


def _forget(system: System, table: str, column: str, before: datetime) -> int:
    """Remove a table's old rows, where it has any: a table that is left alone gets no new version."""
    if column not in system.tables.schema(table):
        return 0
    oldest = system.tables.read(table, columns=[column]).select(pl.col(column).min()).item()
    return 0 if oldest is None or oldest >= before else system.tables.forget(table, column, before)
