"""Evidence that may be looked at any time: confidence sequences and e-values over clusters of rows.

A fixed-size test that people look at every hour promotes by chance (35 % at a nominal 5 % in our measurements);
the intervals here hold at every look at once. The unit of evidence is a cluster, usually a day, because rows of one
day share their weather. `gates.py` judges with these.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
# Below this many clusters the spread between them is not known; nothing is claimed.
MIN_CLUSTERS = 5
# The number of clusters for which the sequence is tightest: two weeks of days.
TIGHTEST_AT = 14
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with limits that hold at every look: `low` is below the truth, and `high` above, each 1 - alpha sure."""

    mean: float
    low: float
    high: float
    clusters: int


def cluster_means(values: ArrayLike, clusters: ArrayLike) -> Floats:
    """Return one number per cluster whose mean is the mean of `values`: cluster sums over the mean cluster size.

    Parameters
    ----------
    values : shape (n,)
        One number per row.
    clusters : shape (n,)
        Which cluster a row belongs to, such as its day; clusters come back in sorted order.

    Examples
    --------
    >>> cluster_means([1.0, 3.0, 5.0, 7.0], [1, 1, 1, 2]).tolist()
    [4.5, 3.5]
    """
    x = np.asarray(values, dtype=np.float64)
    _, index = np.unique(np.asarray(clusters), return_inverse=True)
    sums = np.bincount(index, weights=x)
    return np.asarray(sums / (x.size / sums.size), dtype=np.float64)


def shared_differences(
    ours: ArrayLike, our_clusters: ArrayLike, theirs: ArrayLike, their_clusters: ArrayLike
) -> Floats:
    """Return one number per cluster that both have rows in: how much larger our mean is there than theirs.

    Each is weighted by the number of our rows, so that the mean over clusters is the difference for our rows.

    Parameters
    ----------
    ours, theirs : shape (n,), (m,)
        One number per row.
    our_clusters, their_clusters : shape (n,), (m,)
        Which cluster a row belongs to, such as its day.

    Examples
    --------
    >>> shared_differences([3.0, 3.0, 5.0], [1, 1, 2], [1.0, 4.0, 9.0], [1, 2, 3]).round(3).tolist()
    [2.667, 0.667]
    """
    mine, a = np.unique(np.asarray(our_clusters), return_inverse=True)
    their, b = np.unique(np.asarray(their_clusters), return_inverse=True)
    counted, others = np.bincount(a, minlength=mine.size), np.bincount(b, minlength=their.size)
    shared, i, j = np.intersect1d(mine, their, assume_unique=True, return_indices=True)
    if not shared.size:
        return np.zeros(0)
    mean = np.bincount(a, np.asarray(ours, dtype=np.float64), mine.size)[i] / counted[i]
    other = np.bincount(b, np.asarray(theirs, dtype=np.float64), their.size)[j] / others[j]
    return np.asarray((mean - other) * counted[i] / counted[i].mean(), dtype=np.float64)


def confidence_sequence(means: ArrayLike, *, alpha: float = 0.05, tightest_at: int = TIGHTEST_AT) -> Interval:
    """Return one-sided lower and upper limits of the mean that hold at every number of clusters at once.

    Parameters
    ----------
    means : shape (t,)
        One number per cluster, in any unit.
    alpha : float in (0, 1)
        The chance that `low` ever lies above the truth over a whole life of looking; the same for `high`.
    tightest_at : int
        Number of clusters at which the limits are narrowest.

    Returns
    -------
    Interval
        With infinite limits for fewer than `MIN_CLUSTERS` clusters.

    Examples
    --------
    >>> confidence_sequence([1.0, 2.0, 1.5, 1.0, 2.0, 1.5]).low > 0.5
    True

    Source: I. Waudby-Smith, D. Arbour, R. Sinha, E. Kennedy & A. Ramdas (2024), Time-uniform central limit theory and
    asymptotic confidence sequences, Ann. Stat. 52(6), 2613-2640, proposition on one-sided sequences; the spread is
    widened as by Student's t, because days are few.
    """
    x = np.asarray(means, dtype=np.float64)
    t = x.size
    mean = float(x.mean()) if t else math.nan
    if t < MIN_CLUSTERS:
        return Interval(mean, -math.inf, math.inf, t)
    rho2 = _rho_squared(alpha, tightest_at)
    spread = _spread(x)
    reach = math.sqrt(2 * (t * rho2 + 1) / (t**2 * rho2) * math.log(1 + math.sqrt(t * rho2 + 1) / (2 * alpha)))
    return Interval(mean, mean - spread * reach, mean + spread * reach, t)


def e_value(means: ArrayLike, *, above: float = 0.0, tightest_at: int = TIGHTEST_AT) -> float:
    """Return the evidence against "the mean is at most `above`": 1 is none, 20 is what 5 % asks for, at any look.

    The likelihood of a positive drift, averaged over a half-normal prior, against no drift. Averages of e-values are
    e-values, so many slices need no other correction.

    Examples
    --------
    >>> e_value([1.0] * 3)
    1.0
    >>> e_value([1.0, 2.0, 1.5, 1.0, 2.0, 1.5]) > 20 > 1 > e_value([-1.0, -2.0, -1.5, -1.0, -2.0, -1.5])
    True

    Source: S. Howard, A. Ramdas, J. McAuliffe & J. Sekhon (2021), Ann. Stat. 49(2), 1055-1080 (one-sided normal
    mixture); V. Vovk & R. Wang (2021), E-values, Ann. Stat. 49(3), 1736-1754 (averages).
    """
    x = np.asarray(means, dtype=np.float64) - above
    t = x.size
    if t < MIN_CLUSTERS:
        return 1.0
    spread = _spread(x)
    if not spread:
        return math.inf if float(x.mean()) > 0 else 0.0
    rho2 = _rho_squared(0.05, tightest_at)
    total = float(x.sum()) / spread
    width = t * rho2 + 1
    exponent = min(rho2 * total**2 / (2 * width), 700.0)
    return 2 / math.sqrt(width) * math.exp(exponent) * _NORMAL.cdf(math.sqrt(rho2) * total / math.sqrt(width))


def _rho_squared(alpha: float, tightest_at: int) -> float:
    """Return the mixture's precision that makes the sequence narrowest near `tightest_at` (their equation 10)."""
    return (-2 * math.log(2 * alpha) + math.log(-2 * math.log(2 * alpha) + 1)) / tightest_at


def _spread(x: Floats) -> float:
    """Return the standard deviation between clusters, widened for their small number."""
    t = x.size
    return float(x.std(ddof=1)) * (1 + 2.5 / t)
