"""Performance before the labels: what the metrics and the money of a window most likely are, with intervals.

From each row's probability of label 1 follow the expected metrics in closed form (confidence-based performance
estimation, CBPE); the probability itself comes from the champion's calibrated score, corrected by a small boosted
model where that paid on the reference (`estimator_fit.py`). A regression is judged by a model of its absolute error
(direct loss estimation, DLE). No method of this kind sees concept drift: a changed meaning of the same rows shows
only in labels, which `performance.py` reads.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from daytwo.core.schema import Task
from daytwo.monitoring.estimating.performance import Answers, Estimate, Z
from daytwo.monitoring.profiles.bins import Floats

_CLIP = 1e-9
RawModel = Callable[[NDArray[np.float32]], Floats]
"""Raw outputs, shape (n,), of the estimator's own trees on a matrix whose last column is the champion's score."""


class Estimator(msgspec.Struct, frozen=True):
    """What was learnt about estimating this model's performance; its trees, if any, are a text beside it.

    `kind`: `boosted` (CBPE with a correction), `plain` (CBPE), `error` (DLE), `constant` (the reference's error).
    `low` and `high` bound each feature in the reference (0 and the last code for a category). `spread` is, per
    metric, the standard deviation of the estimate's error between blocks beyond sampling. `error_mean`,
    `error_noise` and `error_square` (regression) are the reference's mean absolute error, the squared coefficient
    of variation of |error| around its prediction, and mean squared error / mean squared prediction.
    `loss_plain` and `loss_boosted` are log-losses (or squared errors of the predicted error) on later rows.
    """

    kind: str
    task: Task
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    spread: dict[str, float] = {}
    loss_plain: float | None = None
    loss_boosted: float | None = None
    error_mean: float = 0.0
    error_noise: float = 1.0
    error_square: float = 1.0

    def to_json(self) -> bytes:
        """Return the estimator as JSON."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, text: bytes) -> Estimator:
        """Read what `to_json` wrote."""
        return msgspec.json.decode(text, type=cls)


def with_score(matrix: NDArray[np.floating], scores: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the estimator's own matrix: the features, and the champion's score as the last column."""
    return np.column_stack([matrix, scores]).astype(np.float32)


def outside(estimator: Estimator, matrix: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return which rows hold a value or level that the reference never showed, shape (n,)."""
    low, high = np.asarray(estimator.low), np.asarray(estimator.high)
    return np.asarray(((matrix < low) | (matrix > high)).any(axis=1))


def probabilities(
    estimator: Estimator, matrix: NDArray[np.floating], scores: Floats, model: RawModel | None
) -> tuple[Floats, float]:
    """Return each row's probability of label 1, and the share of rows where only the champion's score spoke.

    Rows outside the reference's range keep the plain score: there the correction would be a guess.
    """
    p = np.clip(np.asarray(scores, dtype=np.float64), _CLIP, 1 - _CLIP)
    if estimator.kind != "boosted" or model is None:
        return p, 1.0
    strange = outside(estimator, matrix)
    logit = np.log(p) - np.log1p(-p) + np.asarray(model(with_score(matrix, scores)), dtype=np.float64)
    corrected = np.clip(1 / (1 + np.exp(-np.clip(logit, -35, 35))), _CLIP, 1 - _CLIP)
    return np.where(strange, p, corrected), float(strange.mean()) if strange.size else 0.0


def estimated(
    estimator: Estimator, matrix: NDArray[np.floating], answers: Answers, model: RawModel | None = None
) -> dict[str, Estimate]:
    """Return the expected metrics and money of a window without labels, each with a 95 % interval.

    The interval holds the noise of the labels themselves and the estimator's own error on the reference's blocks.

    Parameters
    ----------
    matrix : shape (n, d)
        The window's feature matrix.
    answers : Answers
        The champion's scores, decisions and payoffs on these rows.
    model : callable or None
        The estimator's trees; None answers with plain CBPE, or with the reference's error.

    Returns
    -------
    dict
        By metric; `money` is the sum over the window. Empty for a window without rows.

    Source: NannyML documentation (CBPE, DLE); J. Bialek et al. (2024), arXiv 2401.08348; the variance is that of
    independent labels by the delta method.
    """
    if not len(answers.scores):
        return {}
    if estimator.task is Task.REGRESSION:
        return _estimated_errors(estimator, matrix, answers, model)
    p, plain = probabilities(estimator, matrix, answers.scores, model)
    method = "CBPE" if plain >= 1 else "boosted CBPE"
    if 0.001 < plain < 1:
        method = f"boosted CBPE, plain for {plain:.1%} of rows outside the reference's range"
    found = expected_metrics(p, answers)
    return {
        name: _estimate(value, math.hypot(error, _spread(estimator, name, answers)), method)
        for name, (value, error) in found.items()
    }


def expected_metrics(p: Floats, answers: Answers) -> dict[str, tuple[float, float]]:
    """Return (expected value, standard deviation of the realised value) of each metric, given P(label = 1).

    Examples
    --------
    >>> p = np.array([0.2, 0.9])
    >>> round(expected_metrics(p, Answers(p))["accuracy"][0], 3)
    0.85
    """
    s, d = np.clip(answers.scores, _CLIP, 1 - _CLIP), answers.decisions
    n = p.size
    noise = p * (1 - p)
    one, zero = -np.log(s), -np.log1p(-s)
    found = {
        "event_rate": (float(p.mean()), np.full(n, 1 / n)),
        "roc_auc": _expected_auc(p, answers.scores),
        "average_precision": _expected_average_precision(p, answers.scores),
        "log_loss": (float(np.mean(p * one + (1 - p) * zero)), (one - zero) / n),
        "brier": (float(np.mean(p * (1 - s) ** 2 + (1 - p) * s**2)), (1 - 2 * s) / n),
        "accuracy": (float(np.mean(p * d + (1 - p) * (1 - d))), (2 * d - 1) / n),
        "f1": _expected_f1(p, d),
    }
    if answers.money_if_one is not None and answers.money_if_zero is not None:
        value = float(np.sum(p * answers.money_if_one + (1 - p) * answers.money_if_zero))
        found["money"] = (value, answers.money_if_one - answers.money_if_zero)
    return {
        name: (value, float(np.sqrt(np.sum(noise * slope**2))))
        for name, (value, slope) in found.items()
        if math.isfinite(value)
    }


def _expected_auc(p: Floats, s: Floats) -> tuple[float, Floats]:
    """Expected share of rightly ordered pairs, and its slope by each label."""
    order = np.argsort(s, kind="stable")
    positives, negatives = float(p.sum()), float((1 - p).sum())
    noise = p * (1 - p)
    pairs = positives * negatives - float(noise.sum())
    if pairs <= 0:
        return float("nan"), np.zeros(p.size)
    lower_negatives = _below(1 - p, s, order)
    lower_positives = _below(p, s, order)
    won = float(np.sum(p * lower_negatives)) - float(noise.sum()) / 2
    value = won / pairs
    higher_positives = positives - lower_positives
    slope = (lower_negatives - higher_positives) / pairs - value * (negatives - positives) / pairs
    return value, slope


def _below(weights: Floats, s: Floats, order: NDArray[np.intp]) -> Floats:
    """Sum of the weights of rows with a lower score, ties by half."""
    _, group = np.unique(s[order], return_inverse=True)
    sums = np.bincount(group, weights=weights[order])
    result = np.empty(s.size)
    result[order] = (np.cumsum(sums) - sums / 2)[group]
    return result


def _expected_average_precision(p: Floats, s: Floats) -> tuple[float, Floats]:
    """Rows of one score enter together, as in the realised figure: each positive counts the precision at their end."""
    total = float(p.sum())
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


def _expected_f1(p: Floats, d: Floats) -> tuple[float, Floats]:
    size = float(p.sum() + d.sum())
    value = 2 * float(np.sum(p * d)) / size
    return value, (2 * d - value) / size


def _estimated_errors(
    estimator: Estimator, matrix: NDArray[np.floating], answers: Answers, model: RawModel | None
) -> dict[str, Estimate]:
    n = len(answers.scores)
    if estimator.kind == "error" and model is not None:
        raw = np.maximum(np.asarray(model(with_score(matrix, answers.scores)), dtype=np.float64), 0.0)
        error, method = np.where(outside(estimator, matrix), np.maximum(raw, estimator.error_mean), raw), "DLE"
    else:
        error, method = np.full(n, estimator.error_mean), "the reference's error"
    noise = estimator.error_noise * error**2
    mean_square = estimator.error_square * float(np.mean(error**2))
    root = math.sqrt(mean_square)
    found = {
        "mae": (float(error.mean()), math.sqrt(float(noise.sum())) / n),
        # The variance of a squared error is about twice its squared mean for near-normal errors.
        "rmse": (root, math.sqrt(2.0 * estimator.error_square**2 * float(np.sum(error**4))) / n / max(2 * root, 1e-12)),
    }
    if answers.money_per_error is not None:
        cost = answers.money_per_error
        found["money"] = (float(np.sum(cost * error)), math.sqrt(float(np.sum(cost**2 * noise))))
    return {
        name: _estimate(value, math.hypot(noise_, _spread(estimator, name, answers)), method)
        for name, (value, noise_) in found.items()
    }


def _spread(estimator: Estimator, name: str, answers: Answers) -> float:
    """The estimator's own error; of money, what a shifted event rate (or error) would move it by."""
    if name != "money":
        return estimator.spread.get(name, 0.0)
    if answers.money_if_one is not None and answers.money_if_zero is not None:
        return estimator.spread.get("event_rate", 0.0) * abs(
            float(np.sum(answers.money_if_one - answers.money_if_zero))
        )
    cost = 0.0 if answers.money_per_error is None else float(np.sum(answers.money_per_error))
    return estimator.spread.get("mae", 0.0) * abs(cost)


def _estimate(value: float, error: float, method: str) -> Estimate:
    return Estimate(value, value - Z * error, value + Z * error, method, error)
