"""Which leaves of a tree must not answer more than which others, where a score may only rise or fall with a value.

Two leaves stand in order where a row can go from one to the other by a change of such a value alone. A sum of trees
whose leaves keep their order keeps the promise for every row there can be. `refit.py` next door fits leaves anew
under it; LightGBM grows trees that keep it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from daytwo.explain.trees import Missing, Trees

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


def leaf_orders(trees: Trees, directions: Sequence[int]) -> tuple[Bools, ...]:
    """Return for each tree, of m leaves, an array of shape (m, m): whether leaf a must not answer more than leaf b.

    `directions` says of each feature how the score goes with it: 1 never down, -1 never up, 0 either way; a feature
    whose nodes ask for categories goes either way. A leaf stands in order with itself. A missing value is neither
    higher nor lower than any other. Of trees that take 0 for missing this knows nothing.

    Source: for trees in general, R. Potharst & A. Feelders (2002), Classification trees for problems with monotonicity
    constraints, SIGKDD Explorations 4(1), 1-10.
    """
    bounds = [*trees.first_leaf.tolist(), len(trees.leaf_value)]
    highest = _highest_codes(trees)
    whole = _Region(
        np.full(len(directions), -np.inf), np.full(len(directions), np.inf), np.ones(len(directions), dtype=bool), {}
    )
    found = []
    for tree, root in enumerate(trees.roots.tolist()):
        regions = dict(_regions(trees, root, whole, highest))
        ordered = [regions[leaf] for leaf in range(bounds[tree], bounds[tree + 1])]
        found.append(_closed(_direct(ordered, np.asarray(directions))))
    return tuple(found)


def in_order(values: Floats, order: Bools) -> Floats:
    """Return values of one tree's leaves, shape (m,), that keep its `order`; those that keep it already stay.

    Each becomes the mean of the highest value that must not exceed it and the lowest that it must not exceed.

    Examples
    --------
    >>> in_order(np.array([3.0, 1.0, 5.0]), np.array([[1, 1, 0], [0, 1, 0], [0, 0, 1]], dtype=bool)).tolist()
    [2.0, 2.0, 5.0]
    """
    highest = np.where(order, values[:, None], -np.inf).max(axis=0)
    lowest = np.where(order, values[None, :], np.inf).min(axis=1)
    return np.asarray((highest + lowest) / 2)


@dataclass(frozen=True, slots=True, eq=False)
class _Region:
    """The rows that reach a place: of each feature the numbers in (`low`, `high`], and whether a missing one does.

    `codes` holds, of features whose nodes ask for categories, which do, a missing one first.
    """

    low: Floats
    high: Floats
    missing: Bools
    codes: dict[int, Bools]

    def numbers(self, feature: int, *, low: float = -np.inf, high: float = np.inf, missing: bool) -> _Region:
        """Return the part of the region where a number lies in (`low`, `high`]."""
        lows, highs, there = self.low.copy(), self.high.copy(), self.missing.copy()
        lows[feature], highs[feature] = max(lows[feature], low), min(highs[feature], high)
        there[feature] &= missing
        return replace(self, low=lows, high=highs, missing=there)

    def categories(self, feature: int, chosen: Bools) -> _Region:
        """Return the part of the region where a code is one of the chosen."""
        held = self.codes.get(feature)
        return replace(self, codes={**self.codes, feature: chosen if held is None else chosen & held})


def _highest_codes(trees: Trees) -> dict[int, int]:
    """Return the highest code that any node asks for, by feature; all codes above it are treated alike."""
    found: dict[int, int] = {}
    for feature, chosen in zip(trees.feature.tolist(), trees.categories, strict=True):
        if chosen is not None:
            found[feature] = max(found.get(feature, 0), int(chosen.max(initial=0)))
    return found


def _regions(trees: Trees, root: int, whole: _Region, highest: dict[int, int]) -> Iterator[tuple[int, _Region]]:
    """Give each leaf under `root` with its region."""
    ahead = [(root, whole)]
    while ahead:
        place, region = ahead.pop()
        if place < 0:
            yield -1 - place, region
            continue
        feature, chosen = int(trees.feature[place]), trees.categories[place]
        if chosen is None:
            threshold = float(trees.threshold[place])
            missing_left = bool(trees.default_left[place])
            if trees.missing[place] == Missing.NONE:
                missing_left = threshold >= 0
            left = region.numbers(feature, high=threshold, missing=missing_left)
            right = region.numbers(feature, low=threshold, missing=not missing_left)
        else:
            inside = np.isin(np.arange(-1, highest[feature] + 2), chosen)
            left, right = region.categories(feature, inside), region.categories(feature, ~inside)
        ahead += [(int(trees.left[place]), left), (int(trees.right[place]), right)]


def _direct(regions: Sequence[_Region], directions: NDArray[np.int64]) -> Bools:
    """Return which leaves one step along one bound feature parts: shape (m, m), the lower answer first."""
    low, high = np.stack([one.low for one in regions]), np.stack([one.high for one in regions])
    missing = np.stack([one.missing for one in regions])
    meet = (np.maximum(low[:, None], low) < np.minimum(high[:, None], high)) | (missing[:, None] & missing)
    for feature in {feature for one in regions for feature in one.codes}:
        every = np.ones_like(next(one.codes[feature] for one in regions if feature in one.codes))
        codes = np.stack([one.codes.get(feature, every) for one in regions])
        meet[:, :, feature] = (codes[:, None] & codes).any(axis=2)
    apart = ~meet
    numbers = low < high  # some leaves are reached by a missing value alone
    step = apart & (apart.sum(axis=2, keepdims=True) == 1) & numbers[:, None] & numbers
    up = step & (high[:, None] <= low)  # the second leaf's numbers lie above the first one's
    down = step & (low[:, None] >= high)
    return np.asarray(up[:, :, directions > 0].any(axis=2) | down[:, :, directions < 0].any(axis=2))


def _closed(direct: Bools) -> Bools:
    """Return the order that the direct steps make: each leaf with itself, and with all that lie further on."""
    order = direct | np.eye(len(direct), dtype=bool)
    while True:
        further = (order.astype(np.float32) @ order.astype(np.float32)) > 0
        if np.array_equal(further, order):
            return order
        order = further
