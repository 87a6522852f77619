"""A flow cancelled or taken up again by a person. What is under way on live traffic goes back to the champion first.

The order is the one of `rollback.py`: the route in the ledger is the deed, the rest follows, and the same command
again finishes what was cut short.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from daytwo.core.errors import Mistake, NotFound, Refused
from daytwo.governance.audit import Entry
from daytwo.lifecycle.delivery.kept_flows import KeptFlow, KeptFlows
from daytwo.lifecycle.flow import Json, Runner
from daytwo.lifecycle.releases import OPEN, Release, State
from daytwo.lifecycle.system import System
from daytwo.registry.route import Route, write_route
from daytwo.registry.versions import current_route

_LAST = {State.TRAINING: State.REFUSED, State.WAITING: State.DECLINED, State.ROLLING: State.STOPPED}


def must_find(system: System, kept: KeptFlows | None, flow_id: str) -> tuple[Release | None, KeptFlow | None]:
    """Return the release and the durable run called `flow_id`; at least one of them is there.

    Raises
    ------
    NotFound
        If there is neither; the hint names what there is.
    """
    release = system.releases.get(flow_id)
    run = kept.find(flow_id) if kept is not None else None
    if release is None and run is None:
        runs = [one.id for one in kept.unsettled()] if kept is not None else []
        names = [one.id for one in system.releases.releases() if one.state in OPEN] + runs
        known = ", ".join(dict.fromkeys(names[:5]))
        hint = f"There is {known}" if known else "'daytwo flows list --all' shows those that are over"
        raise NotFound(f"there is no flow {flow_id!r}", hint=hint)
    return release, run


def cancel_flow(
    system: System, kept: KeptFlows | None, flow_id: str, *, person: str, reason: str, now: datetime
) -> str:
    """End a flow that is under way; return what became of it in words.

    Raises
    ------
    Mistake
        If nobody says so, or without a reason.
    NotFound
        If there is no such flow.
    Refused
        If it is over.
    """
    if not person.strip() or not reason.strip():
        raise Mistake("cancelling needs a name and a reason", hint="Give --as NAME and --reason TEXT")
    release, run = must_find(system, kept, flow_id)
    is_unfinished = run is not None and run.state == "unfinished"
    is_open = release is not None and release.state in OPEN
    if not is_unfinished and not is_open:
        state = str(release.state) if release is not None else run.state if run is not None else ""
        raise Refused(
            f"{flow_id} is over: {state.replace('_', ' ')}",
            hint="'daytwo flows list' shows what is under way; 'daytwo rollback' takes a live version back",
        )
    if kept is not None and is_unfinished:
        kept.cancel(flow_id)
    cause = f"cancel:{flow_id}:{now.isoformat()}"
    told = f"{flow_id} goes no further than the step it is in"
    detail: dict[str, object] = {"reason": reason}
    if release is not None and is_open:
        told = _end_release(system, release, person=person, reason=reason, now=now)
    elif run is not None and run.flow != "release":
        told += "; what it was for is asked for again when 'daytwo up' looks next"
    system.audit.append(Entry(now, person, "cancel flow", flow_id, f"audit:{cause}", detail))
    return told


def resume_flow(run: KeptFlow | None, release: Release | None, runner: Runner) -> Json:
    """Take a run up where it was left, or begin it anew where it failed or was cancelled; return its result.

    Raises
    ------
    Refused
        If it is done, or waits for something that no run can give.
    """
    if run is None or (run.state == "done" and release is not None and release.state in OPEN):
        name = release.id if release is not None else ""
        raise Refused(
            f"{name} runs no work that could be resumed: it is {release.state if release else 'over'}",
            hint=f"'daytwo flows show {name}' says what it waits for",
        )
    if run.state == "done":
        raise Refused(f"{run.id} is done", hint="'daytwo flows list' shows what is under way")
    return runner.run(run.flow, run.id, dict(run.arguments))


def _end_release(system: System, release: Release, *, person: str, reason: str, now: datetime) -> str:
    """Close an open release; its traffic goes back to the champion."""
    route = current_route(system.registry)
    back = ""
    if release.state is State.ROLLING and route is not None and release.digest in {route.canary, route.shadow}:
        change = system.registry.change_route(
            Route(route.generation + 1, route.champion, holdout=route.holdout),
            cause=f"cancel:{release.id}",
            at=now,
            by=person,
            reason=reason,
        )
        write_route(system.route_path, change.route)
        back = f"; {change.route.champion[:12]} answers everybody again"
    words = f"cancelled by {person}: {reason}"
    ended = replace(release, state=_LAST[release.state], changed_at=now, words=words)
    if not system.releases.move(ended, out_of=release.state):
        raise Refused(
            f"{release.id} has moved on in the meantime",
            hint=f"'daytwo flows show {release.id}' says where it stands; 'daytwo rollback' takes a live version back",
        )
    return f"{release.id} is {_LAST[release.state]}{back}"
