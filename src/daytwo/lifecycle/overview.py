"""What is live, how it does, what waits: one value that the console and `daytwo status` both show.

Read from the ledger and, where that is cheap, from the tables; nothing is worked out twice, so every screen shows the
same numbers. A part that cannot be read is None and named in `troubles`; it never takes the others with it.
`headline.py` says the same in sentences.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import msgspec

from daytwo.alerts.alerts import Alert
from daytwo.core.durations import duration
from daytwo.core.errors import DaytwoError
from daytwo.core.finding import Severity
from daytwo.core.schema import Task
from daytwo.governance.audit import first_break
from daytwo.lifecycle.course import Choice, FalseAlarms, Point, course, false_alarms, window_values
from daytwo.lifecycle.dossier import Dossier, dossier
from daytwo.lifecycle.kept_aside.quarantine import tally
from daytwo.lifecycle.kept_aside.quarantine_events import DROPPED, REPLAYED
from daytwo.lifecycle.lineup import Live, RouteLine, VersionLine, live_version, names_of, route_line, version_lines
from daytwo.lifecycle.releases import OPEN, Release
from daytwo.lifecycle.system import System
from daytwo.lifecycle.windows import WindowRecord
from daytwo.monitoring.estimating.metrics import HIGHER_IS_BETTER
from daytwo.value.net import NetValue, net_value

# How many of the last decisions, ended releases and closed alerts are worth a line.
RECENT = 6
_LOUDNESS = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Project:
    """What the model is for. `metric` is the headline metric's name in code."""

    name: str
    purpose: str
    task: str
    owner: str
    currency: str
    metric: str
    higher_is_better: bool
    window: str
    folder: str


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Rows kept aside, by what became of them. `columns` are those that most open rows broke, with counts."""

    open: int
    replayed: int
    dropped: int
    columns: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class AuditState:
    """The sealed record: how many entries, and the number of the first whose seal does not hold, if any."""

    entries: int
    broken_at: int | None
    newest: datetime | None


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything about one project at the moment `now`.

    `points` are the windows, the oldest first; `choices` the last decisions on retraining, the newest first; `alerts`
    the open ones, by money a day and then severity; `waiting` the releases that are on their way. `value` is None
    while no window is settled, `audit` None where the record cannot even be read.
    """

    now: datetime
    project: Project
    live: Live | None
    points: tuple[Point, ...]
    choices: tuple[Choice, ...]
    waiting: tuple[Dossier, ...]
    ended: tuple[Release, ...]
    alerts: tuple[Alert, ...]
    closed: tuple[Alert, ...]
    quarantine: Quarantine | None
    value: NetValue | None
    false_alarms: FalseAlarms
    versions: tuple[VersionLine, ...]
    routes: tuple[RouteLine, ...]
    audit: AuditState | None
    troubles: tuple[str, ...]

    @property
    def watched(self) -> Point | None:
        """The newest window that was judged."""
        return next((point for point in reversed(self.points) if point.verdict), None)

    @property
    def settled(self) -> Point | None:
        """The newest window whose labels have been read."""
        return next((point for point in reversed(self.points) if point.settled), None)


def overview(system: System, now: datetime) -> Overview:
    """Look at everything once."""
    troubles: list[str] = []
    settings = system.settings
    metric = settings.gate.metric
    records = system.windows.windows()
    points = course(records, metric=metric, label_delay=duration(settings.monitor.label_delay))
    releases = system.releases.releases()
    history, versions = system.registry.history(), system.registry.versions()
    names = names_of(versions)
    live = live_version(system, history, names, now) if history else None
    if live is not None and live.trouble:
        troubles.append(live.trouble)
    alerts = system.alerts.alerts()
    closed = [alert for alert in alerts if alert.closed_at is not None]
    judged_false = sum(alert.verdict == "false" for alert in closed)
    return Overview(
        now=now,
        project=_project(system),
        live=live,
        points=points,
        choices=tuple(point.choice for point in reversed(points) if point.choice)[:RECENT],
        waiting=tuple(dossier(system, release, now) for release in releases if release.state in OPEN),
        ended=tuple(release for release in reversed(releases) if release.state not in OPEN)[:RECENT],
        alerts=tuple(sorted((one for one in alerts if one.closed_at is None), key=urgency)),
        closed=tuple(reversed(closed))[:RECENT],
        quarantine=_tried(lambda: _quarantine(system), "the quarantine", troubles),
        value=_value(system, records),
        false_alarms=false_alarms(records, budget=settings.monitor.false_alarms, judged_false=judged_false),
        versions=version_lines(versions, history),
        routes=tuple(route_line(change, names) for change in reversed(history)),
        audit=_audit(system, troubles),
        troubles=tuple(troubles),
    )


def urgency(alert: Alert) -> tuple[float, int, datetime]:
    """Order alerts: the dearest first, then the most severe, then the oldest."""
    return (-(alert.money_per_day or 0.0), _LOUDNESS[alert.severity], alert.opened_at)


def _project(system: System) -> Project:
    model, metric = system.settings.model, system.settings.gate.metric
    return Project(
        name=model.name,
        purpose=model.purpose,
        task=str(Task(model.task)),
        owner=model.owner,
        currency=system.settings.value.currency,
        metric=metric,
        higher_is_better=metric in HIGHER_IS_BETTER,
        window=system.settings.monitor.window,
        folder=str(system.folder),
    )


def _quarantine(system: System) -> Quarantine:
    counts, broken = tally(system)
    replayed, dropped = counts.get(REPLAYED, 0), counts.get(DROPPED, 0)
    return Quarantine(sum(counts.values()) - replayed - dropped, replayed, dropped, broken[:3])


def _value(system: System, records: Sequence[WindowRecord]) -> NetValue | None:
    windows = window_values(records)
    return net_value(windows, system.costs.costs(), currency=system.settings.value.currency) if windows else None


def _audit(system: System, troubles: list[str]) -> AuditState | None:
    try:
        log = system.audit.read()
    except (ValueError, msgspec.DecodeError) as err:
        troubles.append(f"the audit log has an entry that cannot be read: {err}")
        return None
    return AuditState(len(log), first_break(log), log[-1].entry.at if log else None)


def _tried(look: Callable[[], T], what: str, troubles: list[str]) -> T | None:
    """Return what was found, or None, and say what could not be read."""
    try:
        return look()
    except DaytwoError as err:
        troubles.append(f"{what} cannot be read: {err}")
        return None
