"""Realised performance: every metric of a labelled window with its interval.

Intervals come from influence values summed over clusters (days), so that rows which share a day's weather do not
pretend to be independent. `estimator.py` next door answers before the labels arrive.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from daytwo.core.schema import Task
from daytwo.monitoring.estimating.metrics import (
    DECISION_METRICS,
    SCORE_METRICS,
    VALUE_METRICS,
    auc_influence,
    average_precision,
    f1,
    log_losses,
    rmse,
)
from daytwo.monitoring.profiles.bins import Floats

# Two-sided 95 %.
Z = 1.959963984540054
# With fewer clusters the spread between them is not known, and rows stand for themselves.
MIN_CLUSTERS = 5


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval and how it was found. `maturity` is the share of rows whose label is known."""

    value: float
    low: float
    high: float
    method: str
    standard_error: float
    maturity: float | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model said about n rows, what was done about it, and what that is worth. Every array has shape (n,).

    `scores` are calibrated probabilities or values. `act` (binary) is the decision, 0 or 1; None decides at 0.5.
    `money_if_one` and `money_if_zero` (binary) are what the decision brings if the label turns out 1 or 0;
    `money_per_error` (regression) is what one unit of absolute error brings, so negative. `clusters` names each
    row's day.
    """

    scores: Floats
    act: Floats | None = None
    money_if_one: Floats | None = None
    money_if_zero: Floats | None = None
    money_per_error: Floats | None = None
    clusters: ArrayLike | None = None

    @property
    def decisions(self) -> Floats:
        """The decisions as 0.0 and 1.0."""
        acts = self.scores >= 0.5 if self.act is None else self.act
        return np.asarray(acts, dtype=np.float64)

    def take(self, rows: Floats | ArrayLike) -> Answers:
        """Return the answers to some of the rows, by mask or index."""
        index = np.asarray(rows)

        def of(array: Floats | None) -> Floats | None:
            return None if array is None else np.asarray(array, dtype=np.float64)[index]

        clusters = None if self.clusters is None else np.asarray(self.clusters)[index]
        scores = np.asarray(self.scores, dtype=np.float64)[index]
        one, zero, error = of(self.money_if_one), of(self.money_if_zero), of(self.money_per_error)
        return Answers(scores, of(self.act), one, zero, error, clusters)


def realised(answers: Answers, labels: ArrayLike, *, task: Task) -> dict[str, Estimate]:
    """Return every metric of the labelled rows, and the money they brought, each with a 95 % interval.

    Parameters
    ----------
    labels : shape (n,)
        0 or 1, or a number; NaN where the label has not arrived.

    Returns
    -------
    dict
        Empty where no label has arrived. A metric that does not exist for these labels is left out. `money` is the
        sum over the labelled rows, in the project's currency.
    """
    y = np.asarray(labels, dtype=np.float64)
    known = ~np.isnan(y)
    if not known.any():
        return {}
    maturity = float(known.mean())
    part, y = answers.take(known), y[known]
    found = {}
    for name, value, influence in _metrics(part, y, task):
        if math.isfinite(value):
            error = standard_error(influence, part.clusters)
            found[name] = _estimate(value, error, "influence values by day", maturity)
    money = realised_money(part, y, task)
    if money is not None:
        error = standard_error(money - money.mean(), part.clusters) * money.size
        found["money"] = _estimate(float(money.sum()), error, "sum of payoffs, spread by day", maturity)
    return found


def realised_money(answers: Answers, labels: Floats, task: Task) -> Floats | None:
    """Return what each labelled row brought, shape (n,); None where no payoff is known."""
    if task is Task.BINARY:
        if answers.money_if_one is None or answers.money_if_zero is None:
            return None
        return np.where(labels == 1, answers.money_if_one, answers.money_if_zero)
    if answers.money_per_error is None:
        return None
    return np.asarray(answers.money_per_error * np.abs(labels - answers.scores), dtype=np.float64)


def influence(metric: str, answers: Answers, labels: ArrayLike, *, task: Task) -> tuple[float, Floats]:
    """Return one metric and each row's influence on it, shape (n,), mean zero, in the metric's unit.

    The difference of two models' influence values on the same rows gives, through `standard_error`, the error of
    their paired comparison. NaN where the metric does not exist for these labels.

    Raises
    ------
    ValueError
        If the task has no metric of that name.
    """
    y = np.asarray(labels, dtype=np.float64)
    if task is Task.REGRESSION and metric in VALUE_METRICS:
        return VALUE_METRICS[metric](y, answers.scores), _VALUE_INFLUENCE[metric](y, answers.scores)
    if task is Task.BINARY and metric in SCORE_METRICS:
        return SCORE_METRICS[metric](y, answers.scores), _SCORE_INFLUENCE[metric](y, answers.scores)
    if task is Task.BINARY and metric in DECISION_METRICS:
        return DECISION_METRICS[metric](y, answers.decisions), _SCORE_INFLUENCE[metric](y, answers.decisions)
    raise ValueError(f"a {task} has no metric {metric!r}")


def standard_error(influence: Floats, clusters: ArrayLike | None) -> float:
    """Return the standard error of a mean-like figure from its rows' influence values (mean zero), by cluster.

    Source: K.-Y. Liang & S. Zeger (1986), Biometrika 73, 13-22 (cluster-robust variance).
    """
    n = influence.size
    sums = influence
    if clusters is not None:
        _, index = np.unique(np.asarray(clusters), return_inverse=True)
        by_cluster = np.bincount(index, weights=influence).astype(np.float64)
        if by_cluster.size >= MIN_CLUSTERS:
            sums = by_cluster
    if sums.size < 2:
        return float("inf")
    return float(np.sqrt(np.sum(sums**2) * sums.size / (sums.size - 1)) / n)


def _estimate(value: float, error: float, method: str, maturity: float) -> Estimate:
    return Estimate(value, value - Z * error, value + Z * error, method, error, maturity)


def _metrics(answers: Answers, y: Floats, task: Task) -> list[tuple[str, float, Floats]]:
    """Return (name, value, influence values) of each metric of the task."""
    s = answers.scores
    if task is Task.REGRESSION:
        return [(name, metric(y, s), _VALUE_INFLUENCE[name](y, s)) for name, metric in VALUE_METRICS.items()]
    d = answers.decisions
    found = [("event_rate", float(y.mean()), _centred(y))]
    found += [(name, metric(y, s), _SCORE_INFLUENCE[name](y, s)) for name, metric in SCORE_METRICS.items()]
    return found + [(name, metric(y, d), _SCORE_INFLUENCE[name](y, d)) for name, metric in DECISION_METRICS.items()]


def _centred(values: Floats) -> Floats:
    return np.asarray(values - values.mean(), dtype=np.float64)


def _f1_influence(y: Floats, d: Floats) -> Floats:
    size = float(y.sum() + d.sum())
    return np.asarray(y.size * (2 * y * d - f1(y, d) * (y + d)) / size) if size else np.zeros(y.size)


def _rmse_influence(y: Floats, p: Floats) -> Floats:
    root = rmse(y, p)
    return _centred((y - p) ** 2) / (2 * root) if root else np.zeros(y.size)


def _average_precision_influence(y: Floats, s: Floats) -> Floats:
    """Derivative of the weighted average precision by each row's weight, times n."""
    total = float(y.sum())
    if not total:
        return np.zeros(y.size)
    order = np.argsort(-s, kind="stable")
    first = np.append(True, np.diff(s[order]) != 0)
    group = np.cumsum(first) - 1
    seen = np.cumsum(np.bincount(group)).astype(np.float64)
    positives = np.bincount(group, weights=y[order])
    hits = np.cumsum(positives)
    below = np.cumsum((positives / seen)[::-1])[::-1]
    diluted = np.cumsum((positives * hits / seen**2)[::-1])[::-1]
    own = y[order] * (hits / seen)[group]
    value = average_precision(y, s)
    influence = np.empty(y.size)
    influence[order] = (own + y[order] * below[group] - diluted[group] - value * y[order]) * y.size / total
    return influence


_SCORE_INFLUENCE: Mapping[str, Callable[[Floats, Floats], Floats]] = {
    "roc_auc": auc_influence,
    "average_precision": _average_precision_influence,
    "log_loss": lambda y, s: _centred(log_losses(y, s)),
    "brier": lambda y, s: _centred((y - s) ** 2),
    "accuracy": lambda y, d: _centred((y == d).astype(np.float64)),
    "f1": _f1_influence,
}
_VALUE_INFLUENCE: Mapping[str, Callable[[Floats, Floats], Floats]] = {
    "rmse": _rmse_influence,
    "mae": lambda y, p: _centred(np.abs(y - p)),
}
