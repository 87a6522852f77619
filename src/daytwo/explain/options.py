"""What one feature of a row may become: of each stretch between two thresholds of the model, one value.

Between two thresholds the model cannot tell values apart, so one of each stretch is enough: one near to the row's own
that takes few digits to say, or that occurs in real rows where only few values do. `change.py` searches among them.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from daytwo.explain.likeness import Likeness
from daytwo.explain.trees import Trees

# A number of so few values among the real rows may be a code or a count: only values that occur are offered.
_FEW = 64
# So many digits finer than the coarsest may a value be.
_FINEST = 12


class Way(StrEnum):
    """Which way a column may change: not at all, up, down, or either."""

    FIXED = "fixed"
    UP = "up"
    DOWN = "down"
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a feature may become: whole numbers only, or not, from `low` to `high`; `codes` where it is a category."""

    way: Way = Way.EITHER
    is_whole: bool = False
    low: float = -math.inf
    high: float = math.inf
    codes: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """The values that one feature may become, shape (k,), and what each costs, in [0, 1], cheapest first."""

    feature: int
    values: NDArray[np.float32]
    costs: NDArray[np.float64]


class Menu:
    """What one feature may become from any value of it. Made once for a model, and asked for every row.

    A number costs the share of real rows between it and the row's own; a level costs the more, the fewer rows have it.
    """

    def __init__(self, feature: int, allowed: Allowed, thresholds: NDArray[np.float64], like: Likeness) -> None:
        self._feature, self._allowed, self._thresholds, self._like = feature, allowed, thresholds, like
        if allowed.codes is not None:
            self._levels = np.array(allowed.codes, dtype=np.float32)
            self._prices = np.array([1 - like.share(feature, code) for code in allowed.codes])
            return
        edges = [-math.inf, *thresholds.tolist(), math.inf]
        known = like.values(feature)
        if len(known) and (known == np.floor(known)).all():
            allowed = replace(allowed, is_whole=True)
        occurring = known.astype(np.float64).tolist() if len(known) <= _FEW else None
        stretches = list(pairwise(edges))
        self._rising = _values([_value(one, allowed, occurring, from_below=True) for one in stretches])
        self._falling = _values([_value(one, allowed, occurring, from_below=False) for one in stretches])
        self._rising_at = like.place(feature, self._rising)
        self._falling_at = like.place(feature, self._falling)

    def options(self, value: float) -> Options:
        """Return what the feature may become from `value`. A missing value stays missing: nobody can act on it."""
        way = self._allowed.way
        if math.isnan(value) or way is Way.FIXED:
            return Options(self._feature, np.zeros(0, np.float32), np.zeros(0))
        if self._allowed.codes is not None:
            values, costs = self._levels, self._prices
        else:
            own = int(np.searchsorted(self._thresholds, value, "left"))  # thresholds[own - 1] < value <= [own]
            values = np.concatenate([self._falling[:own], self._rising[own + 1 :]])
            places = np.concatenate([self._falling_at[:own], self._rising_at[own + 1 :]])
            costs = np.abs(places - self._like.place(self._feature, np.array([value], dtype=np.float32)))
        goes = (values != value) & ~np.isnan(values)
        if way is not Way.EITHER:
            goes &= (values > value) if way is Way.UP else (values < value)
        kept = np.flatnonzero(goes)
        kept = kept[np.argsort(costs[kept], kind="stable")]
        return Options(self._feature, values[kept], costs[kept])


def _values(found: list[float | None]) -> NDArray[np.float32]:
    return np.array([math.nan if one is None else one for one in found], dtype=np.float32)


def thresholds_by_feature(trees: Trees) -> dict[int, NDArray[np.float64]]:
    """Return the thresholds that a model asks of each of its numeric features, in order."""
    is_number = np.array([codes is None for codes in trees.categories], dtype=bool)
    return {
        feature: np.unique(trees.threshold[is_number & (trees.feature == feature)])
        for feature in np.unique(trees.feature[is_number]).tolist()
    }


def _value(
    stretch: tuple[float, float], allowed: Allowed, occurring: list[float] | None, *, from_below: bool
) -> float | None:
    """Return the value that stands for a stretch: one that occurs, where few do, else the roundest."""
    if occurring is None:
        return _roundest(*stretch, allowed, from_below=from_below)
    first = bisect_right(occurring, stretch[0]) if stretch[0] >= allowed.low else bisect_left(occurring, allowed.low)
    end = bisect_right(occurring, min(stretch[1], allowed.high))
    if first >= end:
        return None
    return occurring[first] if from_below else occurring[end - 1]


def _roundest(above: float, upto: float, allowed: Allowed, *, from_below: bool) -> float | None:
    """Return the number of fewest digits close to the near end of (above, upto], as float32 tells them apart."""

    def fits(one: float) -> bool:
        return above < float(np.float32(one)) <= upto and allowed.low <= one <= allowed.high

    low, high = max(above, allowed.low), min(upto, allowed.high)
    near, far = (low, high) if from_below else (high, low)
    if low > high or not math.isfinite(near):
        return None
    size = abs(near) if not math.isfinite(far) else max(abs(near), abs(far - near))
    first = math.floor(math.log10(size)) - 1 if size > 0 else 0
    # No coarser than a tenth of the stretch, where it has an end, so that the value stays near the row's own.
    for power in range(first, first - _FINEST, -1):
        if power < 0 and allowed.is_whole:
            break
        one = _rounded(near, power, math.ceil if from_below else math.floor)
        for candidate in (one, _rounded(one + (1 if from_below else -1) * 10.0**power, power, round)):
            if fits(candidate):
                return candidate
    if allowed.is_whole:
        one = math.floor(near) + 1.0 if from_below else float(math.floor(near))
    else:
        edge = np.float32(near)
        one = float(np.nextafter(edge, np.float32(math.inf if from_below else -math.inf)))
        one = float(edge) if fits(float(edge)) else one
    return one if fits(one) else None


def _rounded(value: float, power: int, how: Callable[[float], int]) -> float:
    return (
        float(how(value / 10.0**power) * 10**power)
        if power >= 0
        else round(how(value * 10**-power) / 10**-power, -power)
    )
