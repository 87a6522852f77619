"""The heartbeat of a project: at each tick everything that is due is done, in one order, each thing once.

`daytwo up` ticks by the clock on the wall, the demo by the calendar of the past; the flows cannot tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from daytwo.core.durations import duration
from daytwo.lifecycle.condition import project_condition
from daytwo.lifecycle.delivery.overdue import look_at_plan
from daytwo.lifecycle.flow import Flow, Json, Runner
from daytwo.lifecycle.holdout import follow_holdout
from daytwo.lifecycle.intake.ingest import ingest
from daytwo.lifecycle.prepare import prepare_release
from daytwo.lifecycle.releases import OPEN, State
from daytwo.lifecycle.retention import forget_old
from daytwo.lifecycle.rollback import finish_roll_back
from daytwo.lifecycle.rollout import advance_release, project_route
from daytwo.lifecycle.settle import settle_window
from daytwo.lifecycle.shipping import ship_journal
from daytwo.lifecycle.sources.patrol import patrol
from daytwo.lifecycle.sources.source_health import LOOKS, SIGHT
from daytwo.lifecycle.system import System
from daytwo.lifecycle.watch import span_arguments, watch_window
from daytwo.lifecycle.watchmen.beats import keep_beat
from daytwo.lifecycle.windows import LIVE_SINCE, spans

# The number of the last window that was settled, and whose consequences were drawn.
_SETTLED = "settled_up_to"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a tick did, in one line of plain words."""

    at: datetime
    kind: str
    words: str
    detail: Mapping[str, Json]


def flows(system: System) -> dict[str, Flow]:
    """Return every flow there is, by name, bound to a system."""
    made: dict[str, Callable[..., Json]] = {
        "ingest": ingest,
        "release": prepare_release,
        "advance": advance_release,
        "watch": watch_window,
        "settle": settle_window,
        "patrol": patrol,
        "retention": forget_old,
    }
    return {name: _bound(work, system) for name, work in made.items()}


def _bound(work: Callable[..., Json], system: System) -> Flow:
    return lambda run, arguments: work(run, system, arguments)


def tick(system: System, runner: Runner, now: datetime) -> list[Event]:
    """Do everything that is due at `now`; the same tick again does nothing twice."""
    events: list[Event] = []
    finished = finish_roll_back(system)
    if finished is not None:
        words = f"the roll back to {finished.route.champion[:12]}, which was cut short, is finished"
        events.append(Event(now, "rolled_back", words, {}))
    project_route(system)
    _holdout(system, now, events)
    ship_journal(system)
    _patrol(runner, now, events)
    keep_beat(system, "sources", now)
    _windows(system, runner, now, events)
    keep_beat(system, "windows", now)
    _releases(system, runner, now, events)
    events += [Event(now, "alert", words, {}) for words in look_at_plan(system, now)]
    _holdout(system, now, events)  # the first version has just gone live
    project_condition(system)
    _retention(system, runner, now, events)
    return events


def _holdout(system: System, now: datetime, events: list[Event]) -> None:
    change = follow_holdout(system, now)
    if change is not None:
        events.append(Event(now, "holdout", change.reason, {"share": change.route.holdout}))


def _patrol(runner: Runner, now: datetime, events: list[Event]) -> None:
    """Look for bursts, at most once for every hundredth of what the eye sees."""
    beat = SIGHT / LOOKS
    slot = int(now.timestamp() / beat.total_seconds())
    found = runner.run("patrol", f"patrol-{slot}", {"now": now.isoformat()})
    assert isinstance(found, dict)
    events += [Event(now, "alert", words, {}) for words in _texts(found["opened"])]
    events += [
        Event(now, "healed", f"{subject} keeps its contract again; the alert is closed", {})
        for subject in _texts(found["closed"])
    ]


def _retention(system: System, runner: Runner, now: datetime, events: list[Event]) -> None:
    """Remove what is past its time, once a day."""
    if not system.settings.data.retention_days:
        return
    found = runner.run("retention", f"retention-{now:%Y%m%d}", {"now": now.isoformat()})
    assert isinstance(found, dict)
    removed = found["removed"]
    if isinstance(removed, dict) and removed:
        words = ", ".join(f"{int(str(rows)):,} of {table}" for table, rows in removed.items())
        events.append(Event(now, "removed", f"rows past their time: {words}", {}))


