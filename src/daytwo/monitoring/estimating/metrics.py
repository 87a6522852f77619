"""How good predictions were, once their labels are known: the usual metrics as pure functions.

Labels are 0 or 1, or numbers for a regression; scores are calibrated probabilities, or predicted values. A metric
that does not exist for its input (an AUC of one class) is NaN, because a window without late flights is no error.
`estimator.py` next door says the same without labels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
# Probabilities of 0 and 1 would make one surprise infinitely dear.
_CLIP = 1e-15


def midranks(values: ArrayLike) -> Floats:
    """Return ranks from 1 to n; equal values share the mean of their ranks.

    Examples
    --------
    >>> midranks([3.0, 1.0, 3.0]).tolist()
    [2.5, 1.0, 2.5]
    """
    x = _floats(values)
    _, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2.0)[inverse], dtype=np.float64)


def roc_auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the share of (positive, negative) pairs that the scores order rightly; ties count half.

    Parameters
    ----------
    labels, scores : shape (n,)
        Labels 0 or 1; scores on any scale.

    Returns
    -------
    float
        0 to 1, 0.5 for a coin; NaN where a class is absent.

    Examples
    --------
    >>> roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75

    Source: J. Hanley & B. McNeil (1982), Radiology 143, 29-36.
    """
    y, s = _pair(labels, scores)
    positives = float(y.sum())
    negatives = y.size - positives
    if not positives or not negatives:
        return float("nan")
    rank_sum = float(midranks(s)[y == 1].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def auc_influence(labels: ArrayLike, scores: ArrayLike) -> Floats:
    """Return each row's influence on the ROC AUC: mean zero, and their mean square / n is the AUC's variance.

    Sums of influence values over days give a standard error that respects days whose rows belong together;
    differences between two models give the error of a paired comparison.

    Returns
    -------
    array, shape (n,)
        In units of AUC; NaN where a class is absent.

    Examples
    --------
    >>> auc_influence([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]).tolist()
    [0.5, -0.5, -0.5, 0.5]

    Source: E. DeLong, D. DeLong & D. Clarke-Pearson (1988), Biometrics 44, 837-845 (structural components);
    X. Sun & W. Xu (2014), IEEE Signal Processing Letters 21, 1389-1393 (by ranks).
    """
    y, s = _pair(labels, scores)
    positive = y == 1
    m, n = int(positive.sum()), int((~positive).sum())
    if not m or not n:
        return np.full(y.size, np.nan)
    overall, within = midranks(s), np.empty(y.size)
    within[positive] = midranks(s[positive])
    within[~positive] = midranks(s[~positive])
    beaten = (overall - within) / np.where(positive, n, m)
    component = np.where(positive, beaten, 1.0 - beaten)
    auc = float(component[positive].mean())
    return np.asarray((component - auc) * y.size / np.where(positive, m, n), dtype=np.float64)


def average_precision(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the precision averaged over the recall steps, without interpolation; NaN without a positive.

    Examples
    --------
    >>> round(average_precision([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 4)
    0.8333

    Source: M. Zhu (2004), Recall, precision and average precision, University of Waterloo 2004-09.
    """
    y, s = _pair(labels, scores)
    total = float(y.sum())
    if not total:
        return float("nan")
    order = np.argsort(-s, kind="stable")
    last_of_tie = np.append(np.diff(s[order]) != 0, True)
    hits = np.cumsum(y[order])[last_of_tie]
    seen = np.flatnonzero(last_of_tie) + 1
    return float(np.sum(np.diff(hits, prepend=0.0) * hits / seen) / total)


def log_loss(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the mean surprise in nats: 0 is perfect, ln 2 is a coin's.

    Examples
    --------
    >>> round(log_loss([1, 0], [0.5, 0.5]), 6)
    0.693147

    Source: I. J. Good (1952), Rational decisions, J. R. Stat. Soc. B 14, 107-114.
    """
    return _mean(log_losses(labels, scores))


def log_losses(labels: ArrayLike, scores: ArrayLike) -> Floats:
    """Return each row's surprise in nats, shape (n,)."""
    y, p = _pair(labels, scores)
    p = np.clip(p, _CLIP, 1 - _CLIP)
    return np.asarray(-(y * np.log(p) + (1 - y) * np.log1p(-p)), dtype=np.float64)


def brier(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the mean squared distance of probability and outcome: 0 is perfect, 0.25 is a coin's.

    Examples
    --------
    >>> brier([1, 0], [0.5, 0.5])
    0.25

    Source: G. Brier (1950), Monthly Weather Review 78, 1-3.
    """
    y, p = _pair(labels, scores)
    return _mean((y - p) ** 2)


def accuracy(labels: ArrayLike, decisions: ArrayLike) -> float:
    """Return the share of decisions (0 or 1) that equal their label.

    Examples
    --------
    >>> accuracy([1, 0, 1, 1], [1, 0, 0, 1])
    0.75
    """
    y, d = _pair(labels, decisions)
    return _mean((y == d).astype(np.float64))


def f1(labels: ArrayLike, decisions: ArrayLike) -> float:
    """Return the harmonic mean of precision and recall of decisions (0 or 1); NaN where nothing is or was positive.

    Examples
    --------
    >>> f1([1, 0, 1, 1], [1, 0, 0, 1])
    0.8

    Source: C. van Rijsbergen (1979), Information Retrieval, 2nd ed., chapter 7.
    """
    y, d = _pair(labels, decisions)
    size = float(y.sum() + d.sum())
    return 2.0 * float((y * d).sum()) / size if size else float("nan")


def rmse(labels: ArrayLike, predictions: ArrayLike) -> float:
    """Return the root of the mean squared error, in the label's unit.

    Examples
    --------
    >>> rmse([0.0, 0.0], [3.0, 3.0])
    3.0
    """
    y, p = _pair(labels, predictions)
    return float(np.sqrt(_mean((y - p) ** 2)))


def mae(labels: ArrayLike, predictions: ArrayLike) -> float:
    """Return the mean absolute error, in the label's unit.

    Examples
    --------
    >>> mae([0.0, 0.0], [3.0, -1.0])
    2.0
    """
    y, p = _pair(labels, predictions)
    return _mean(np.abs(y - p))


SCORE_METRICS: Mapping[str, Callable[[ArrayLike, ArrayLike], float]] = {
    "roc_auc": roc_auc,
    "average_precision": average_precision,
    "log_loss": log_loss,
    "brier": brier,
}
DECISION_METRICS: Mapping[str, Callable[[ArrayLike, ArrayLike], float]] = {"accuracy": accuracy, "f1": f1}
VALUE_METRICS: Mapping[str, Callable[[ArrayLike, ArrayLike], float]] = {"rmse": rmse, "mae": mae}
HIGHER_IS_BETTER = frozenset({"roc_auc", "average_precision", "accuracy", "f1", "money"})


def _floats(values: ArrayLike) -> Floats:
    return np.asarray(values, dtype=np.float64).ravel()


def _pair(labels: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    y, s = _floats(labels), _floats(scores)
    if y.size != s.size:
        raise ValueError(f"{y.size} labels for {s.size} scores")
    return y, s


def _mean(values: Floats) -> float:
    return float(values.mean()) if values.size else float("nan")
