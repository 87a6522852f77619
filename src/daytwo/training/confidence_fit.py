"""Learn from held-out rows how sure scores are; `scoring/confidence.py` is what the server asks."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from daytwo.core.schema import Task
from daytwo.scoring.confidence import Confidence

Floats = NDArray[np.float64]
_BINS = 20
# A bin of fewer rows says too little to be one of its own.
_MIN_ROWS = 50
# What the interval of a value holds of rows like it, and how sure the interval of a probability is.
_SHARE, _SURE = 0.8, 0.95


def fit_confidence(scores: Floats, labels: Floats, task: Task) -> Confidence:
    """Count what came true of rows the model was not fitted on, in up to 20 bins of equally many scores.

    For two classes the interval of a bin is the equal-tailed Jeffreys interval of its share of positives, moved with
    the score within the bin; for a value it is between the residuals' quantiles, taken one rank further out, so that
    a new row of the same kind lies within
    it with at least the stated probability.

    Parameters
    ----------
    scores, labels : shape (n,)
        Calibrated scores, and 0/1 or values; rows without a label (NaN) are left out. n >= 1.

    Source: L. D. Brown, T. T. Cai & A. DasGupta (2001), Interval estimation for a binomial proportion, Stat. Sci. 16;
    J. Lei et al. (2018), Distribution-free predictive inference for regression, JASA 113 (split conformal).
    """
    known = ~np.isnan(labels)
    s, y = scores[known], labels[known]
    bins = max(min(_BINS, s.size // _MIN_ROWS), 1)
    edges = np.unique(np.quantile(s, np.arange(1, bins) / bins)) if s.size else np.empty(0)
    # Many equal scores leave bins empty: what parts the others stays.
    edges = edges[np.unique(np.searchsorted(edges, s, side="right"))[1:] - 1]
    where = np.searchsorted(edges, s, side="right")
    low, high, rows = [], [], []
    for k in range(len(edges) + 1):
        mine = where == k
        rows.append(int(mine.sum()))
        held = y[mine]
        if task is Task.REGRESSION:
            ends = _residual_ends(held - s[mine])
        else:
            middle = float(s[mine].mean()) if rows[-1] else 0.5
            first, last = _jeffreys(float(held.sum()), rows[-1])
            ends = first - middle, last - middle
        low.append(ends[0])
        high.append(ends[1])
    share = _SHARE if task is Task.REGRESSION else _SURE
    return Confidence(task, share, tuple(edges.tolist()), tuple(low), tuple(high), tuple(rows))


def _jeffreys(positives: float, rows: int) -> tuple[float, float]:
    tail = (1 - _SURE) / 2
    a, b = positives + 0.5, rows - positives + 0.5
    low = 0.0 if positives == 0 else float(betaincinv(a, b, tail))
    high = 1.0 if positives == rows else float(betaincinv(a, b, 1 - tail))
    return low, high


def _residual_ends(residuals: Floats) -> tuple[float, float]:
    if not residuals.size:
        return 0.0, 0.0
    n, tail = residuals.size, (1 - _SHARE) / 2
    ordered = np.sort(residuals)
    below = max(math.floor((n + 1) * tail) - 1, 0)
    above = min(math.ceil((n + 1) * (1 - tail)) - 1, n - 1)
    return float(ordered[below]), float(ordered[above])
