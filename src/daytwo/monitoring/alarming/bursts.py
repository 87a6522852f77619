"""Is a share of bad rows far above what it usually is? Days differ by more than chance, and the test knows by how much.

The number of bad rows of a day is taken as beta-binomial: the day draws its own share, the rows draw from that. The
usual share and how far days differ are estimated from past days; while there are few, days are taken to differ a lot.
Pure; `lifecycle/sources/source_health.py` counts the rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from daytwo.core.errors import DataError

# Each week of history lets days be taken for a little more alike.
_SLOW_DAYS = 7.0
_BLOCK = 4096
# A tail is summed until what is left cannot change it by so much.
_ENOUGH = 1e-9


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual: the mean share of bad rows in (0, 1), and the correlation in (0, 1) of two rows of one day."""

    share: float
    correlation: float


def usual(bad: Sequence[int], rows: Sequence[int], *, expected: float) -> Usual:
    """Estimate what is usual from past days.

    Parameters
    ----------
    bad, rows : shape (n_days,)
        Bad rows and all rows of each past day; days without rows say nothing. May be empty.
    expected : float
        The share of bad rows in (0, 1) to expect where there is no history; it weighs as much as one bad row.

    Returns
    -------
    Usual
        The share is the mean over all rows. The correlation is Kleinman's moment estimate, but never below what makes
        a day's share vary by 100 % of its mean without history, and by 100 % / sqrt(1 + n_days / 7) with n_days.

    Raises
    ------
    DataError
        If `expected` is no share, or a day has more bad rows than rows.

    Examples
    --------
    >>> round(usual([1, 0, 2, 1], [1000, 1000, 1000, 1000], expected=0.001).share, 6)
    0.001

    Source: J. C. Kleinman (1973), Proportions with extraneous variance: single and independent samples, Journal of
    the American Statistical Association 68(341), 46-54; weights in proportion to the rows of a day.
    """
    x, n = np.asarray(bad, dtype=np.float64), np.asarray(rows, dtype=np.float64)
    if not 0 < expected < 1 or x.shape != n.shape or bool(np.any(x > n)):
        raise DataError("a share lies between 0 and 1, and no day has more bad rows than rows", hint="Count again")
    x, n = x[n > 0], n[n > 0]
    share = float((x.sum() + 1.0) / (n.sum() + 1.0 / expected))
    floor = share / (1.0 + n.size / _SLOW_DAYS)
    return Usual(share, min(max(_correlation(x, n), floor), 0.999))


def chance(bad: int, rows: int, known: Usual) -> float:
    """Return the chance of `bad` or more bad rows among `rows`, as far as what is usual goes on.

    Parameters
    ----------
    bad, rows : int
        0 <= bad <= rows.
    known : Usual
        What is usual.

    Returns
    -------
    float
        In [0, 1]: the upper tail of the beta-binomial distribution.

    Examples
    --------
    >>> round(chance(1, 2, Usual(0.5, 1 / 3)), 6)  # alpha = beta = 1: every count is equally likely
    0.666667

    Source: J. G. Skellam (1948), A probability distribution derived from the binomial distribution by regarding the
    probability of success as variable between the sets of trials, J. R. Stat. Soc. B 10(2), 257-261.
    """
    if bad <= 0:
        return 1.0
    spread = 1.0 / known.correlation - 1.0
    a, b = known.share * spread, (1.0 - known.share) * spread
    term = math.exp(_log_mass(bad, rows, a, b))
    total, at = term, bad
    while at < rows and term > 0.0:
        j = np.arange(at, min(at + _BLOCK, rows), dtype=np.float64)
        terms = term * np.cumprod((rows - j) / (j + 1.0) * (j + a) / (rows - j - 1.0 + b))
        total += float(terms.sum())
        term, at = float(terms[-1]), at + j.size
        falling = terms[-1] < terms[0]
        if falling and term * (rows - at) < _ENOUGH * total:
            break
    return min(total, 1.0)


def _correlation(
    x: np.ndarray[tuple[int], np.dtype[np.float64]], n: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> float:
    if x.size < 2 or not x.sum():
        return 0.0
    weight = n / n.sum()
    p = float((weight * x / n).sum())
    spread, left = float((weight * (x / n - p) ** 2).sum()), weight * (1.0 - weight)
    by_chance = float((left / n).sum())
    room = p * (1.0 - p) * (float(left.sum()) - by_chance)
    return (spread - p * (1.0 - p) * by_chance) / room if room > 0 else 0.0


def _log_mass(bad: int, rows: int, a: float, b: float) -> float:
    def log_beta(p: float, q: float) -> float:
        return math.lgamma(p) + math.lgamma(q) - math.lgamma(p + q)

    ways = math.lgamma(rows + 1.0) - math.lgamma(bad + 1.0) - math.lgamma(rows - bad + 1.0)
    return ways + log_beta(bad + a, rows - bad + b) - log_beta(a, b)
