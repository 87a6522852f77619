"""What a window is like, as one long row of shares: bins, extremes, missing values, and how columns go together.

`faults.py` asks how known faults would move these shares, `filtering.py` how far a window moved that way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daytwo.monitoring.alarming.cells import coarse_groups, telling_cells
from daytwo.monitoring.profiles.bins import Bins, Codes, Floats
from daytwo.monitoring.profiles.profile import Layout

Matrix = NDArray[np.floating]
# All columns together have about so many bins; where there are many columns, neighbouring bins are put together.
_MOST_BINS, _LEAST_BINS = 800, 4
# The ends of a number that are looked at apart: a change of unit on a few rows makes them longer.
_ENDS = (0.002, 0.01, 0.99, 0.998)
# So many pairs of columns at most, those that go together most; a weaker tie than this says little.
_MOST_PAIRS, _WEAKEST = 300, 0.1
# Codes are multiples of this: their products then add up to the same bits in any order.
_GRAIN = 1 / 64
# So many columns at most have their holes compared with each other's; fewer holes than this are none.
_MOST_HOLES, _SOME_HOLES = 12, 0.002


@dataclass(frozen=True, slots=True, eq=False)
class Traits:
    """Which traits rows have. `groups[i][b]` is the group of column i's bin b; `ends` are by column.

    `pairs` are columns whose codes are multiplied, `holes` columns whose missing values are; `cells` are those of
    `cells.py`, by the groups of `coarse`.
    """

    layout: Layout
    groups: tuple[Codes, ...]
    ends: tuple[Floats, ...]
    pairs: NDArray[np.intp]
    holes: NDArray[np.intp]
    coarse: tuple[Codes, ...]
    cells: NDArray[np.intp]

    @property
    def count(self) -> int:
        """How many traits there are."""
        bins = sum(int(group[-1]) + 1 for group in self.groups) + sum(len(end) for end in self.ends)
        return bins + len(self.pairs) + len(self.holes) + len(self.cells)

    def of(self, matrix: Matrix) -> NDArray[np.float32]:
        """Return each row's traits, shape (n, count)."""
        n, d = matrix.shape
        found = np.zeros((n, self.count), dtype=np.float32)
        coded = np.zeros((d, n), dtype=np.float32)
        grouped = np.zeros((d, n), dtype=np.intp)
        rows, at = np.arange(n), 0
        for i, bins in enumerate(self.layout.columns):
            values = np.ascontiguousarray(matrix[:, i])
            codes = bins.codes(values)
            grouped[i] = self.coarse[i][codes]
            coded[i] = (np.round(np.asarray((*self.layout.codes[i], 0.0)) / _GRAIN) * _GRAIN)[codes]
            found[rows, at + self.groups[i][codes]] = 1.0
            at += int(self.groups[i][-1]) + 1
            for share, end in zip(_ENDS, self.ends[i], strict=False):
                found[:, at] = values < end if share < 0.5 else values > end
                at += 1
        for first, second in self.pairs:
            np.multiply(coded[first], coded[second], out=found[:, at])
            at += 1
        gone = np.isnan(matrix)
        for first, second in self.holes:
            found[:, at] = gone[:, first] & gone[:, second]
            at += 1
        for first, one, second, other in self.cells:
            found[:, at] = (grouped[first] == one) & (grouped[second] == other)
            at += 1
        return found

    def tied(self, column: int) -> bool:
        """Whether a column goes together with another."""
        return bool((self.pairs == column).any())


def learn_traits(matrix: Matrix, layout: Layout) -> Traits:
    """Choose the traits by the reference's rows."""
    bins = layout.columns
    most = max(_MOST_BINS // max(len(bins), 1), _LEAST_BINS)
    ends = tuple(_ends(one, matrix[:, i]) for i, one in enumerate(bins))
    groups = tuple(_groups(one, most) for one in bins)
    codes = [one.codes(np.ascontiguousarray(matrix[:, i])) for i, one in enumerate(bins)]
    coarse = tuple(coarse_groups(one, found) for one, found in zip(bins, codes, strict=True))
    cells = telling_cells([group[found] for group, found in zip(coarse, codes, strict=True)])
    return Traits(layout, groups, ends, _pairs(matrix, layout), _holes(matrix), coarse, cells)


def _groups(bins: Bins, most: int) -> Codes:
    """Return the group of each bin, neighbours together, and of missing values, which are the last.

    A level never seen counts with the last one known: no window of the reference could show what it would do.
    """
    size = bins.size - 1 if bins.is_category and bins.size > 1 else bins.size
    groups = np.arange(size) if size <= most else np.arange(size) * most // size
    groups = np.pad(groups, (0, bins.size - size), mode="edge")
    return np.append(groups, groups[-1] + 1).astype(np.intp)


def _ends(bins: Bins, values: Matrix) -> Floats:
    present = values[~np.isnan(values)]
    if bins.is_category or not present.size:
        return np.zeros(0)
    ends: Floats = np.quantile(present, _ENDS, method="inverted_cdf").astype(np.float64)
    return ends


def _pairs(matrix: Matrix, layout: Layout) -> NDArray[np.intp]:
    columns = zip(layout.columns, layout.codes, matrix.T, strict=True)
    coded = np.array([np.asarray((*codes, 0.0))[bins.codes(np.ascontiguousarray(v))] for bins, codes, v in columns])
    together = coded @ coded.T / max(matrix.shape[0], 1)
    return _strongest(np.abs(together), _WEAKEST, _MOST_PAIRS)


def _holes(matrix: Matrix) -> NDArray[np.intp]:
    share = np.isnan(matrix).mean(axis=0)
    some = np.minimum(share, 1.0 - share) > _SOME_HOLES
    ranked = np.argsort(-np.where(some, share, 0.0), kind="stable")[:_MOST_HOLES]
    chosen = np.sort(ranked[some[ranked]])
    first, second = np.triu_indices(len(chosen), 1)
    return np.column_stack([chosen[first], chosen[second]]).astype(np.intp)


def _strongest(strength: Floats, least: float, most: int) -> NDArray[np.intp]:
    first, second = np.triu_indices(len(strength), 1)
    values = strength[first, second]
    order = np.argsort(-values, kind="stable")[:most]
    order = order[values[order] > least]
    return np.column_stack([first[order], second[order]])
