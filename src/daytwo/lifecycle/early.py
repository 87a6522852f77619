"""Answers about times before the first version went live: no window holds them, so they are counted and told.

Windows (`windows.py`) begin when the first version goes live and go by the time a row is about. Rows of the past,
sent to try things out or by a clock that is wrong, would else be answered, kept, and never judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from daytwo.core.finding import Finding, Severity
from daytwo.lifecycle.system import System
from daytwo.lifecycle.windows import LIVE_SINCE, Span
from daytwo.predictions.record import ANSWERED

# Right after going live a few answers are about the hour before. A share over this one is no few.
_FEW = 0.05


@dataclass(frozen=True, slots=True)
class Early:
    """So many answers are about times from `first` to `last`, all before `live_since`."""

    rows: int
    first: datetime
    last: datetime
    live_since: datetime


def early_answers(system: System, received: Span | None = None) -> Early | None:
    """Return the model's answers that no window holds, all or those `received` while a window ran; None for none."""
    kept = system.windows.fact(LIVE_SINCE)
    if kept is None or system.tables.version("predictions") is None:
        return None
    since = datetime.fromisoformat(str(kept))
    wanted = (pl.col("_time") < since) & pl.col("_arm").is_in(ANSWERED)
    if received is not None:
        wanted &= (pl.col("_received_at") >= received.start) & (pl.col("_received_at") < received.end)
    times = system.tables.read("predictions", columns=["_time"], where=wanted)["_time"]
    first, last = times.min(), times.max()
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        return None
    return Early(len(times), first, last, since)


def early_finding(system: System, span: Span, held: int) -> Finding | None:
    """Return what to tell people of the early answers received while a window ran that holds `held` rows itself."""
    early = early_answers(system, span)
    if early is None or early.rows <= _FEW * (early.rows + held):
        return None
    column = system.settings.model.time or "time"
    return Finding(
        kind="traffic.early",
        subject=column,
        severity=Severity.WARNING,
        summary=(
            f"{early.rows:,} answers are about times before the first version went live on"
            f" {early.live_since:%Y-%m-%d %H:%M} ({early.first:%Y-%m-%d %H:%M} to {early.last:%Y-%m-%d %H:%M});"
            " no window holds them, so they are not judged"
        ),
        since=span.start,
        evidence={"rows": early.rows, "first": early.first.isoformat(), "last": early.last.isoformat()},
        owner=system.settings.data.owner,
        next_step=f"Look at what is sent as {column!r}: a clock or a time zone is wrong, or the rows are of the past",
    )