def _windows(system: System, runner: Runner, now: datetime, events: list[Event]) -> None:
    """Watch windows that have ended and settle those whose labels are due, the oldest first."""
    since = system.windows.fact(LIVE_SINCE)
    if since is None:
        return
    length = duration(system.settings.monitor.window)
    delay = duration(system.settings.monitor.label_delay)
    known = {record.span.index: record for record in system.windows.windows()}
    # Kept only after a window's release was opened too: whoever is killed between the two comes back to it.
    kept = system.windows.fact(_SETTLED)
    settled = -1 if kept is None else int(str(kept))
    for span in spans(datetime.fromisoformat(str(since)), length, now):
        record = known.get(span.index)
        if record is None or record.watched is None:
            found = runner.run("watch", f"watch-{span.name}", span_arguments(span))
            assert isinstance(found, dict)
            events += [Event(now, "alert", words, {"window": span.name}) for words in _texts(found["alerts"])]
        if span.end + delay <= now and span.index > settled:
            _settle(system, runner, span_arguments(span), span.name, now, events)
            settled = span.index
            system.windows.keep_fact(_SETTLED, settled)


def _settle(
    system: System, runner: Runner, arguments: dict[str, Json], name: str, now: datetime, events: list[Event]
) -> None:
    decision = runner.run("settle", f"settle-{name}", arguments)
    assert isinstance(decision, dict)
    events += [Event(now, "alert", words, {"window": name}) for words in _texts(decision.get("alerts"))]
    words = f"{decision['told']}; {decision['words']}" if "told" in decision else str(decision["words"])
    events.append(Event(now, "settled", words, {"window": name} | decision))
    if decision.get("rolled_back"):
        events.append(Event(now, "rolled_back", "the new version is worse for sure: the one before it is back", {}))
    elif decision["retrain"]:
        open_release(system, runner, f"release-{name}", reason=str(decision["words"]), now=now, events=events)


def open_release(
    system: System,
    runner: Runner,
    release_id: str,
    *,
    reason: str,
    now: datetime,
    events: list[Event],
    author: str = "daytwo",
    adopt: str = "",
    budget: Mapping[str, float] | None = None,
) -> None:
    """Train, gate and put forward a candidate; or the model kept under the digest `adopt`, as it is.

    `budget` says how long to look for a recipe, by the keys of [train] that it replaces.

    A release that has come to an end, also by being cancelled, is not made again.
    """
    arguments: dict[str, Json] = {"release": release_id, "reason": reason, "author": author, "now": now.isoformat()}
    if adopt:
        arguments["adopt"] = adopt
    if budget:
        arguments["budget"] = dict(budget)
    made = system.releases.get(release_id)
    if made is None or made.state is State.TRAINING:
        runner.run("release", release_id, arguments)
    release = system.releases.get(release_id)
    assert release is not None
    events.append(Event(now, str(release.state), release.words, {"release": release_id, "digest": release.digest}))


def _releases(system: System, runner: Runner, now: datetime, events: list[Event]) -> None:
    """Take open releases further; one that waits for people is left alone until they have said something."""
    opened = [one for one in system.releases.releases() if one.state in OPEN]
    standings = system.approvals.standings(now) if opened else {}
    for release in opened:
        if release.state is State.TRAINING:
            continue  # its own flow goes on with it
        if release.state is State.WAITING and standings.get(release.id) is None:
            continue
        run_id = f"advance-{release.id}-{now:%Y%m%dT%H%M%S}"
        found = runner.run("advance", run_id, {"release": release.id, "now": now.isoformat()})
        assert isinstance(found, dict)
        if found["changed"]:
            detail: dict[str, Json] = {"release": release.id, "digest": release.digest}
            events.append(Event(now, str(found["state"]), str(found["words"]), detail))


def _texts(value: Json) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
