"""The metrics to expect of scores and decisions, given each row's probability of label 1: closed forms, pure.

Each comes with its slopes by the rows' labels, from which follows by how much the realised metric scatters about it.
`estimator.py` brings the probabilities.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from daytwo.monitoring.estimating.performance import Answers
from daytwo.monitoring.profiles.bins import Floats

_CLIP = 1e-9
Expected = tuple[float, Floats]
"""A metric's expected value, NaN where it cannot exist, and its slope by each row's label, shape (n,)."""


def expected_metrics(p: Floats, answers: Answers, names: Iterable[str] | None = None) -> dict[str, tuple[float, float]]:
    """Return (expected value, standard deviation of the realised value) of each metric, given P(label = 1).

    A metric that cannot exist for these rows is left out. `names` are those of `EXPECTED`; None takes what a project
    shows, and the money where a payoff is known.

    Examples
    --------
    >>> p = np.array([0.2, 0.9])
    >>> round(expected_metrics(p, Answers(p))["accuracy"][0], 3)
    0.85

    Source: NannyML documentation (CBPE); the scatter is that of independent labels by the delta method.
    """
    found = {name: EXPECTED[name](p, answers) for name in (STANDARD if names is None else names)}
    if names is None and answers.money_if_one is not None and answers.money_if_zero is not None:
        value = float(np.sum(p * answers.money_if_one + (1 - p) * answers.money_if_zero))
        found["money"] = (value, answers.money_if_one - answers.money_if_zero)
    return {
        name: (value, float(np.sqrt(np.sum(p * (1 - p) * slope**2))))
        for name, (value, slope) in found.items()
        if math.isfinite(value)
    }


def expected_auc(p: Floats, s: Floats) -> Expected:
    """Return the expected ROC AUC: expected rightly ordered pairs / expected pairs of unlike labels."""
    noise = p * (1 - p)
    positives, negatives = float(p.sum()), float((1 - p).sum())
    pairs = positives * negatives - float(noise.sum())
    if pairs <= 0:
        return float("nan"), np.zeros(p.size)
    order = np.argsort(s, kind="stable")
    lower_negatives = _below(1 - p, s, order)
    lower_positives = _below(p, s, order)
    won = float(np.sum(p * lower_negatives)) - float(noise.sum()) / 2
    value = won / pairs
    higher_positives = positives - lower_positives
    slope = (lower_negatives - higher_positives) / pairs - value * (negatives - positives) / pairs
    return value, slope


def _below(weights: Floats, s: Floats, order: NDArray[np.intp]) -> Floats:
    """Sum of the weights of rows with a lower score, ties by half."""
    group = np.cumsum(np.append(False, np.diff(s[order]) != 0))
    sums = np.bincount(group, weights=weights[order])
    result = np.empty(s.size)
    result[order] = (np.cumsum(sums) - sums / 2)[group]
    return result


def _average_precision(p: Floats, answers: Answers) -> Expected:
    """Rows of one score enter together, as in the realised figure: each positive counts the precision at their end."""
    s, total = answers.scores, float(p.sum())
    if total <= 0:
        return float("nan"), np.zeros(p.size)
    order = np.argsort(-s, kind="stable")
    q = p[order]
    group = np.cumsum(np.append(False, np.diff(s[order]) != 0))
    seen = np.cumsum(np.bincount(group)).astype(np.float64)
    hits = np.bincount(group, weights=q)
    precision = (1 + np.cumsum(hits)[group] - q) / seen[group]
    value = float(np.sum(q * precision)) / total
    after = np.cumsum((hits / seen)[::-1])[::-1][group] - q / seen[group]
    slope = np.empty(p.size)
    slope[order] = (precision + after - value) / total
    return value, slope


def _log_loss(p: Floats, answers: Answers) -> Expected:
    s = np.clip(np.asarray(answers.scores, dtype=np.float64), _CLIP, 1 - _CLIP)
    one, zero = -np.log(s), -np.log1p(-s)
    return float(np.mean(p * one + (1 - p) * zero)), (one - zero) / p.size


def _brier(p: Floats, answers: Answers) -> Expected:
    s = answers.scores
    return float(np.mean(p * (1 - s) ** 2 + (1 - p) * s**2)), (1 - 2 * s) / p.size


def _accuracy(p: Floats, answers: Answers) -> Expected:
    d = answers.decisions
    return float(np.mean(p * d + (1 - p) * (1 - d))), (2 * d - 1) / p.size


def _ratio(top: Floats, size: float, p: Floats, share: Floats) -> Expected:
    """A ratio of sums, sum(p * top) / size, whose denominator grows by `share` with each row's label."""
    if size <= 0:
        return float("nan"), np.zeros(p.size)
    value = float(np.sum(p * top)) / size
    return value, (top - value * share) / size


def _f1(p: Floats, answers: Answers) -> Expected:
    d = answers.decisions
    return _ratio(2 * d, float(p.sum() + d.sum()), p, np.ones(p.size))


def _precision(p: Floats, answers: Answers) -> Expected:
    d = answers.decisions
    return _ratio(d, float(d.sum()), p, np.zeros(p.size))


def _recall(p: Floats, answers: Answers) -> Expected:
    return _ratio(answers.decisions, float(p.sum()), p, np.ones(p.size))


EXPECTED: Mapping[str, Callable[[Floats, Answers], Expected]] = {
    "event_rate": lambda p, _: (float(p.mean()), np.full(p.size, 1 / p.size)),
    "roc_auc": lambda p, answers: expected_auc(p, answers.scores),
    "average_precision": _average_precision,
    "log_loss": _log_loss,
    "brier": _brier,
    "accuracy": _accuracy,
    "f1": _f1,
    "precision": _precision,
    "recall": _recall,
}
STANDARD = ("event_rate", "roc_auc", "average_precision", "log_loss", "brier", "accuracy", "f1")
