"""A drill: a known fault is put into copies of the last window, and the alert must come.

Everything runs as it does for real (rows read from tables, scored, judged, turned into alerts, handed to a channel),
but on a copy of the project: its tables, windows and alerts are its own, versions and bundles are only read. What
the project itself keeps is that there was a drill, and how it ended.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from daytwo.alerts.alerts import Alert, Channel
from daytwo.core.errors import NotFound, Refused
from daytwo.governance.audit import Entry
from daytwo.lifecycle.flow import InlineRun
from daytwo.lifecycle.system import System
from daytwo.lifecycle.versions import champion
from daytwo.lifecycle.watch import span_arguments, watch_window
from daytwo.lifecycle.windows import LIVE_SINCE, Span, WindowRecord
from daytwo.predictions.record import ANSWERED
from daytwo.scoring.model import Model

LAST_DRILL = "last_drill"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is done to one column: its numbers move by `shift` standard deviations, or a share of them goes missing."""

    column: str
    shift: float = 0.0
    missing: float = 0.0

    @property
    def words(self) -> str:
        """The fault in words."""
        return f"{self.missing:.0%} of {self.column} missing" if self.missing else f"{self.column} {self.shift:+g} sd"

    def apply(self, rows: pl.DataFrame, seed: int) -> pl.DataFrame:
        """Return rows with the fault in them."""
        column = rows[self.column]
        if self.missing:
            gone = pl.Series(np.random.default_rng(seed).random(rows.height) < self.missing)
            return rows.with_columns(pl.when(gone).then(None).otherwise(column).alias(self.column))
        spread = column.cast(pl.Float64).std()
        moved = column.cast(pl.Float64) + self.shift * (float(str(spread)) if spread is not None else 0.0)
        whole = moved.round() if column.dtype.is_integer() else moved
        return rows.with_columns(whole.cast(column.dtype).alias(self.column))


@dataclass(frozen=True, slots=True)
class DrillReport:
    """How a drill ended: after how many faulty windows the column was found to have moved, and an alert had come.

    None where that did not happen within `tried` windows. `alert` is the alert's summary. `handed_over` says that the
    channel took it; where no channel is set, that the alert stood in the book.
    """

    fault: str
    window: str
    rows: int
    tried: int
    found_after: int | None
    alerted_after: int | None
    alert: str
    handed_over: bool

    @property
    def passed(self) -> bool:
        """Whether the alert came."""
        return self.alerted_after is not None and self.handed_over


class Recorder:
    """A channel that keeps what it is given, and hands it on, marked as a drill, to another one if there is one."""

    def __init__(self, onward: Channel | None = None) -> None:
        self.taken: list[str] = []
        self._onward = onward

    def send(self, alert: Alert) -> bool:
        """Take the alert; it counts as taken when the other channel took it too."""
        sent = self._onward is None or self._onward.send(replace(alert, summary=f"DRILL: {alert.summary}"))
        if sent:
            self.taken.append(alert.id)
        return sent


def pick_column(system: System) -> str:
    """Return the column that a drill takes where none is named: the first with numbers.

    Raises
    ------
    Refused
        If nothing is live, or no feature holds numbers.
    """
    model = _live(system)
    numbers = [feature.name for feature in model.contract.features.features if not feature.is_category]
    if not numbers:
        raise Refused(
            "no feature holds numbers to shift", hint="Name a column and a share: --column NAME --missing 0.3"
        )
    return numbers[0]


def drill(
    system: System, copy: Callable[[Channel], System], fault: Fault, *, most: int, onward: Channel | None = None
) -> DrillReport:
    """Put the fault into copies of the last window, judge them one after the other, and see whether an alert comes.

    Parameters
    ----------
    copy :
        Makes an empty copy of the project that sends its alerts to a channel.
    most :
        So many faulty windows are tried at most.
    onward :
        A channel that hears of the drill too, None for nobody.

    Raises
    ------
    Refused
        If nothing is live, or no window with rows has been judged.
    NotFound
        If the model has no such column.
    """
    model = _live(system)
    if fault.column not in model.contract.features.names:
        known = ", ".join(model.contract.features.names)
        raise NotFound(f"the model reads no column {fault.column!r}", hint=f"It reads {known}")
    last, rows = _last_window(system)
    recorder = Recorder(onward)
    copied = copy(recorder)
    _copy_course(system, copied, model.digest)
    length = last.end - last.start
    newest = system.windows.windows()[-1].span
    found_after = alerted_after = None
    told = ""
    for number in range(1, most + 1):
        span = Span(newest.index + number, newest.start + number * length, newest.end + number * length)
        _put(copied, fault.apply(rows, number), span.start - last.start, number)
        watch_window(InlineRun(f"drill-{number}"), copied, span_arguments(span))
        if found_after is None and _found(copied, span, fault.column):
            found_after = number
        alert = next((one for one in copied.alerts.alerts() if _is_about(one, fault.column)), None)
        if alert is not None:
            alerted_after, told = number, alert.summary
            break
    handed = alert is not None and alert.id in recorder.taken
    tried = alerted_after or most
    return DrillReport(fault.words, last.name, rows.height, tried, found_after, alerted_after, told, handed)


def record_drill(system: System, report: DrillReport, *, at: datetime, by: str) -> None:
    """Keep in the project and its audit log that there was a drill, and how it ended."""
    kept = asdict(report) | {"passed": report.passed, "at": at.isoformat()}
    system.windows.keep_fact(LAST_DRILL, kept)
    system.audit.append(Entry(at, by, "monitor drill", report.fault, f"drill:{at.isoformat()}", kept))


def _live(system: System) -> Model:
    model = champion(system)
    if model is None:
        raise Refused("nothing is live to be drilled", hint="'daytwo status' says what waits")
    return model


def _last_window(system: System) -> tuple[Span, pl.DataFrame]:
    """Return the newest judged window that has rows, with all that is kept of them."""
    for record in reversed(system.windows.windows()):
        if record.watched is not None and record.watched.get("rows"):
            span = record.span
            inside = (pl.col("_time") >= span.start) & (pl.col("_time") < span.end) & pl.col("_arm").is_in(ANSWERED)
            rows = system.tables.read("predictions", where=inside)
            if rows.height:
                return span, rows
    raise Refused("no window with rows has been judged yet", hint="'daytwo monitor' says when the first one ends")


def _copy_course(system: System, copied: System, digest: str) -> None:
    for record in system.windows.windows():
        copied.windows.put(WindowRecord(record.span, record.watched, record.settled))
    for fact in (LIVE_SINCE, f"alarm:{digest}"):
        value = system.windows.fact(fact)
        if value is not None:
            copied.windows.keep_fact(fact, value)


def _put(copied: System, rows: pl.DataFrame, later: timedelta, number: int) -> None:
    mark = f"-drill-{number}"
    moved = rows.with_columns(
        pl.col("_time") + pl.lit(later), pl.col("_id") + pl.lit(mark), pl.col("_key").cast(pl.String) + pl.lit(mark)
    )
    copied.tables.append("predictions", moved, batch=f"drill-{number}")


def _found(copied: System, span: Span, column: str) -> bool:
    """Whether the judgement of this window names the column among what moved."""
    record = next(one for one in copied.windows.windows() if one.span.index == span.index)
    return column in str((record.watched or {}).get("findings"))


def _is_about(alert: Alert, column: str) -> bool:
    return alert.kind.startswith("drift.") and (alert.subject == column or column in str(alert.evidence.get("moved")))
