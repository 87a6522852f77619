"""A release: one candidate on its way from training to being live, or to a refusal.

    training ─> refused                      a gate said no
       └──────> waiting ─> declined          a person said no, or nobody said yes in time
                   └─────> rolling ─> stopped    the candidate misbehaved on live traffic
                              └─────> live ─> rolled_back

Pure: `advance` looks at what is known now and says what the release becomes; `rollout.py` collects what is known and
moves traffic accordingly, `records_sql.py` keeps releases in the ledger.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from daytwo.core.durations import duration
from daytwo.registry.route import Route


class State(StrEnum):
    """Where a release stands."""

    TRAINING = "training"
    REFUSED = "refused"
    WAITING = "waiting"
    DECLINED = "declined"
    ROLLING = "rolling"
    STOPPED = "stopped"
    LIVE = "live"
    ROLLED_BACK = "rolled_back"


OPEN = frozenset({State.TRAINING, State.WAITING, State.ROLLING})


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a rollout: `share` of subjects answered by the candidate (0 is shadow) for at least `span`."""

    text: str
    share: float
    span: timedelta


@dataclass(frozen=True, slots=True)
class Release:
    """One release. `digest` is empty until trained; `step` counts rollout steps from 0 since `step_since`.

    `evidence` is the JSON text of gates and variants that the approver is shown; `words` say how it stands.
    """

    id: str
    state: State
    reason: str
    author: str
    opened_at: datetime
    changed_at: datetime
    digest: str = ""
    step: int = 0
    step_since: datetime | None = None
    evidence: str = ""
    words: str = ""


class ReleaseBook(Protocol):
    """Where releases are kept."""

    def put(self, release: Release) -> None:
        """Keep the release under its id, replacing what was there."""
        ...

    def move(self, release: Release, *, out_of: State) -> bool:
        """Keep the release if what is there stands in `out_of`, or where it is to stand already; tell whether so."""
        ...

    def get(self, release_id: str) -> Release | None:
        """Return one release, or None."""
        ...

    def releases(self) -> tuple[Release, ...]:
        """Every release, the oldest first."""
        ...


@dataclass(frozen=True, slots=True)
class Known:
    """What is known about an open release at one moment.

    `approved` is None while people may still decide; `champion` is the digest that answers now, if any;
    `trouble` says what is wrong with the candidate on live traffic, empty where nothing is; `rows` counts live rows
    that the candidate has scored in the present step. `waits` says why nothing may reach more people now.
    """

    now: datetime
    approved: bool | None
    champion: str | None
    trouble: str = ""
    rows: int = 0
    waits: str = ""


def read_steps(texts: tuple[str, ...]) -> tuple[Step, ...]:
    """Read `[release] steps`, such as `shadow 2d` and `canary 5% 1d`.

    Examples
    --------
    >>> read_steps(("canary 5% 1d",))[0].share
    0.05
    """
    steps = []
    for text in texts:
        match = re.fullmatch(r"(?:shadow|canary (\d+(?:\.\d+)?)%) (\S+)", text)
        if match is None:
            raise ValueError(f"{text!r} is no step; settings are checked when they are read")
        steps.append(Step(text, float(match[1]) / 100 if match[1] else 0.0, duration(match[2])))
    return tuple(steps)


def advance(release: Release, steps: tuple[Step, ...], known: Known) -> Release:
    """Return what the release becomes now; the same release where it goes on waiting."""
    if release.state is State.WAITING:
        return _after_waiting(release, steps, known)
    if release.state is State.ROLLING:
        return _after_rolling(release, steps, known)
    return release


def step_of(release: Release, steps: tuple[Step, ...]) -> Step | None:
    """Return the step at which a rolling release stands, or None where there are no steps.

    Where somebody took steps out of the settings since, it stands at the last one that is left.
    """
    return steps[min(release.step, len(steps) - 1)] if steps else None


def route_of(release: Release, steps: tuple[Step, ...], champion: str | None, generation: int) -> Route | None:
    """Return the route that a release's state asks for, or None where it asks for none."""
    if release.state is State.LIVE:
        return Route(generation, release.digest)
    if champion is None:
        return None
    step = step_of(release, steps)
    if release.state is State.ROLLING and step is not None:
        if step.share == 0:
            return Route(generation, champion, shadow=release.digest)
        return Route(generation, champion, canary=release.digest, canary_share=step.share)
    if release.state in {State.STOPPED, State.DECLINED}:
        return Route(generation, champion)
    return None


def _after_waiting(release: Release, steps: tuple[Step, ...], known: Known) -> Release:
    if known.approved is None:
        return release
    if not known.approved:
        return _become(release, State.DECLINED, known, "not approved: somebody said no, or nobody said yes in time")
    if known.waits:
        return replace(release, words=f"approved; {known.waits}")
    if known.champion is None or not steps:
        return _become(release, State.LIVE, known, "approved; nothing was live before, so it answers at once")
    return replace(
        _become(release, State.ROLLING, known, f"approved; {steps[0].text} begins"), step=0, step_since=known.now
    )


def _after_rolling(release: Release, steps: tuple[Step, ...], known: Known) -> Release:
    step = step_of(release, steps)
    if known.trouble:
        where = step.text if step else "its rollout"
        return _become(release, State.STOPPED, known, f"stopped in {where}: {known.trouble}")
    if step is None:
        if known.waits:
            return replace(release, words=f"the settings have no steps any more; {known.waits}")
        return _become(release, State.LIVE, known, "the settings have no steps any more; it answers everybody now")
    begun = release.step_since or release.changed_at
    if known.now - begun < step.span:
        return release
    if known.rows == 0:
        return release  # a step that saw no traffic has proved nothing
    if known.waits:
        return replace(release, words=f"{step.text} passed; {known.waits}")
    if release.step + 1 < len(steps):
        following = steps[release.step + 1].text
        words = f"{step.text} passed on {known.rows:,} rows; {following} begins"
        return replace(_become(release, State.ROLLING, known, words), step=release.step + 1, step_since=known.now)
    words = f"{step.text} passed on {known.rows:,} rows; it answers everybody now"
    return _become(release, State.LIVE, known, words)


def _become(release: Release, state: State, known: Known, words: str) -> Release:
    return replace(release, state=state, changed_at=known.now, words=words)
