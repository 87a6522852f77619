"""Where retraining stands right now: what was decided last and why, what it would bring, and what would change it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from daytwo.core.durations import duration
from daytwo.core.errors import NotFound
from daytwo.core.retraining import RetrainPolicy, retrain_policy
from daytwo.lifecycle.flow import Json
from daytwo.lifecycle.releases import OPEN
from daytwo.lifecycle.retraining.challengers import challenger_cost
from daytwo.lifecycle.retraining.policy import Standing, next_due
from daytwo.lifecycle.retraining.purse import purse
from daytwo.lifecycle.system import System
from daytwo.lifecycle.windows import WindowRecord
from daytwo.registry.versions import current_route


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the marginal rule last worked out, in money per window: see `retrain.Decision`; None where not known."""

    expected_gain: float | None
    excess: float | None
    standard_error: float | None
    threshold: float | None
    rate: float | None
    worth_knowing: float | None


@dataclass(frozen=True, slots=True)
class Position:
    """The champion `version` under its `policy`, and the `words` of the last decision, of `window`, with its numbers.

    `retrain` is None where nothing was decided yet. `due` is when the calendar makes a new version; `changes` say what
    would make one, or what stands against it.
    """

    policy: str
    version: str
    live_since: datetime
    trained_at: datetime
    window: str
    decided_at: datetime | None
    retrain: bool | None
    words: str
    numbers: Numbers
    switch_cost: float
    challenger_cost: float
    currency: str
    due: datetime | None
    changes: tuple[str, ...]


def standing_of(system: System, digest: str, at: datetime, *, findings: Sequence[str] = ()) -> Standing:
    """Return how the champion with this digest stands at a moment."""
    live_since = at
    for change in reversed(system.registry.history()):
        if change.route.champion != digest:
            break
        live_since = change.at
    return Standing(at, live_since, system.registry.find(digest).created_at, findings)


def position(system: System, now: datetime) -> Position:
    """Return where retraining stands.

    Raises
    ------
    NotFound
        If nothing is live yet.
    """
    route = current_route(system.registry)
    if route is None:
        raise NotFound("nothing is live yet, so nothing can be retrained", hint="'daytwo up' makes a first version")
    settings, version = system.settings.retrain, system.registry.find(route.champion)
    policy, standing = retrain_policy(settings.policy), standing_of(system, route.champion, now)
    record, kept = _last(system.windows.windows())
    numbers = Numbers(*(_number(kept.get(name)) for name in Numbers.__dataclass_fields__))
    stale_after = duration(settings.stale_after) if settings.stale_after else None
    due = next_due(policy, standing, stale_after=stale_after)
    return Position(
        policy=settings.policy,
        version=f"v{version.number}",
        live_since=standing.live_since,
        trained_at=version.created_at,
        window="" if record is None else record.span.name,
        decided_at=None if record is None else record.span.end + duration(system.settings.monitor.label_delay),
        retrain=None if record is None else bool(kept.get("retrain")),
        words=str(kept.get("words", "no window has been settled yet: labels of a whole window must have come")),
        numbers=numbers,
        switch_cost=settings.switch_cost,
        challenger_cost=challenger_cost(system),
        currency=system.settings.value.currency,
        due=due,
        changes=tuple(_changes(system, policy, numbers, due, now)),
    )


def _last(records: Sequence[WindowRecord]) -> tuple[WindowRecord | None, dict[str, Json]]:
    for record in reversed(records):
        decision = (record.settled or {}).get("decision")
        if isinstance(decision, dict):
            return record, decision
    return None, {}


def _changes(
    system: System, policy: RetrainPolicy, numbers: Numbers, due: datetime | None, now: datetime
) -> Iterator[str]:
    currency = system.settings.value.currency
    under_way = next((one for one in system.releases.releases() if one.state in OPEN), None)
    if under_way is not None:
        yield f"{under_way.id} is under way, and nothing is decided before it ends: {under_way.words}"
    match policy.kind:
        case "never":
            yield "nothing but a person: 'daytwo retrain', or another [retrain] policy"
        case "alarm":
            yield "a window that moved or went worse than usual"
        case "marginal" if numbers.threshold is not None and numbers.excess is not None:
            yield (
                f"it retrains once a fresh model would save {numbers.threshold:,.2f} {currency} a window, and more "
                f"than one standard error; now that is {numbers.excess:,.2f}"
                + ("" if numbers.standard_error is None else f" (standard error {numbers.standard_error:,.2f})")
            )
            if numbers.rate is not None:
                yield f"each window of age costs {numbers.rate:,.2f} {currency} more, by all versions so far"
        case "marginal":
            yield "a settled window: before, nobody knows what this version loses"
    held = purse(system.costs.costs(), now, budget=system.settings.retrain.budget)
    if held.budget:
        yield f"the budget: {held.spent:,.2f} of {held.budget:,.2f} {currency} were spent in the last 30 days"
    if due is not None:
        yield f"the calendar: a new version is due on {due:%d %B %Y}"


def _number(value: Json) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
