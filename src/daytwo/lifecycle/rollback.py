"""Going back: an earlier version becomes champion again, and what was killed half way through it is finished.

The change of the route in the ledger is the deed; all else follows from it, so it can be done by whoever comes next.
The entry in the audit log is the last thing done: without it a going back is not finished. `rollout.py` goes forward.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from daytwo.core.errors import Refused
from daytwo.governance.audit import Entry
from daytwo.lifecycle.releases import Release, State
from daytwo.lifecycle.system import System
from daytwo.registry.route import Route, write_route
from daytwo.registry.versions import RouteChange

# Begins the cause of every change of the route that goes back.
_CAUSE = "rollback:"


def roll_back(system: System, *, to: str | None, by: str, reason: str, now: datetime, cause: str) -> Route:
    """Make an earlier version champion again: the one before the present champion, or the digest `to`.

    A rollout that is under way is stopped: its evidence is about a champion that is gone. The same `cause` again does
    what is left to do of it.

    Raises
    ------
    Refused
        If nothing was live before the present champion.
    """
    history = system.registry.history()
    cause = f"{_CAUSE}{cause}"
    change = next((one for one in history if one.cause == cause), None)
    if change is None:
        earlier = to if to and history else version_before(history)
        route = Route(history[-1].route.generation + 1, earlier)
        change = system.registry.change_route(route, cause=cause, at=now, by=by, reason=reason)
    _follow(system, change)
    return change.route


def cut_short(system: System) -> RouteChange | None:
    """Return the change of the route of a going back that is not finished, or None.

    Only the newest change can be such a one: whoever changes the route finishes it before.
    """
    history = system.registry.history()
    if not history or not is_going_back(history[-1]):
        return None
    seal = _seal_cause(history[-1])
    return None if any(sealed.entry.cause == seal for sealed in system.audit.read()) else history[-1]


def is_going_back(change: RouteChange) -> bool:
    """Whether a change of the route went back to an earlier version."""
    return change.cause.startswith(_CAUSE)


def finish_roll_back(system: System) -> RouteChange | None:
    """Do what is left of a going back that was cut short; return it, or None where there is none."""
    change = cut_short(system)
    if change is not None:
        _follow(system, change)
    return change


def version_before(history: tuple[RouteChange, ...]) -> str:
    """Return the digest that answered before the present champion ever did.

    So going back twice goes back two versions, and never to the one that was just left.

    Raises
    ------
    Refused
        If nothing did.
    """
    earlier = history[-1].route.previous if history else None
    if earlier is None:
        raise Refused(
            "there is no earlier version to go back to",
            hint="'daytwo status' lists what was live; 'daytwo rollback VERSION' goes to any of them",
        )
    return earlier


def stopped_by_going_back(system: System) -> tuple[Release, ...]:
    """Return the releases whose rollout would be stopped now."""
    return tuple(release for release in system.releases.releases() if release.state is State.ROLLING)


def left_by(system: System, change: RouteChange) -> str:
    """Return the digest that answered right before a change of the route."""
    before = change.route.generation - 1
    return next(one.route.champion for one in system.registry.history() if one.route.generation == before)


def _follow(system: System, change: RouteChange) -> None:
    """Let everything else follow the route: the servers' projection, the releases, the audit log."""
    write_route(system.route_path, change.route)
    left = left_by(system, change)
    for release in system.releases.releases():
        if release.digest == left and release.state is State.LIVE:
            system.releases.put(replace(release, state=State.ROLLED_BACK, changed_at=change.at, words=change.reason))
    words = f"stopped: {left[:12]}, which it was to replace, was rolled back"
    for release in stopped_by_going_back(system):
        system.releases.put(replace(release, state=State.STOPPED, changed_at=change.at, words=words))
    detail: dict[str, object] = {"from": left, "reason": change.reason}
    entry = Entry(change.at, change.by, "roll back", change.route.champion, _seal_cause(change), detail)
    system.audit.append(entry)


def _seal_cause(change: RouteChange) -> str:
    return f"audit:{change.cause}"
