"""How long may a source be quiet before somebody should ask? As long as it was before, at that time of day and week.

Of each hour in which something came, the longest wait that began in it is kept. A wait is compared with those that
began at the same time of day, and of the same weekday where weekdays differ. Pure;
`lifecycle/sources/source_health.py` keeps the waits.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

# With waits of fewer days nothing is said: a week shows the nights and the weekend.
FEWEST = 7
# Three weeks show whether a weekday differs from another: then its longest wait is usually three times as long.
_WEEKS, _DIFFERS = 3, 3.0
# A wait is compared with those that began at most so many hours of the day earlier or later.
_NEAR_H = 1
# One false silence in so many days, were waits spread as those of rows that come at random.
_DAYS = 2000.0
# Nobody is called for less than a quarter of an hour, or than a tenth of the usual wait.
_LEAST_S, _LEAST_SHARE = 900.0, 0.1


@dataclass(frozen=True, slots=True)
class Wait:
    """The longest wait that began in one hour: `day` counts from any Monday, `hour` is 0 to 23."""

    day: int
    hour: int
    seconds: float


def longest_usual(waits: Sequence[Wait], day: int, hour: int) -> float | None:
    """Return after how many seconds without a row a source is silent, where the last row came at `day` and `hour`.

    Parameters
    ----------
    waits : past waits of this source, in any order
    day : int, days
        The day of the last row, counted like those of the waits.
    hour : int, 0 to 23

    Returns
    -------
    float or None
        Seconds. Of the n past waits that began at that time let L be the longest, M the median, and s the scale of an
        exponential tail: the mean by which those above M exceed it, or (L - M) / (H(n) - ln 2) with H(n) = 1 + 1/2 +
        ... + 1/n if that is more. Then it is M + s ln(D w / 2) for a source with w waits a day and D = 2000 days, at
        least L + s, and at least a quarter of an hour or M / 10 more than L. None where waits of fewer than 7 days
        are known.

    Notes
    -----
    Of waits with an exponential tail one in D w is longer: one false silence in D days. A next wait exceeds the
    longest of n like it with chance 1 / (n + 1), whatever their distribution (Wilks 1941). A source that delivers by
    the clock has s = 0 and is missed soon. Of rows that come at random, at 6 to 24 a
    day, fewer than 8 false silences a year are counted, at 240 a day fewer than 3, since M and s are estimates
    (tests/monitoring/test_monitoring_silence.py).

    Examples
    --------
    >>> daily = [Wait(day, 2, 86_400.0) for day in range(10)]
    >>> longest_usual(daily, 10, 2) / 3_600
    26.4

    Source: S. S. Wilks (1941), Determination of sample sizes for setting tolerance limits, Annals of Mathematical
    Statistics 12(1), 91-96; A. Renyi (1953), On the theory of order statistics, Acta Mathematica Hungarica 4, 191-231
    (the expected longest of n exponential waits is H(n) scales).
    """
    like = _like(waits, day, hour)
    if len({wait.day for wait in waits}) < FEWEST:
        return None
    seconds = [wait.seconds for wait in like]
    longest, middle = max(seconds), statistics.median(seconds)
    above = [value - middle for value in seconds if value > middle]
    scale = (longest - middle) / (sum(1.0 / k for k in range(1, len(like) + 1)) - math.log(2.0))
    scale = max(scale, statistics.fmean(above) if above else 0.0)
    a_day = len(waits) / len({wait.day for wait in waits})
    far = middle + scale * math.log(_DAYS * a_day / 2.0)
    return max(far, longest + scale, longest + max(_LEAST_S, _LEAST_SHARE * middle))


def _like(waits: Sequence[Wait], day: int, hour: int) -> Sequence[Wait]:
    """Return the past waits that one which began then is compared with."""
    near = [wait for wait in waits if min((wait.hour - hour) % 24, (hour - wait.hour) % 24) <= _NEAR_H]
    if len(near) < FEWEST:
        return waits
    usual = _longest_by_weekday(near)
    mine = usual.get(day % 7)
    if mine is None:
        return near
    like = [wait for wait in near if 1 / _DIFFERS <= usual.get(wait.day % 7, mine) / mine <= _DIFFERS]
    return like if len(like) >= FEWEST else near


def _longest_by_weekday(waits: Sequence[Wait]) -> dict[int, float]:
    """Return the usual longest wait of each weekday that enough weeks are known of."""
    longest: dict[int, float] = {}
    for wait in waits:
        longest[wait.day] = max(wait.seconds, longest.get(wait.day, 1.0))
    weekdays: dict[int, list[float]] = {}
    for day, seconds in longest.items():
        weekdays.setdefault(day % 7, []).append(seconds)
    return {weekday: statistics.median(found) for weekday, found in weekdays.items() if len(found) >= _WEEKS}
