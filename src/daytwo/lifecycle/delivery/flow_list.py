"""The flows of a project in plain words: where each stands, how old it is, and what it waits for.

Two things are called a flow by people: a release on its way, which waits in the ledger and costs nothing meanwhile,
and a durable run that does work. Both are listed here, a release once. Pure; `kept_flows.py` reads the runs,
`steering.py` cancels and resumes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from daytwo.governance.approvals import Decision, Request
from daytwo.lifecycle.delivery.kept_flows import KeptFlow, KeptStep
from daytwo.lifecycle.releases import OPEN, Release, State, Step, step_of


@dataclass(frozen=True, slots=True)
class FlowView:
    """One flow as people see it. `waits_for` says what must happen, `next_step` which command makes it happen."""

    id: str
    flow: str
    state: str
    step: str
    since: datetime
    age_s: float
    waits_for: str
    next_step: str = ""
    is_open: bool = True
    steps: tuple[KeptStep, ...] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is known of a release's approval."""

    request: Request | None
    decisions: tuple[Decision, ...]


def view_release(
    release: Release, steps: tuple[Step, ...], waiting: Waiting, run: KeptFlow | None, *, now: datetime, is_run: bool
) -> FlowView:
    """Say where a release stands that does not train; `run` trained it. `is_run`: a process runs the flows now."""
    step, waits_for, next_step = "", "", ""
    if release.state is State.WAITING:
        step = "approval"
        people, outcome = _approval(waiting, now)
        waits_for = people or f"the next look of 'daytwo up': {outcome}"
        next_step = f"daytwo approve {release.id} --as NAME" if people else "" if is_run else "daytwo up"
    elif release.state is State.ROLLING:
        at = step_of(release, steps)
        begun = release.step_since or release.changed_at
        step = at.text if at else "rollout"
        if at is not None and begun + at.span > now:
            waits_for = f"{begun + at.span:%Y-%m-%d %H:%M}, when {at.text} may end"
        else:
            waits_for = "the next look at live traffic; a step that saw no rows goes on"
        next_step = "" if is_run else "daytwo up"
    elif release.state is State.TRAINING:
        step, waits_for, next_step = "begin", "its run, which nobody has begun", "daytwo release"
    return FlowView(
        release.id,
        "release",
        str(release.state).replace("_", " "),
        step,
        release.opened_at,
        (now - release.opened_at).total_seconds(),
        waits_for,
        next_step,
        release.state in OPEN,
        () if run is None else run.steps,
    )


def view_run(run: KeptFlow, *, now: datetime, is_run: bool) -> FlowView:
    """Say where a durable run stands. `now` is by the clock of the machine, whatever day the project lives in."""
    done = run.steps[-1].name if run.steps else ""
    step = f"after {done}" if done else "its beginning" if run.state != "done" else ""
    state, waits_for, next_step = run.state, "", ""
    if run.state == "unfinished" and is_run:
        state, waits_for = "running", "the step it is in"
    elif run.state == "unfinished" and run.current:
        state, waits_for, next_step = "cut short", "a process that runs the flows", f"daytwo flows resume {run.id}"
    elif run.state == "unfinished":
        waits_for = "nobody: its steps are of another version of daytwo, so it is begun anew"
        state, next_step = "stranded", f"daytwo flows resume {run.id}"
    elif run.state == "failed":
        waits_for, next_step = f"a mend: {run.error}", f"daytwo flows resume {run.id}"
    elif run.state == "cancelled":
        waits_for, next_step = "nothing, unless it is resumed", f"daytwo flows resume {run.id}"
    age = (now - run.begun_at).total_seconds()
    return FlowView(
        run.id, run.flow, state, step, run.begun_at, age, waits_for, next_step, run.state != "done", run.steps
    )


def in_order(views: Iterable[FlowView]) -> tuple[FlowView, ...]:
    """Return flows the oldest first."""
    return tuple(sorted(views, key=lambda view: (view.since, view.id)))


def _approval(waiting: Waiting, now: datetime) -> tuple[str, str]:
    """Return whose yes is waited for, empty where none is any more, and then what came of it."""
    request = waiting.request
    if request is None:
        return "an approval that was never asked for", ""
    given = sum(decision.approved for decision in waiting.decisions)
    if any(not decision.approved for decision in waiting.decisions) or now >= request.expires_at:
        return "", "it was refused, or its time ran out"
    if given >= request.needed:
        return "", "it is approved"
    left = request.needed - given
    people = "a yes of one person" if left == 1 else f"a yes of {left} people"
    return f"{people} other than {request.author}, until {request.expires_at:%Y-%m-%d %H:%M}", ""
