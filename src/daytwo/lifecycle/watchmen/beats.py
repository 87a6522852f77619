"""The heartbeat of each monitor, and what is overdue: a monitor that is silent, a window that nobody judged.

A tick (`worker.py`) keeps the moment at which each monitor last came to its end. Who asks must be somebody else,
with `daytwo monitor beats`, since a project that no longer ticks cannot say so itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from daytwo.core.durations import duration
from daytwo.core.finding import Finding, Severity
from daytwo.lifecycle.system import System
from daytwo.lifecycle.windows import LIVE_SINCE, Span, WindowRecord, spans

# Sources are looked at, windows judged and settled: each is a monitor with a beat of its own.
MONITORS: Mapping[str, str] = {
    "sources": "nobody has looked whether sources are silent or send bad rows",
    "windows": "no window has been judged or settled",
}
# A full tick comes every minute; a retraining may keep one for a while.
PATIENCE = timedelta(minutes=30)
_BEATS = "beats"
# So many overdue windows are told one by one.
_MOST = 20


@dataclass(frozen=True, slots=True)
class Course:
    """What should have happened: windows of `length` since `live_since`, settled `delay` after they end."""

    live_since: datetime | None
    length: timedelta
    delay: timedelta


def keep_beat(system: System, monitor: str, now: datetime) -> None:
    """Keep that a monitor has come to its end at `now`."""
    system.windows.keep_fact(_BEATS, {**_kept(system), monitor: now.isoformat()})


def beats(system: System) -> dict[str, datetime]:
    """Return when each monitor last came to its end; a monitor that never did is left out."""
    return {name: datetime.fromisoformat(at) for name, at in _kept(system).items()}


def look_after(system: System, now: datetime) -> list[Finding]:
    """Return what is overdue in a project at `now`."""
    since = system.windows.fact(LIVE_SINCE)
    monitor = system.settings.monitor
    course = Course(
        None if since is None else datetime.fromisoformat(str(since)),
        duration(monitor.window),
        duration(monitor.label_delay),
    )
    return overdue(beats(system), system.windows.windows(), course, now)


def overdue(
    last: Mapping[str, datetime], records: Sequence[WindowRecord], course: Course, now: datetime
) -> list[Finding]:
    """Say which monitors are silent and which windows are late; nothing before the first version is live.

    A monitor is silent, and a window late, half an hour after its time.
    """
    if course.live_since is None:
        return []
    found = [_silent(name, last.get(name), course.live_since) for name in MONITORS if _is_silent(last.get(name), now)]
    known = {record.span.index: record for record in records}
    late = []
    for span in spans(course.live_since, course.length, now):
        record = known.get(span.index)
        if (record is None or record.watched is None) and span.end + PATIENCE < now:
            late.append(_late(span, "monitor.late", "has ended and is not judged"))
        elif (record is None or record.settled is None) and span.end + course.delay + PATIENCE < now:
            late.append(_late(span, "monitor.unsettled", "has had its time for labels and is not settled"))
    return found + late[-_MOST:]


def _is_silent(beat: datetime | None, now: datetime) -> bool:
    return beat is None or now - beat > PATIENCE


def _silent(monitor: str, beat: datetime | None, live_since: datetime) -> Finding:
    since = live_since if beat is None else beat
    return Finding(
        kind="monitor.heartbeat",
        subject=monitor,
        severity=Severity.CRITICAL,
        summary=f"{MONITORS[monitor]} since {since:%Y-%m-%d %H:%M}",
        since=since,
        evidence={"beat": None if beat is None else beat.isoformat()},
        next_step="Start the project with 'daytwo up', or read why its last tick failed in .daytwo/up.log",
    )


def _late(span: Span, kind: str, words: str) -> Finding:
    return Finding(
        kind=kind,
        subject=span.name,
        severity=Severity.WARNING,
        summary=f"{span.name} ({span.start:%Y-%m-%d %H:%M} to {span.end:%Y-%m-%d %H:%M}) {words}",
        since=span.end,
        next_step="Start the project with 'daytwo up'",
    )


def _kept(system: System) -> dict[str, str]:
    kept = system.windows.fact(_BEATS)
    return {str(name): str(at) for name, at in kept.items()} if isinstance(kept, dict) else {}
