"""The year replayed: each day's flights as real requests, labels two days late, one tick of the lifecycle a day.

Every request carries an id made of its day and number, so whoever is killed, the server or this process, the day is
simply sent again and nothing is recorded twice.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from daytwo.core.errors import Conflict
from daytwo.core.errors import Fault as MachineFault
from daytwo.demo.flights import LAST_DAY, Fault, labels, requests
from daytwo.governance.approvals import Decision, must_be_allowed, standing
from daytwo.governance.audit import Entry
from daytwo.lifecycle.flow import Runner
from daytwo.lifecycle.kept_aside.quarantine import Which, kept_rows
from daytwo.lifecycle.kept_aside.replaying import replay
from daytwo.lifecycle.releases import State
from daytwo.lifecycle.system import System
from daytwo.lifecycle.windows import STANDS_AT
from daytwo.lifecycle.worker import Event, tick
from daytwo.registry.versions import current_route
from daytwo.serving.client import Client

_BATCH_ROWS = 250
_LABELS_AFTER = timedelta(days=2)
# Who says yes in the demo: not who trains.
APPROVER = "ben@operations"


@dataclass(frozen=True, slots=True)
class Stage:
    """What the replay acts with: the project, its flows, and a client that always finds a living server."""

    system: System
    runner: Runner
    client: Callable[[], Client]
    days: dict[date, pl.DataFrame]
    seed: int
    fault: Fault


def play(stage: Stage, until: date = LAST_DAY) -> Iterator[tuple[date, list[Event]]]:
    """Live through every day that is not behind us yet; yield each with what happened."""
    stands_at = stage.system.windows.fact(STANDS_AT)
    first = None if stands_at is None else datetime.fromisoformat(str(stands_at)).date()
    for day in sorted(stage.days):
        if day > until or (first is not None and day < first):
            continue
        yield day, live_day(stage, day)
        tomorrow = datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC)
        stage.system.windows.keep_fact(STANDS_AT, tomorrow.isoformat())


def live_day(stage: Stage, day: date) -> list[Event]:
    """Send one day's flights and the labels that are due, then let everything due happen at its end."""
    midnight = datetime.combine(day, datetime.min.time(), UTC)
    events: list[Event] = []
    rows = requests(stage.days[day])
    if stage.fault.applies(day):
        touched = stage.fault.inject(rows, stage.seed)
        if day == stage.fault.first:
            words = f"INJECTED FAULT: {stage.fault.origin}'s weather feed sends {stage.fault.column} in tenths of m/s"
            events.append(Event(midnight, "fault", f"{words} ({touched} flights that day)", {}))
    _send(stage, day, rows)
    if day - _LABELS_AFTER in stage.days:
        told = labels(stage.days[day - _LABELS_AFTER])
        with contextlib.suppress(Conflict):
            stage.client().labels(told, request_id=f"labels-{day - _LABELS_AFTER}")
    if day == stage.fault.last + timedelta(days=1):
        events += _mend(stage, midnight)
    now = midnight + timedelta(days=1)
    events += tick(stage.system, stage.runner, now)
    events += approve_waiting(stage.system, now)
    await_route(stage)
    return events


def approve_waiting(system: System, now: datetime) -> list[Event]:
    """Let the second identity decide on what waits: it approves what passed its gates, which is why it waits."""
    events = []
    for release in system.releases.releases():
        request = system.approvals.request(release.id)
        if release.state is not State.WAITING or request is None:
            continue
        if standing(request, system.approvals.decisions(release.id), now) is not None:
            continue
        must_be_allowed(request, APPROVER, now)
        reason = "the gates' evidence holds"
        system.approvals.decide(Decision(release.id, request.digest, request.evidence, APPROVER, True, reason, now))
        detail = {"digest": request.digest, "evidence": request.evidence}
        system.audit.append(Entry(now, APPROVER, "approve", release.id, f"approve:{release.id}:{APPROVER}", detail))
        events.append(Event(now, "approved", f"{APPROVER} approves {release.id} ({request.digest[:12]})", {}))
    return events


def await_route(stage: Stage, *, patience_s: float = 30.0) -> None:
    """Wait until the server answers by the newest route, so that the same day meets the same versions in every run."""
    route = current_route(stage.system.registry)
    if route is None:
        return
    end = time.monotonic() + patience_s
    while int(stage.client().route()["generation"]) < route.generation:
        if time.monotonic() > end:
            raise MachineFault("the server does not take up the new route", hint="See .daytwo/server.log")
        time.sleep(0.01)


def _send(stage: Stage, day: date, rows: list[dict[str, Any]]) -> None:
    for number, begin in enumerate(range(0, len(rows), _BATCH_ROWS)):
        with contextlib.suppress(Conflict):  # that it was recorded before is as good
            stage.client().predict(rows[begin : begin + _BATCH_ROWS], request_id=f"day-{day}-{number}")


def _mend(stage: Stage, now: datetime) -> list[Event]:
    """The data owner has mended the feed: repair what was kept aside and send it through the door again."""
    stage.system.seal_journal()
    rows = kept_rows(stage.system, Which(column=stage.fault.column))
    if not rows:
        return []
    result = replay(stage.system, stage.client(), rows, [stage.fault.repair], by="data owner", now=now)
    words = f"the feed is mended; {result.replayed:,} quarantined rows repaired and replayed"
    return [Event(now, "replayed", f"{words}, {result.still_bad:,} still bad", {"rows": result.replayed})]
