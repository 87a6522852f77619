"""A curve over one column as one small tree: what many trees of that column add up to, in as few decisions as it takes.

`explain/curves.py` reads curves; `conversion/tree_text.py` writes the trees down. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from daytwo.explain.curves import Curve
from daytwo.training.conversion.grown_tree import GrownTree
from daytwo.training.conversion.tree_text import FARTHEST

Floats = NDArray[np.float64]
# A curve has so many steps at most: each takes a row one decision further when their number doubles.
MOST_STEPS = 32
# What no row ever was still has to lie somewhere.
_HARDLY = 1e-9


@dataclass(slots=True)
class _Step:
    """Neighbouring steps put together: the places in the curve, and the rows' mean value there."""

    places: list[int]
    weight: float
    value: float


def curve_tree(curve: Curve, *, bearable: float, most: int = MOST_STEPS) -> GrownTree:
    """Return a curve as one tree.

    Neighbouring steps are put together, those first whose difference matters least to the rows, until there are at most
    `most`, and then as long as it changes the rows' weighted squares by no more than `bearable` each time. Categories
    are neighbours when they add about the same. A row's way is about as long as the code of a letter of its frequency.

    Examples
    --------
    >>> bend = Curve(0, np.array([1.0, 1.0, 5.0]), np.ones(3), 2.0, 0.0, ends=np.array([10.0, 20.0]))
    >>> tree = curve_tree(bend, bearable=0.0)
    >>> tree.threshold[0].item(), tree.value[tree.left < 0].tolist()
    (20.0, [1.0, 5.0])

    Source: the steps, J. H. Ward (1963), Hierarchical grouping to optimize an objective function, J. Am. Stat. Assoc.
    58, 236-244; their order in the tree, C. R. Bayer (1975), Improved bounds on the cost of optimal and balanced binary
    search trees, MIT/LCS/TM-69 (halving by weight).
    """
    categorical = curve.ends is None
    both = zip(curve.weights.tolist(), curve.values.tolist(), strict=True)
    steps = [_Step([place], weight + _HARDLY, value) for place, (weight, value) in enumerate(both)]
    gone = _Step([-1], curve.missing_weight + _HARDLY, curve.missing)
    if categorical:
        steps = sorted([gone, *steps], key=lambda step: step.value)
    steps = _put_together(steps, bearable, most)
    return _Builder(curve.feature, curve.ends).build(steps, None if categorical else gone)


def _put_together(steps: list[_Step], bearable: float, most: int) -> list[_Step]:
    steps = list(steps)
    while len(steps) > 1:
        harm = [_harm(one, other) for one, other in pairwise(steps)]
        least = int(np.argmin(harm))
        if len(steps) <= most and harm[least] > bearable:
            break
        one, other = steps[least : least + 2]
        weight = one.weight + other.weight
        value = (
            one.value if one.value == other.value else (one.weight * one.value + other.weight * other.value) / weight
        )
        steps[least : least + 2] = [_Step(one.places + other.places, weight, value)]
    return steps


def _harm(one: _Step, other: _Step) -> float:
    return one.weight * other.weight / (one.weight + other.weight) * (one.value - other.value) ** 2


class _Builder:
    """Places of one tree, as they are made."""

    def __init__(self, feature: int, ends: Floats | None) -> None:
        self._feature, self._ends = feature, ends
        self._rows: list[tuple[float, bool, int, int, float]] = []
        self._sets: dict[int, NDArray[np.int64]] = {}

    def build(self, steps: Sequence[_Step], gone: _Step | None) -> GrownTree:
        if gone is None:
            self._split(steps, 0, home=-1)
            return self._tree()
        like = int(np.argmin([abs(step.value - gone.value) for step in steps]))
        if gone.weight <= 2 * _HARDLY or steps[like].value == gone.value:
            # A missing value that hardly any row has costs no decision of its own: it goes to the step most like it.
            self._split(steps, 0, home=like)
            return self._tree()
        root = self._place()
        left = self._split(steps, 0, home=-1)
        self._rows[root] = (FARTHEST, False, left, self._leaf(gone.value), 0.0)
        return self._tree()

    def _split(self, steps: Sequence[_Step], begin: int, *, home: int) -> int:
        """Build the tree of some steps from step `begin` on; missing values go to step `home`, if it is one of them."""
        if len(steps) == 1:
            return self._leaf(steps[0].value)
        grown = np.cumsum([step.weight for step in steps])
        half = int(np.argmin(np.abs(grown[:-1] - grown[-1] / 2))) + 1
        me, threshold = self._place(), 0.0
        if self._ends is None:
            self._sets[me] = np.array(sorted(place for step in steps[:half] for place in step.places), dtype=np.int64)
        else:
            threshold = float(self._ends[steps[half - 1].places[-1]])
        left = self._split(steps[:half], begin, home=home)
        right = self._split(steps[half:], begin + half, home=home)
        self._rows[me] = (threshold, begin <= home < begin + half, left, right, 0.0)
        return me

    def _place(self) -> int:
        self._rows.append((0.0, False, -1, -1, 0.0))
        return len(self._rows) - 1

    def _leaf(self, value: float) -> int:
        self._rows.append((0.0, False, -1, -1, value))
        return len(self._rows) - 1

    def _tree(self) -> GrownTree:
        threshold, default_left, left, right, value = zip(*self._rows, strict=True)
        return GrownTree(
            np.full(len(self._rows), self._feature, dtype=np.int64),
            np.array(threshold),
            np.array(default_left, dtype=bool),
            np.array(left, dtype=np.int64),
            np.array(right, dtype=np.int64),
            np.array(value),
            self._sets,
        )
