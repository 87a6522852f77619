"""Scores made into probabilities that mean what they say: of rows scored 0.3, three in ten are positive.

Three ways, the best chosen by log-loss on rows it was not fitted to. One row and many rows go through the same
arithmetic and agree to the last bit.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from daytwo.core.errors import DataError

Method = Literal["identity", "sigmoid", "isotonic"]

# Scores this near to 0 or 1 count as this near: their log-odds stay finite.
_EDGE = 1e-12
# With fewer of either class a calibration fits noise, so the scores stay as they are.
_MIN_CLASS_ROWS = 20
_NEWTON_STEPS = 100


@dataclass(frozen=True)
class Calibration:
    """How a score in [0, 1] becomes a probability; `identity` leaves it, as it does the value of a regression.

    `sigmoid`: probability = 1 / (1 + exp(-(slope * log-odds of the score + intercept))).
    `isotonic`: straight lines between the points (`scores`, `shares`), flat outside them; both never fall.
    """

    method: Method = "identity"
    slope: float = 1.0
    intercept: float = 0.0
    scores: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        xs, ys = self.scores, self.shares
        if len(xs) != len(ys) or (self.method == "isotonic" and not xs):
            raise ValueError("an isotonic calibration has as many scores as shares, and one or more")
        if any(a >= b for a, b in pairwise(xs)) or any(a > b for a, b in pairwise(ys)) or self.slope <= 0:
            raise ValueError("a calibration must never fall")

    def one(self, score: float) -> float:
        """Return the probability for one score."""
        if self.method == "identity":
            return score
        if self.method == "sigmoid":
            return self._sigmoid_of_one(score)
        if math.isnan(score):
            return score
        right = bisect.bisect_right(self.scores, score)
        if right == 0 or right == len(self.scores):
            return self.shares[right - 1 if right else 0]
        x, y = self.scores[right - 1], self.shares[right - 1]
        return y + (self.shares[right] - y) * ((score - x) / (self.scores[right] - x))

    def many(self, scores: ArrayLike) -> NDArray[np.float64]:
        """Return the probabilities, shape (n,), for scores, shape (n,)."""
        s = np.asarray(scores, dtype=np.float64)
        if self.method == "identity":
            return s
        if self.method == "sigmoid":
            return self._sigmoid(s)
        xs, ys = self._points
        right = np.searchsorted(xs, s, side="right")
        inner = np.clip(right, 1, max(len(xs) - 1, 1))
        x, y = xs[inner - 1], ys[inner - 1]
        last = np.minimum(inner, len(xs) - 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            between = y + (ys[last] - y) * ((s - x) / (xs[last] - x))
        probability = np.where(right == 0, ys[0], np.where(right == len(xs), ys[-1], between))
        return np.where(np.isnan(s), s, probability)

    def to_json(self) -> bytes:
        """Return the calibration as JSON text; every number survives exactly."""
        return msgspec.json.encode(self)

    @staticmethod
    def from_json(text: bytes) -> Calibration:
        """Read what `to_json` wrote.

        Raises
        ------
        DataError
            If the text is no calibration.
        """
        try:
            return msgspec.json.decode(text, type=Calibration)
        except msgspec.MsgspecError as err:
            raise DataError(f"this is no calibration: {err}", hint="Make the model again") from err

    @cached_property
    def _points(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return np.array(self.scores), np.array(self.shares)

    def _sigmoid(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        return _expit(self.slope * _log_odds(scores) + self.intercept)

    def _sigmoid_of_one(self, score: float) -> float:
        # The same steps as above; numpy is asked only where Python's own arithmetic could end on another bit.
        p = min(max(score, _EDGE), 1 - _EDGE)
        z = self.slope * (float(np.log(p)) - float(np.log1p(-p))) + self.intercept
        return 1 / (1 + float(np.exp(-min(max(z, -700.0), 700.0))))


def fit_calibration(
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    folds: int = 5,
    later: tuple[ArrayLike, ArrayLike] | None = None,
    shift: float = 0.0,
) -> Calibration:
    """Choose and fit the calibration with the lowest log-loss on rows it was not fitted to.

    Parameters
    ----------
    scores : probabilities by the model, shape (n,)
        In order of time, of rows the model was not trained on.
    labels : 0 or 1, shape (n,)
    folds : int
        How many blocks of neighbouring rows are left out in turn. Blocks, because rows near in time are alike
        and would give each other away.
    later : scores, shape (m,), and labels, shape (m,), optional
        Later rows, which then do the choosing. What passes with a season shows only there.
    shift : float
        By how much the log-odds of the scores are known to be too high; taken back where rows call for nothing else.

    Returns
    -------
    Calibration
        Fitted on all rows. `identity` where either class has under 20 rows, or in a tie; with a `shift` a sigmoid
        that takes it back stands in for it.

    Examples
    --------
    >>> fit_calibration([0.5] * 10, [0, 1] * 5).method
    'identity'

    Source: J. Platt (1999), Probabilistic outputs for support vector machines; B. Zadrozny & C. Elkan (2002),
    Transforming classifier scores into accurate multiclass probability estimates, KDD.
    """
    s, y = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    if s.ndim != 1 or s.shape != y.shape:
        raise ValueError(f"scores {s.shape} and labels {y.shape} must be one column each, of one length")
    if not np.isin(y, (0.0, 1.0)).all():
        raise ValueError("labels must be 0 or 1")
    if min(y.sum(), len(y) - y.sum()) < _MIN_CLASS_ROWS:
        return _taken_back(shift)
    # The simplest first: it wins a tie.
    fits: dict[Method, Callable[[NDArray[np.float64], NDArray[np.float64]], Calibration]] = {
        "identity": lambda _scores, _labels: _taken_back(shift),
        "sigmoid": partial(fit_sigmoid, shift=shift),
        "isotonic": fit_isotonic,
    }
    if later is not None:
        after, truth = (np.asarray(one, dtype=np.float64) for one in later)
        fitted = [fit(s, y) for fit in fits.values()]
        return min(fitted, key=lambda one: _log_loss(one.many(after), truth))
    losses = dict.fromkeys(fits, 0.0)
    for block in np.array_split(np.arange(len(y)), folds):
        rest = np.ones(len(y), dtype=bool)
        rest[block] = False
        for method, fit in fits.items():
            losses[method] += _log_loss(fit(s[rest], y[rest]).many(s[block]), y[block])
    best = min(losses, key=lambda method: losses[method])
    return fits[best](s, y)


def _taken_back(shift: float) -> Calibration:
    return Calibration("sigmoid", intercept=-shift) if shift else Calibration()


def fit_sigmoid(scores: NDArray[np.float64], labels: NDArray[np.float64], *, shift: float = 0.0) -> Calibration:
    """Fit Platt's sigmoid to the log-odds of the scores, by Newton's method.

    The targets are Platt's (n+ + 1) / (n+ + 2) and 1 / (n- + 2) rather than 1 and 0. A falling sigmoid would turn
    the order of the scores round and is answered with `identity`, or what takes a known `shift` back.

    Source: H.-T. Lin, C.-J. Lin & R. Weng (2007), A note on Platt's probabilistic outputs for support vector
    machines, Machine Learning 68, 267-276.
    """
    z = _log_odds(scores)
    positives = labels.sum()
    target = np.where(labels == 1.0, (positives + 1) / (positives + 2), 1 / (len(labels) - positives + 2))
    slope, intercept = 0.0, math.log((positives + 1) / (len(labels) - positives + 1))
    loss = _cross_entropy(slope * z + intercept, target)
    for _ in range(_NEWTON_STEPS):
        p = _expit(slope * z + intercept)
        gradient = np.array([((p - target) * z).sum(), (p - target).sum()])
        weight = p * (1 - p)
        # A trace of ridge keeps the step finite where all scores are equal.
        hessian = np.array([[(weight * z * z).sum(), (weight * z).sum()], [(weight * z).sum(), weight.sum()]])
        step = np.linalg.solve(hessian + 1e-12 * (1 + np.trace(hessian)) * np.eye(2), gradient)
        size = 1.0
        while size > 1e-10:
            new_loss = _cross_entropy((slope - size * step[0]) * z + intercept - size * step[1], target)
            if new_loss <= loss:
                break
            size /= 2
        else:
            break
        slope, intercept = slope - size * step[0], intercept - size * step[1]
        if loss - new_loss <= 1e-14 * abs(loss):
            break
        loss = new_loss
    if not (math.isfinite(slope) and math.isfinite(intercept)) or slope <= 0:
        return _taken_back(shift)
    return Calibration("sigmoid", slope=float(slope), intercept=float(intercept))


def fit_isotonic(scores: NDArray[np.float64], labels: NDArray[np.float64]) -> Calibration:
    """Fit the never-falling step function nearest to the labels, then join the middles of its steps by lines.

    Joined rather than stepped, and drawn on to the scores 0 and 1 (half way to the shares 0 and 1), so that almost
    all different scores stay different and keep their order. A step of no or only positive rows is taken as half a
    row away from 0 or 1, so that no log-loss is infinite.
    """
    centres, shares, weights = pool_adjacent_violators(scores, labels)
    low = np.where(shares == 0.0, 0.5 / (weights + 1), shares)
    shares = np.where(shares == 1.0, 1 - 0.5 / (weights + 1), low)
    shares = np.maximum.accumulate(np.minimum(shares, np.minimum.accumulate(shares[::-1])[::-1]))
    points = list(zip(centres.tolist(), shares.tolist(), strict=True))
    if points[0][0] > 0.0:
        points.insert(0, (0.0, points[0][1] / 2))
    if points[-1][0] < 1.0:
        points.append((1.0, (1 + points[-1][1]) / 2))
    return Calibration("isotonic", scores=tuple(x for x, _ in points), shares=tuple(y for _, y in points))


def pool_adjacent_violators(
    scores: NDArray[np.float64], labels: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the steps of the least-squares never-falling function of `scores`: mean score, mean label, rows.

    Examples
    --------
    >>> centres, shares, rows = pool_adjacent_violators(np.array([0.1, 0.2, 0.3]), np.array([1.0, 0.0, 1.0]))
    >>> shares.tolist(), rows.tolist()
    ([0.5, 1.0], [2.0, 1.0])

    Source: M. Ayer et al. (1955), An empirical distribution function for sampling with incomplete information,
    Ann. Math. Statist. 26(4), 641-647.
    """
    unique, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    positives = np.bincount(place, weights=labels)
    blocks: list[list[float]] = []  # sums of score, of label, and rows
    for score, positive, count in zip(unique.tolist(), positives.tolist(), counts.tolist(), strict=True):
        block = [score * count, positive, float(count)]
        while blocks and blocks[-1][1] * block[2] >= block[1] * blocks[-1][2]:
            before = blocks.pop()
            block = [before[0] + block[0], before[1] + block[1], before[2] + block[2]]
        blocks.append(block)
    sums = np.array(blocks)
    return sums[:, 0] / sums[:, 2], sums[:, 1] / sums[:, 2], sums[:, 2]


def _log_odds(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    p = np.minimum(np.maximum(scores, _EDGE), 1 - _EDGE)
    return np.asarray(np.log(p) - np.log1p(-p))


def _expit(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.minimum(np.maximum(z, -700.0), 700.0))))


def _cross_entropy(z: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    return float((np.logaddexp(0, z) - target * z).sum())


def _log_loss(probability: NDArray[np.float64], labels: NDArray[np.float64]) -> float:
    p = np.clip(probability, _EDGE, 1 - _EDGE)
    return float(-(labels * np.log(p) + (1 - labels) * np.log1p(-p)).sum())
