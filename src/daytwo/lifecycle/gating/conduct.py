"""How a candidate behaves, asked of it: under harmed rows, towards groups of people, in its reasons, in its speed.

`gate_conduct.py` and `gate_fairness.py` next door judge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from daytwo.capacity.latency import measure_latency
from daytwo.contracts.column import Column
from daytwo.core.errors import NotFound
from daytwo.core.schema import Kind, Task
from daytwo.lifecycle.gating.challenge import Challenge, Floats, groups_of
from daytwo.lifecycle.gating.gate_conduct import reasons_gate, robustness_gate
from daytwo.lifecycle.gating.gate_fairness import Outcomes, fairness_gate, groups_by
from daytwo.lifecycle.gating.gate_supply import cost_gate
from daytwo.lifecycle.gating.gates import GateResult, latency_gate
from daytwo.scoring.model import Model
from daytwo.training.dataset import TrainingData
from daytwo.training.evaluate import answers

# Rows for the latency and robustness gates: enough for a 99th percentile.
_TIMED_ROWS = 2_000
_HARMED_ROWS = 1_000
# Rows whose reasons are compared: their shares settle within a point.
_REASONED_ROWS = 500
# A value in another unit is so many times as large: thousands, inches for centimetres, a share for a percentage.
_UNITS = (1_000.0, 100.0, 2.54, 1 / 2.54, 0.01, 0.001)
# A unit fault that fewer rows survive is caught by the contract, and says nothing about the model.
_FEWEST_PASSED = 50


def conduct(challenge: Challenge) -> Iterator[GateResult]:
    """Yield the result of every gate on a candidate's own behaviour that applies."""
    candidate, test, settings = challenge.candidate, challenge.test, challenge.settings
    harms = harmed(candidate, test.matrix[:_HARMED_ROWS])
    base = candidate.score_many(test.matrix[:_HARMED_ROWS])
    yield robustness_gate(base, harms, task=candidate.task, max_jump=settings.gate.max_jump)
    if settings.gate.sensitive:
        yield _fairness(candidate, test, settings.gate.sensitive, max_gap=settings.gate.max_gap)
    reasons = _reasons(challenge)
    if reasons is not None:
        yield reasons
    yield from _speed(challenge)


def harmed(model: Model, rows: NDArray[np.float32]) -> dict[str, Floats]:
    """Return the answers to rows harmed one feature at a time: value lost, at its limit, or in another unit.

    A unit fault is asked of the rows whose value the contract would still let pass, before and after: shape (2, m).
    """
    columns = {column.name: column for column in model.contract.columns}
    found: dict[str, Floats] = {}
    for i, feature in enumerate(model.schema.features):
        found[f"without {feature.name}"] = _scored(model, rows, i, np.nan)
        column = columns.get(feature.name)
        if feature.is_category or column is None or not column.is_numeric:
            continue
        for side, limit in (("limit", column.maximum), ("lower limit", column.minimum)):
            if limit is not None:
                found[f"{feature.name} at its {side}"] = _scored(model, rows, i, limit)
        found |= _other_units(model, rows, i, column)
    return found


def _other_units(model: Model, rows: NDArray[np.float32], i: int, column: Column) -> dict[str, Floats]:
    """Return the answers under the unit fault that moves them most among those that the contract lets pass."""
    low = -np.inf if column.minimum is None else column.minimum
    high = np.inf if column.maximum is None else column.maximum
    worst: tuple[float, str, Floats] | None = None
    for factor in _UNITS:
        values = rows[:, i].astype(np.float64) * factor
        passed = (values >= low) & (values <= high) & (values != rows[:, i])
        if column.kind is Kind.INTEGER:
            passed &= values == np.round(values)
        if passed.sum() < _FEWEST_PASSED:
            continue
        before = model.score_many(rows[passed])
        after = _scored(model, rows[passed], i, values[passed].astype(np.float32))
        move = abs(float(after.mean() - before.mean()))
        if worst is None or not move <= worst[0]:
            worst = move, f"{column.name} times {factor:.3g}", np.stack([before, after])
    return {} if worst is None else {worst[1]: worst[2]}


def _scored(model: Model, rows: NDArray[np.float32], i: int, value: float | NDArray[np.float32]) -> Floats:
    changed = rows.copy()
    changed[:, i] = value
    return model.score_many(changed)


def _fairness(model: Model, test: TrainingData, columns: tuple[str, ...], *, max_gap: float) -> GateResult:
    scores = model.score_many(test.matrix)
    acts = answers(model.payoff, scores, test.column, test.days).act
    done = scores if model.task is Task.REGRESSION or acts is None else np.asarray(acts, dtype=np.float64)
    groups: dict[str, NDArray[np.bool_]] = {}
    for name in columns:
        groups |= groups_by(name, test.column(name))
    outcomes = Outcomes(done, test.labels, groups_of(test)[0], model.task)
    return fairness_gate(outcomes, groups, max_gap=max_gap)


def _reasons(challenge: Challenge) -> GateResult | None:
    """Compare what both versions lean on; None where one of them gives no reasons, or there is no champion."""
    if challenge.champion is None:
        return None
    new = challenge.test.matrix[:_REASONED_ROWS]
    old = new if challenge.beside is None else challenge.beside[:_REASONED_ROWS]
    try:
        weights = _by_name(challenge.candidate, new), _by_name(challenge.champion, old)
    except NotFound:
        return None
    names = tuple(dict.fromkeys([*weights[0], *weights[1]]))
    nothing = np.zeros(len(new))
    both = [np.column_stack([one.get(name, nothing) for name in names]) for one in weights]
    return reasons_gate(both[0], both[1], names, max_shift=challenge.settings.gate.max_shift)


def _by_name(model: Model, rows: NDArray[np.float32]) -> Mapping[str, Floats]:
    return dict(zip(model.schema.names, model.contributions(rows).T, strict=True))


def _speed(challenge: Challenge) -> Iterator[GateResult]:
    """Time one row at a time, over many different rows, as a server would ask; price it where rows bear times."""
    settings, test = challenge.settings, challenge.test
    rows = test.matrix[:_TIMED_ROWS].tolist()
    found = measure_latency(lambda i: challenge.candidate.score(rows[i % len(rows)]), _TIMED_ROWS)
    yield latency_gate(found.p99_us / 1000, max_p99_ms=settings.gate.max_p99_ms)
    if settings.plan.budget and test.days is not None:
        rows_a_day = test.rows / (int(test.days[-1] - test.days[0]) + 1)
        yield cost_gate(
            found.cpu_us,
            rows_a_day,
            core_hour=settings.cost.core_hour,
            budget=settings.plan.budget,
            currency=settings.value.currency,
        )
