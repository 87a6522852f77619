"""How far two distributions over the same bins lie apart, under the names people know.

Every function takes rows per bin of a reference and of a window, shape (n_bins,), and is pure. They are for
showing and ranking; whether a distance is real is said by `alarm.py`, with a budget of false alarms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike

from daytwo.core.errors import DataError
from daytwo.monitoring.profiles.bins import Floats

# An empty bin would make PSI infinite; half a row is the usual, and least, correction.
_HALF_ROW = 0.5


def psi(reference: ArrayLike, current: ArrayLike) -> float:
    """Population stability index: symmetrised Kullback-Leibler divergence in nats; empty bins count as half a row.

    Returns
    -------
    float
        0 where the shares agree, without an upper limit.

    Examples
    --------
    >>> round(psi([50, 50], [80, 20]), 4)
    0.4159

    Source: N. Siddiqi (2006), Credit Risk Scorecards, Wiley.
    """
    a, b = _counts(reference, current)
    p, q = np.maximum(a, _HALF_ROW) / a.sum(), np.maximum(b, _HALF_ROW) / b.sum()
    return float(np.sum((p - q) * np.log(p / q)))


def js_distance(reference: ArrayLike, current: ArrayLike) -> float:
    """Jensen-Shannon distance: the root of the divergence in bits, 0 (equal) to 1 (never overlapping).

    Examples
    --------
    >>> js_distance([1, 0], [0, 1])
    1.0

    Source: D. Endres & J. Schindelin (2003), IEEE Trans. Inf. Theory 49(7), 1858-1860.
    """
    p, q = _shares(reference, current)
    divergence = _entropy((p + q) / 2) - (_entropy(p) + _entropy(q)) / 2
    return float(np.sqrt(max(divergence, 0.0)))


def hellinger(reference: ArrayLike, current: ArrayLike) -> float:
    """Hellinger distance, 0 (equal) to 1 (never overlapping).

    Examples
    --------
    >>> hellinger([1, 0], [0, 1])
    1.0

    Source: E. Hellinger (1909), J. reine angew. Math. 136, 210-271.
    """
    p, q = _shares(reference, current)
    return float(np.sqrt(np.sum((np.sqrt(p) - np.sqrt(q)) ** 2) / 2))


def total_variation(reference: ArrayLike, current: ArrayLike) -> float:
    """Total variation: the share of rows that would have to change their bin, 0 to 1.

    Examples
    --------
    >>> total_variation([50, 50], [80, 20])
    0.3
    """
    p, q = _shares(reference, current)
    return float(round(np.abs(p - q).sum() / 2, 15))


def l_infinity(reference: ArrayLike, current: ArrayLike) -> float:
    """Largest change of any bin's share, 0 to 1.

    Examples
    --------
    >>> l_infinity([50, 50], [75, 25])
    0.25
    """
    p, q = _shares(reference, current)
    return float(np.abs(p - q).max())


def ks(reference: ArrayLike, current: ArrayLike) -> float:
    """Kolmogorov-Smirnov distance over ordered bins: the largest gap of the cumulated shares, 0 to 1.

    Examples
    --------
    >>> ks([1, 1, 0], [0, 1, 1])
    0.5

    Source: F. Massey (1951), J. Am. Stat. Assoc. 46, 68-78; exact up to what happens inside a bin.
    """
    p, q = _shares(reference, current)
    return float(np.abs(np.cumsum(p - q)).max())


def wasserstein(reference: ArrayLike, current: ArrayLike, positions: ArrayLike | None = None) -> float:
    """Wasserstein-1 distance over ordered bins, in units of `positions`, or in bins where none are given.

    Parameters
    ----------
    positions : shape (n_bins,), increasing
        Where each bin's rows stand, such as its midpoint.

    Examples
    --------
    >>> wasserstein([1, 0, 0], [0, 0, 1], [0.0, 1.0, 5.0])
    5.0

    Source: C. Villani (2009), Optimal Transport, section 6.
    """
    p, q = _shares(reference, current)
    x = np.arange(p.size, dtype=np.float64) if positions is None else np.asarray(positions, dtype=np.float64)
    if x.size != p.size:
        raise DataError(f"{x.size} positions for {p.size} bins", hint="Give one position per bin")
    return float(np.sum(np.abs(np.cumsum(p - q))[:-1] * np.diff(x)))


def chi_squared(reference: ArrayLike, current: ArrayLike) -> float:
    """Pearson's statistic for the same shares in both; bins empty in both are left out.

    Returns
    -------
    float
        About (occupied bins - 1) where nothing changed and rows are independent; grows with rows otherwise.

    Examples
    --------
    >>> chi_squared([50, 50], [50, 50])
    0.0

    Source: K. Pearson (1900), Phil. Mag. 50, 157-175.
    """
    a, b = _counts(reference, current)
    both = a + b
    seen = both > 0
    share = a.sum() / both.sum()
    gap = (a[seen] - share * both[seen]) ** 2 / both[seen]
    return float(gap.sum() / (share * (1 - share)))


def noise_units(reference: ArrayLike, current: ArrayLike) -> float:
    """How many standard deviations of its own sampling noise the squared Hellinger distance lies above its mean.

    Sized for rows and bins: about 0 with spread 1 where nothing changed and rows are independent, whatever the
    number of rows or bins, so long as most bins expect five rows; 8 for a quarter of a standard deviation in 800
    rows. Rows that come in clumps (days of weather) spread wider; `alarm.py` measures that on the reference itself.

    Examples
    --------
    >>> noise_units([500, 500], [5, 5]) < 0 < 10 < noise_units([500, 500], [90, 10])
    True

    Source: 8 n H^2 is asymptotically chi-squared with bins - 1 degrees of freedom; F. Liese & I. Vajda (2006),
    IEEE Trans. Inf. Theory 52(10), 4394-4412.
    """
    a, b = _counts(reference, current)
    freedom = max(int(np.count_nonzero(a + b)) - 1, 1)
    scale = 8.0 / (1.0 / a.sum() + 1.0 / b.sum())
    return float((scale * hellinger(a, b) ** 2 - freedom) / np.sqrt(2.0 * freedom))


DISTANCES: Mapping[str, Callable[[ArrayLike, ArrayLike], float]] = {
    "psi": psi,
    "js_distance": js_distance,
    "hellinger": hellinger,
    "total_variation": total_variation,
    "l_infinity": l_infinity,
    "ks": ks,
    "wasserstein": wasserstein,
    "chi_squared": chi_squared,
}


def _counts(reference: ArrayLike, current: ArrayLike) -> tuple[Floats, Floats]:
    a, b = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    if a.shape != b.shape:
        raise DataError(
            f"the reference has {a.size} bins, the window has {b.size}",
            hint="Profile both with the reference's layout",
        )
    if a.sum() <= 0 or b.sum() <= 0:
        raise DataError("a distance needs rows on both sides", hint="Leave windows without rows out")
    return a, b


def _shares(reference: ArrayLike, current: ArrayLike) -> tuple[Floats, Floats]:
    a, b = _counts(reference, current)
    return a / a.sum(), b / b.sum()


def _entropy(shares: Floats) -> float:
    present = shares[shares > 0]
    return float(-np.sum(present * np.log2(present)))
