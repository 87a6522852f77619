"""The project's own past under each retraining policy: what it would have lost and cost, beside hindsight.

The models are those that there were: the first version, and the challengers that were trained after each window
(`challengers.py`), each on all rows labelled by then. So a policy is credited with quick models, not with the larger
ones that a release makes; what they lost is measured on the windows' real rows and labels, in money, counted from the
right decision of each row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daytwo.core.durations import duration
from daytwo.core.errors import Refused
from daytwo.core.retraining import retrain_policy
from daytwo.lifecycle.retraining.alarms import ALARM, alarms_of, on_alarms
from daytwo.lifecycle.retraining.challengers import challenger_before, challenger_cost
from daytwo.lifecycle.retraining.replay import Run, oracle, simulate
from daytwo.lifecycle.rows import LiveRows, live_rows
from daytwo.lifecycle.system import System
from daytwo.lifecycle.versions import champion, load_model, money_answers
from daytwo.monitoring.estimating.performance import realised_money
from daytwo.scoring.model import Model
from daytwo.training.regret import against_the_best

# With fewer windows no policy differs from another by more than chance.
_FEWEST = 4
_POLICIES = ("marginal", "every 1", "every 2", "every 4", "every 8", "never")


@dataclass(frozen=True, slots=True)
class Replayed:
    """One `policy` over the past: its switches as windows, what versions in use lost and what switching cost, in money.

    `missed` is how much more that is than hindsight would have paid; `is_set` marks the project's own policy.
    """

    policy: str
    switches: tuple[int, ...]
    loss: float
    cost: float
    total: float
    missed: float
    is_set: bool


@dataclass(frozen=True, slots=True)
class Backtest:
    """Every policy over `windows` (their names), the cheapest first, and what `hindsight` would have paid."""

    windows: tuple[str, ...]
    policies: tuple[Replayed, ...]
    hindsight: Run
    switch_cost: float
    challenger_cost: float
    currency: str


def backtest(system: System) -> Backtest:
    """Replay every policy over the windows whose labels have come.

    Raises
    ------
    Refused
        If there are too few such windows, or no challengers were trained in them.
    """
    records = [one for one in system.windows.windows() if one.settled]
    if len(records) < _FEWEST:
        raise Refused(
            f"{len(records)} windows have their labels, and a replay needs {_FEWEST}",
            hint="'daytwo monitor --last 10' shows when the next ones are due",
        )
    losses = _losses(system, [one.span.index for one in records])
    switch, challenger = system.settings.retrain.switch_cost, challenger_cost(system)
    best = oracle(losses, switch_cost=switch, challenger_cost=challenger)
    own = _as_windows(system)
    runs = {
        policy: simulate(losses, switch_cost=switch, challenger_cost=challenger, policy=policy)
        for policy in dict.fromkeys((*_POLICIES, *([own] if own != ALARM else [])))
    }
    found_in = [alarms_of(one) for one in records]
    runs[ALARM] = on_alarms(losses, found_in, switch_cost=switch, challenger_cost=challenger)
    found = []
    for policy, run in runs.items():
        missed = run.total - best.total
        found.append(Replayed(policy, run.switches, run.loss, run.cost, run.total, missed, policy == own))
    return Backtest(
        windows=tuple(one.span.name for one in records),
        policies=tuple(sorted(found, key=lambda one: one.total)),
        hindsight=best,
        switch_cost=switch,
        challenger_cost=challenger,
        currency=system.settings.value.currency,
    )


def _as_windows(system: System) -> str:
    """Return the project's own policy as a replay knows it."""
    policy = retrain_policy(system.settings.retrain.policy)
    if policy.kind == "every":
        return f"every {max(1, round(policy.every / duration(system.settings.monitor.window)))}"
    return ALARM if policy.kind == "alarm" else policy.kind


def _losses(system: System, indexes: Sequence[int]) -> NDArray[np.float64]:
    """Return what each model would have lost in each window; row i is what there was when window i began."""
    now = champion(system)
    assert now is not None
    first = load_model(system.bundles, system.registry.versions()[0].digest)
    spans = {one.span.index: one.span for one in system.windows.windows()}
    rows = [
        live_rows(system, now.contract, now.payoff.columns, spans[i].start, spans[i].end).labelled() for i in indexes
    ]
    losses = np.full((len(indexes), len(indexes)), np.nan)
    losses[0] = [_lost(now, one, first.score_many(one.matrix)) for one in rows]
    trained = 0
    for i, index in enumerate(indexes[1:], start=1):
        model = challenger_before(system, index)
        trained += model is not None
        for t in range(i, len(indexes)):
            losses[i, t] = losses[i - 1, t] if model is None else _lost(now, rows[t], model.score_many(rows[t].matrix))
    if not trained:
        raise Refused(
            "no challenger was trained in these windows, so nobody knows what a new version would have brought",
            hint="Set [retrain] policy to another than 'never' for some windows",
        )
    return losses


def _lost(model: Model, rows: LiveRows, scores: NDArray[np.float64]) -> float:
    said = money_answers(model.payoff, scores, rows.column, rows.days)
    money = realised_money(against_the_best(model.payoff, said, rows.column), rows.labels, model.task)
    return 0.0 if money is None else -float(np.nan_to_num(money).sum())
