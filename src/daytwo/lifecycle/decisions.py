"""What people decide: yes or no to a release, and back to an earlier version. Each is sealed in the audit log.

An approval only goes into the ledger; whoever runs the flows (`daytwo up`) acts on it at the next tick. Going back
takes effect at once: servers read the new route within a moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from daytwo.core.errors import Mistake, NotFound, Refused
from daytwo.governance.approvals import Decision, Request, must_be_allowed, standing
from daytwo.governance.audit import Entry
from daytwo.lifecycle.delivery.plan import must_have_plan
from daytwo.lifecycle.releases import OPEN, Release, State
from daytwo.lifecycle.rollback import (
    cut_short,
    finish_roll_back,
    left_by,
    roll_back,
    stopped_by_going_back,
    version_before,
)
from daytwo.lifecycle.system import System
from daytwo.registry.route import Route
from daytwo.registry.versions import RouteChange, Version


def find_release(system: System, name: str) -> Release:
    """Return the release called `name`: its id, a version such as `v3`, or a digest's first 6 or more digits.

    Raises
    ------
    NotFound
        If there is none; the hint names those that wait.
    """
    releases = system.releases.releases()
    for release in releases:
        if release.id == name:
            return release
    digest = ""
    try:
        digest = system.registry.find(name).digest
    except (NotFound, Mistake):
        digest = name if len(name) >= 6 else ""
    found = [one for one in releases if digest and one.digest.startswith(digest)]
    if found:
        return found[-1]
    waiting = [one.id for one in releases if one.state in OPEN] or [one.id for one in releases[-3:]]
    hint = f"There is {', '.join(waiting)}" if waiting else "'daytwo up' or 'daytwo release' makes one"
    raise NotFound(f"there is no release {name!r}", hint=hint)


def decide(system: System, release: Release, *, person: str, approved: bool, reason: str, now: datetime) -> Decision:
    """Keep a person's yes or no to a release that waits.

    The same word again is the same decision. A later word of the same person replaces the earlier one while the
    release still waits.

    Raises
    ------
    Refused
        If the release does not wait for a decision, time has run out, this person may not decide on it, or a yes is
        given to what has no whole plan any more.
    """
    request = _must_wait(system, release)
    decision = _decision(system, request, person=person, approved=approved, reason=reason, now=now)
    if approved:
        must_have_plan(system, now)
    if decision in system.approvals.decisions(release.id):
        return decision
    system.approvals.decide(decision)
    detail: dict[str, object] = {"digest": request.digest, "evidence": request.evidence, "reason": reason}
    cause = f"decide:{release.id}:{person}:{now.isoformat()}"
    system.audit.append(Entry(now, person, "approve" if approved else "refuse", release.id, cause, detail))
    return decision


def would_stand(
    system: System, release: Release, *, person: str, approved: bool, reason: str, now: datetime
) -> tuple[Decision, bool | None]:
    """Return what `decide` would keep and what would stand then, or raise what it would raise; nothing is kept."""
    request = _must_wait(system, release)
    decision = _decision(system, request, person=person, approved=approved, reason=reason, now=now)
    if approved:
        must_have_plan(system, now)
    others = [one for one in system.approvals.decisions(release.id) if one.person != person]
    return decision, standing(request, [*others, decision], now)


def _must_wait(system: System, release: Release) -> Request:
    request = system.approvals.request(release.id)
    if release.state is not State.WAITING or request is None:
        raise Refused(
            f"{release.id} does not wait for a decision: it is {str(release.state).replace('_', ' ')}",
            hint="'daytwo status' shows what waits",
        )
    return request


def _decision(system: System, request: Request, *, person: str, approved: bool, reason: str, now: datetime) -> Decision:
    """Return the decision this would be: the one kept already where the person says the same again."""
    must_be_allowed(request, person, now)
    kept = next((one for one in system.approvals.decisions(request.flow) if one.person == person), None)
    if kept is not None and _is_same(kept, request, approved=approved):
        return kept
    return Decision(request.flow, request.digest, request.evidence, person, approved, reason, now)


def stands(system: System, release: Release, now: datetime) -> bool | None:
    """Whether enough people have said yes (True), it is off (False), or it still waits (None)."""
    request = system.approvals.request(release.id)
    return None if request is None else standing(request, system.approvals.decisions(release.id), now)


def go_back(system: System, to: str, *, person: str, reason: str, now: datetime) -> tuple[Version, Route]:
    """Make an earlier version champion again: the one called `to`, or the one before where `to` is empty.

    Where the process was killed in the middle of it, the same command again finishes what it had begun.

    Raises
    ------
    Refused
        If that version answers already, never did, or there is none to go back to.
    NotFound
        If there is no such version.
    """
    _must_say_who_and_why(person, reason)
    begun = finish_roll_back(system)
    if begun is not None and _is_meant(system, begun, to):
        return system.registry.find(begun.route.champion), begun.route
    digest = _where_to(system, to)
    cause = f"{person}:{to}:{now.isoformat()}"
    route = roll_back(system, to=digest, by=person, reason=reason, now=now, cause=cause)
    return system.registry.find(route.champion), route


@dataclass(frozen=True, slots=True)
class WayBack:
    """What going back would do now: `away` stops to answer, `back` answers, the rollouts `stops` end."""

    away: Version
    back: Version
    stops: tuple[str, ...]


def way_back(system: System, to: str, *, person: str, reason: str) -> WayBack:
    """Return what `go_back` would do now, or raise what it would raise; nothing is changed."""
    _must_say_who_and_why(person, reason)
    begun = cut_short(system)
    if begun is not None and _is_meant(system, begun, to):
        away, back = left_by(system, begun), begun.route.champion
    else:
        back = _where_to(system, to)
        away = system.registry.history()[-1].route.champion
    stops = tuple(release.id for release in stopped_by_going_back(system))
    return WayBack(system.registry.find(away), system.registry.find(back), stops)


def _is_meant(system: System, begun: RouteChange, to: str) -> bool:
    """Whether a going back that was cut short is the very one that is asked for now."""
    return not to or system.registry.find(to).digest == begun.route.champion


def _must_say_who_and_why(person: str, reason: str) -> None:
    if not person.strip() or not reason.strip():
        raise Mistake("going back needs a name and a reason", hint="Give --as NAME and --reason TEXT")


def _where_to(system: System, to: str) -> str:
    """Return the digest to go back to."""
    history = system.registry.history()
    if not to:
        return version_before(history)
    digest = system.registry.find(to).digest
    if history and digest == history[-1].route.champion:
        raise Refused(f"{to} is what answers now", hint="'daytwo status' lists the versions there were")
    if all(change.route.champion != digest for change in history):
        raise Refused(f"{to} was never live", hint="New versions go live by 'daytwo release' and an approval")
    return digest


def _is_same(kept: Decision, request: Request, *, approved: bool) -> bool:
    return kept.approved is approved and (kept.digest, kept.evidence) == (request.digest, request.evidence)
