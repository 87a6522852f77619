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

# Spread added on each side where the tail is light; found on the flights of April to December against a range from
# January to March (temperature needs 0.6) and on the five shared data sets.
_LIGHT_MARGIN = 0.75
# Spread added where the tail is heavy: rain, prices, waiting times set records of several times the old one.
_HEAVY_MARGIN = 9.0
# (maximum - median) / (90 % point - median): about 3 for a normal, 6 for an exponential column of 100,000 rows.
_LIGHT_TAIL, _HEAVY_TAIL = 5.0, 12.0
# Fewer runs of one value than this, and the margin grows as 1 / runs.
_ENOUGH_RUNS = 500
# With fewer than this even the sign is no evidence.
_SIGN_RUNS = 100
_EXPECTED_ALARMS = 1e-4
_SHARE_NAME = re.compile(r"(?:^|_)(?:share|fraction|pct|percent|percentage|prob|probability|humid|humidity)(?:_|$)")


@dataclass(frozen=True, slots=True)
class Range:
    """A proposed range, in the column's unit; None where no end is known."""

    minimum: float | None
    maximum: float | None
    expected_minimum: float
    expected_maximum: float

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
    runs = int(np.count_nonzero(np.diff(values))) + 1 if ordered else values.size
    slow = max(1.0, _ENOUGH_RUNS / runs)
    minimum = low - spread * slow * low_widening * _tail_margin(-values)
    maximum = high + spread * slow * high_widening * _tail_margin(values)
    if low >= 0.0 and (low == 0.0 or runs >= _SIGN_RUNS):
        minimum = max(minimum, 0.0)
    ceiling = _share_ceiling(name, low, high)
    if ceiling is not None:
        minimum, maximum = max(minimum, 0.0), min(maximum, ceiling)
    expected_low = low - _step(-values, spread, runs)
    expected_high = high + _step(values, spread, runs)
    if low >= 0.0:
        expected_low = max(expected_low, 0.0)
    return Range(
        minimum=_rounded(minimum, spread, whole=whole, up=False),
        maximum=_rounded(maximum, spread, whole=whole, up=True),
        expected_minimum=_rounded(max(expected_low, minimum), spread, whole=whole, up=False) or 0.0,
        expected_maximum=_rounded(min(expected_high, maximum), spread, whole=whole, up=True) or 0.0,
    )


def _tail_margin(values: npt.NDArray[np.float64]) -> float:
    middle, shoulder = np.quantile(values, [0.5, 0.9])
    reach = float(values.max() - middle)
    ratio = reach / float(shoulder - middle) if shoulder > middle else math.inf
    if reach == 0.0 or ratio <= _LIGHT_TAIL:
        return _LIGHT_MARGIN
    if ratio >= _HEAVY_TAIL:
        return _HEAVY_MARGIN
    way = math.log(ratio / _LIGHT_TAIL) / math.log(_HEAVY_TAIL / _LIGHT_TAIL)
    return _LIGHT_MARGIN * (_HEAVY_MARGIN / _LIGHT_MARGIN) ** way


def _step(values: npt.NDArray[np.float64], spread: float, runs: int) -> float:
    """Return how far beyond its maximum an exponential tail goes once in 1 / `_EXPECTED_ALARMS` values."""
    shoulder = np.quantile(values, 0.95)
    beyond = values[values > shoulder] - shoulder
    excess = float(beyond.mean()) if beyond.size else spread * 0.05
    return excess * max(1.0, math.log(1.0 / (_EXPECTED_ALARMS * runs)))


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
