"""How far a number may go: a hard range that clean rows never leave, and a tight one that only warns.

Not minimum and maximum: the next period always brings a new record. The hard range is the seen range widened by its
own spread, more where the tail is heavy (records there are far apart) and more where the column moves slowly (few
independent values were seen, so the next season may lie elsewhere). Half of `propose.py`; pure.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Spread added on each side of a column with a light tail that does not move with time, and more by the share of its
# variance that lies between the twentieths of the period. Measured on flights (range from January to March, months
# April to December) and five public sets by quarter: temperature moves (0.46) and needs 0.67 of its spread by July;
# wind does not (0.16), and a narrow margin is what shows its change of unit.
_STILL_MARGIN, _MOVING_MARGIN = 0.25, 1.2
# Whole numbers are counts, ages and codes: who comes next decides their records, no physics does (ages 19 to 61 in one
# campaign, to 98 in a later one).
_COUNT_MARGIN = 1.0
_UNKNOWN_MOVEMENT = 0.4
_BLOCKS = 20
# Above this share, or with fewer runs of one value, a column hardly varies within a twentieth: what was seen does not
# say where it goes (an interest rate, a month), so only its size bounds it.
_SLOW, _FEW_RUNS = 0.6, 20
_SLOW_MARGIN = 5.0
# Whole numbers that do not move end where they ended, if nearly all between the ends were seen
# and each end in at least this share of the rows that a value has on average: a tail would have thinned out.
_STILL, _CLOSED_ROWS, _CLOSED_SHARE, _AT_END = 0.05, 1_000, 0.9, 0.3
_EXACT = 2.0**53
# What lies this many of its spreads above 0, such as a pressure or an index, never comes below 0; nor do numbers that
# count from 1.
_FAR = 4.0
# Spread added where the tail is heavy: rain, prices, waiting times set records of several times the old one.
_HEAVY_MARGIN = 9.0
# (maximum - median) / (90 % point - median): about 3.4 for a normal, 6 for an exponential column of 100,000 rows.
_LIGHT_TAIL, _HEAVY_TAIL = 4.0, 6.0
_EXPECTED_ALARMS = 1e-4
# Share of the spread by which the expected range passes the seen one at least: records of heavy tails are far apart.
_LEAST_STEP = 0.1
_SHARE_NAME = re.compile(r"(?:^|_)(?:share|fraction|pct|percent|percentage|prob|probability|humid|humidity)(?:_|$)")


@dataclass(frozen=True, slots=True)
class Range:
    """A proposed range, in the column's unit; None where no end is known."""

    minimum: float | None
    maximum: float | None
    expected_minimum: float | None
    expected_maximum: float | None

    def rejected_share(self, values: npt.NDArray[np.float64]) -> tuple[float, float]:
        """Return which share of `values` lies below the hard minimum, and above the hard maximum."""
        below = 0.0 if self.minimum is None else float(np.mean(values < self.minimum))
        above = 0.0 if self.maximum is None else float(np.mean(values > self.maximum))
        return below, above


def propose_range(
    values: npt.NDArray[np.float64],
    *,
    name: str,
    whole: bool,
    ordered: bool,
    low_widening: float = 1.0,
    high_widening: float = 1.0,
) -> Range:
    """Return the range of a column from what was seen of it.

    Parameters
    ----------
    values : array, shape (n,)
        Finite values, n >= 1, with at least two distinct ones; in time order where `ordered`.
    name : str
        The column's name: a share or percentage stays within 0 .. 1 or 0 .. 100.
    whole : bool
        Whether values are whole numbers; the ends are then whole, too.
    low_widening, high_widening : float
        Factors on the hard margin below and above; infinity leaves that end open.
    """
    low, high = float(values.min()), float(values.max())
    if whole and (low, high) == (0.0, 1.0):
        return Range(0.0, 1.0, 0.0, 1.0)
    spread = high - low
    moving = movement(values) if ordered else _UNKNOWN_MOVEMENT
    if ordered and moving < _STILL and low_widening == high_widening == 1.0 and _is_closed(values):
        return Range(low, high, low, high)
    slow = ordered and (moving > _SLOW or np.count_nonzero(np.diff(values)) < _FEW_RUNS)
    size = max(-low, high) if slow else 0.0
    steps = _step(-values, spread, moving), _step(values, spread, moving)
    minimum = low - low_widening * max(spread * _margin(-values, moving), _SLOW_MARGIN * size, 1.5 * steps[0])
    maximum = high + high_widening * max(spread * _margin(values, moving), _SLOW_MARGIN * size, 1.5 * steps[1])
    counted = whole and low == 1.0
    if low == 0.0 or counted or (low > 0.0 and not slow) or low >= _FAR * spread:
        minimum = max(minimum, 0.0)
    ceiling = _share_ceiling(name, low, high)
    if ceiling is not None:
        minimum, maximum = 0.0, ceiling
    return Range(
        minimum=_rounded(minimum, spread, whole=whole, up=False),
        maximum=_rounded(maximum, spread, whole=whole, up=True),
        expected_minimum=_rounded(max(low - steps[0], minimum), spread, whole=whole, up=False),
        expected_maximum=_rounded(min(high + steps[1], maximum), spread, whole=whole, up=True),
    )


