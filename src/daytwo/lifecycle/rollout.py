"""Moving traffic: what a release's state asks of the routes.

Each tick, `advance_release` looks at one open release, lets `releases.py` decide, and carries the decision out: the
ledger first, then the projection that servers read. The decision is a step of its own, kept before anything changes:
who is killed while carrying it out carries out the same one, and everything is keyed by the run's id.
`delivery/live_evidence.py` says what live traffic tells of a candidate, `rollback.py` goes the other way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from daytwo.core.errors import Conflict
from daytwo.governance.approvals import standing
from daytwo.governance.audit import Entry
from daytwo.lifecycle.delivery.hold import what_waits
from daytwo.lifecycle.delivery.live_evidence import look_at_live
from daytwo.lifecycle.flow import Json, Run
from daytwo.lifecycle.releases import Known, Release, State, advance, read_steps, route_of, step_of
from daytwo.lifecycle.system import System
from daytwo.lifecycle.windows import LIVE_SINCE
from daytwo.registry.route import Route, write_route
from daytwo.registry.versions import current_route
from daytwo.value.costs import APPROVAL, SWITCH, Cost, person_cost

ACTOR = "daytwo"


def advance_release(run: Run, system: System, arguments: dict[str, Json]) -> Json:
    """Take one open release as far as it can go at the moment `now`; return its state and words."""
    now = datetime.fromisoformat(str(arguments["now"]))
    release_id = str(arguments["release"])

    def decide() -> dict[str, Json]:
        before, present = _must(system, release_id), current_route(system.registry)
        after = advance(before, read_steps(system.settings.release.steps), _known(system, before, present, now))
        kept: dict[str, Json] = msgspec.to_builtins(_Decision(before.state, after, present, after != before))
        return kept

    decision = msgspec.convert(run.step("decide", decide), _Decision)
    after = decision.after
    told: dict[str, Json] = {"release": release_id, "state": str(after.state), "words": after.words, "changed": True}
    if not decision.changed:
        return told | {"changed": False}
    return told | run.step("carry out", lambda: _carry_out(system, decision, now, run.id))


@dataclass(frozen=True, slots=True)
class _Decision:
    """What a release becomes, decided on `present`, the route of that moment."""

    before: State
    after: Release
    present: Route | None
    changed: bool


def project_route(system: System) -> None:
    """Write the newest route for the servers: after a crash the projection may lag behind the ledger."""
    route = current_route(system.registry)
    if route is not None:
        write_route(system.route_path, route)


def _must(system: System, release_id: str) -> Release:
    release = system.releases.get(release_id)
    if release is None:
        raise ValueError(f"no release {release_id}: flows advance only what they opened")
    return release


def _known(system: System, release: Release, route: Route | None, now: datetime) -> Known:
    request = system.approvals.request(release.id)
    approved = None if request is None else standing(request, system.approvals.decisions(release.id), now)
    champion = None if route is None else route.champion
    step, waits = step_of(release, read_steps(system.settings.release.steps)), what_waits(system, now)
    if release.state is not State.ROLLING or release.step_since is None or champion is None or step is None:
        return Known(now, approved, champion, waits=waits)
    ends = now - release.step_since >= step.span
    seen = look_at_live(system, release, champion, now, is_canary=step.share > 0, ends=ends)
    return Known(now, approved, champion, seen.trouble, seen.rows, waits)


def _carry_out(system: System, decision: _Decision, now: datetime, cause: str) -> dict[str, Json]:
    before, after, present = decision.before, decision.after, decision.present
    champion = None if present is None else present.champion
    steps = read_steps(system.settings.release.steps)
    route = route_of(after, steps, champion, (0 if present is None else present.generation) + 1)
    if _must(system, after.id).state not in {before, after.state}:
        return _give_way(system, decision, now, cause)
    if route is not None and (present is None or _differs(present, route)):
        try:
            change = system.registry.change_route(route, cause=cause, at=now, by=ACTOR, reason=after.words)
        except Conflict as err:  # somebody changed the route since: the next tick decides anew
            return {"changed": False, "state": str(before), "words": err.message}
        write_route(system.route_path, change.route)
    if not system.releases.move(after, out_of=before):
        return _give_way(system, decision, now, cause)
    if before is State.WAITING and after.state in {State.ROLLING, State.LIVE}:
        minutes = system.settings.cost.approval_minutes * len(system.approvals.decisions(after.id))
        system.costs.add(person_cost(f"approval:{after.id}", now, APPROVAL, minutes, system.settings.cost))
    if after.state is State.LIVE:
        if champion is not None:
            amount = system.settings.retrain.switch_cost
            system.costs.add(Cost(f"switch:{after.id}", now, SWITCH, 1.0, "switch", amount))
        if system.windows.fact(LIVE_SINCE) is None:
            system.windows.keep_fact(LIVE_SINCE, now.isoformat())
    detail: dict[str, object] = {"digest": after.digest, "words": after.words}
    system.audit.append(Entry(now, ACTOR, f"release {after.state}", after.id, f"audit:{cause}", detail))
    return {}


def _give_way(system: System, decision: _Decision, now: datetime, cause: str) -> dict[str, Json]:
    """Take back what this run did to the route: since it decided, somebody has ended the release."""
    standing, present = _must(system, decision.after.id), decision.present
    newest = system.registry.history()[-1:]
    if present is not None and newest and newest[0].cause == cause:
        back = Route(newest[0].route.generation + 1, present.champion)
        change = system.registry.change_route(back, cause=f"{cause}:back", at=now, by=ACTOR, reason=standing.words)
        write_route(system.route_path, change.route)
    return {"changed": False, "state": str(standing.state), "words": standing.words}


def _differs(present: Route, route: Route) -> bool:
    return (present.champion, present.canary, present.canary_share, present.shadow) != (
        route.champion,
        route.canary,
        route.canary_share,
        route.shadow,
    )