def movement(values: npt.NDArray[np.float64]) -> float:
    """Return the share of the variance, in [0, 1], that lies between the twentieths of the period.

    Parameters
    ----------
    values : array, shape (n,)
        One column in time order. Fewer than 40 values, or equal ones, give the share of an unknown column.

    Source: R. A. Fisher (1925), the intraclass correlation, here of 20 equal blocks of n / 20 rows.
    """
    size = values.size // _BLOCKS
    blocks = values[: size * _BLOCKS].reshape(_BLOCKS, -1)
    total = float(blocks.var()) if blocks.size else 0.0
    if size < 2 or total == 0.0:
        return _UNKNOWN_MOVEMENT
    # Means of `size` rows differ by chance, too: by 1 / size of the variance.
    between = float(blocks.mean(axis=1).var()) / total
    return max(0.0, (between - 1 / size) / (1 - 1 / size))


def _is_closed(values: npt.NDArray[np.float64]) -> bool:
    """Whether values are the whole numbers of a cycle or scale (weekdays, hours), which ends where they do."""
    if values.size < _CLOSED_ROWS or not np.array_equal(values, np.rint(values)) or np.abs(values).max() > _EXACT:
        return False
    levels, counts = np.unique(values, return_counts=True)
    step = np.gcd.reduce(np.diff(levels).astype(np.int64))
    possible = (levels[-1] - levels[0]) / step + 1
    usual = _AT_END * values.size / levels.size
    return bool(levels.size >= _CLOSED_SHARE * possible and counts[0] >= usual and counts[-1] >= usual)


def _margin(values: npt.NDArray[np.float64], moving: float) -> float:
    """Return how many spreads beyond its maximum a column may go."""
    still = _COUNT_MARGIN if np.array_equal(values, np.rint(values)) else _STILL_MARGIN
    light = still + _MOVING_MARGIN * moving
    middle, shoulder = np.quantile(values, [0.5, 0.9])
    reach = float(values.max() - middle)
    ratio = reach / float(shoulder - middle) if shoulder > middle else math.inf
    if reach == 0.0 or ratio <= _LIGHT_TAIL:
        return light
    if ratio >= _HEAVY_TAIL:
        return _HEAVY_MARGIN
    way = math.log(ratio / _LIGHT_TAIL) / math.log(_HEAVY_TAIL / _LIGHT_TAIL)
    return float(light * (_HEAVY_MARGIN / light) ** way)


def _step(values: npt.NDArray[np.float64], spread: float, moving: float) -> float:
    """Return how far beyond its maximum an exponential tail goes once in 10,000 values, or the season carries it."""
    shoulder = np.quantile(values, 0.95)
    beyond = values[values > shoulder] - shoulder
    excess = float(beyond.mean()) if beyond.size else spread * 0.05
    chance = excess * max(0.5, math.log(1.0 / (_EXPECTED_ALARMS * values.size)))
    return float(max(chance, spread * max(_LEAST_STEP, moving / 2)))


def _share_ceiling(name: str, low: float, high: float) -> float | None:
    if not _SHARE_NAME.search(name.lower()) or low < 0.0:
        return None
    if high <= 1.0:
        return 1.0
    return 100.0 if high <= 100.0 else None


def _rounded(end: float, spread: float, *, whole: bool, up: bool) -> float | None:
    """Round outwards to a thousandth of the spread's power of ten, so that a person can read it."""
    if not math.isfinite(end):
        return None
    digits = 0 if whole else max(0, 2 - math.floor(math.log10(spread)))
    scale = 10.0 ** min(digits, 300)
    moved = (math.ceil(end * scale - 1e-9) if up else math.floor(end * scale + 1e-9)) / scale
    return 0.0 if moved == 0 else float(moved)
