"""Where the reference has been: rows and pairs of values that it never showed, on which a learnt correction is a guess.

Only features that the correction uses count. A row is outside if one of them is beyond the reference's range, is
missing though the reference never missed it, or if two of them meet in a cell of a coarse grid in which the reference
has no row. `estimator.py` answers for such rows with the calibrated score alone.
"""

from __future__ import annotations

import itertools

import msgspec
import numpy as np
from numpy.typing import NDArray

# Eight quantile bins a side make cells that hold over a hundred rows of a usual reference if features are independent.
_BINS = 8
# Pairs grow with the square; the features used most come first.
_MOST = 10


class Support(msgspec.Struct, frozen=True):
    """Where reference rows lie, in the columns `columns` of the matrix.

    `low` and `high` bound each column, `gaps` says whether it was ever missing. `edges` cut each of the first columns
    into bins, one more of which is for missing values; `seen` holds for each pair of those, in the order of
    `itertools.combinations`, the numbers of the cells with a row.
    """

    columns: tuple[int, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    gaps: tuple[bool, ...] = ()
    edges: tuple[tuple[float, ...], ...] = ()
    seen: tuple[tuple[int, ...], ...] = ()

    def outside(self, matrix: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Return which rows the reference does not cover, shape (n,)."""
        found = np.zeros(len(matrix), dtype=bool)
        for column, low, high, gaps in zip(self.columns, self.low, self.high, self.gaps, strict=True):
            x = matrix[:, column]
            found |= (x < low) | (x > high)
            if not gaps:
                found |= np.isnan(x)
        cells = [_cell(matrix[:, column], edges) for column, edges in zip(self.columns, self.edges, strict=False)]
        for (a, b), known in zip(itertools.combinations(cells, 2), self.seen, strict=True):
            table = np.zeros((_BINS + 2) ** 2, dtype=bool)
            table[list(known)] = True
            found |= ~table[a * (_BINS + 2) + b]
        return found


def learn_support(matrix: NDArray[np.floating], columns: tuple[int, ...], known: dict[int, int]) -> Support:
    """Learn where the rows of a matrix lie.

    Parameters
    ----------
    matrix : shape (n, d), n >= 1
    columns : positions
        The columns that count, the most used first.
    known : {position: levels}
        For a category, how many levels are known; its other codes are outside.
    """
    low, high, gaps, edges = [], [], [], []
    for column in columns:
        x = matrix[:, column]
        present = x[~np.isnan(x)]
        bounds = (present.min(), present.max()) if present.size else (0.0, 0.0)
        if column in known:
            bounds = (0.0, known[column] - 1.0)
        low.append(float(bounds[0]))
        high.append(float(bounds[1]))
        gaps.append(present.size < x.size)
        edges.append(_edges(present))
    firsts = columns[:_MOST]
    cells = [_cell(matrix[:, column], cuts) for column, cuts in zip(firsts, edges, strict=False)]
    seen = [np.unique(a * (_BINS + 2) + b).tolist() for a, b in itertools.combinations(cells, 2)]
    return Support(
        columns, tuple(low), tuple(high), tuple(gaps), tuple(edges[: len(firsts)]), tuple(tuple(part) for part in seen)
    )


def _edges(present: NDArray[np.floating]) -> tuple[float, ...]:
    if not present.size:
        return ()
    return tuple(np.unique(np.quantile(present, np.linspace(0, 1, _BINS + 1)[1:-1])).astype(float).tolist())


def _cell(x: NDArray[np.floating], edges: tuple[float, ...]) -> NDArray[np.intp]:
    """Return each value's bin; missing values have one of their own."""
    found = np.searchsorted(np.asarray(edges), x, side="left")
    found[np.isnan(x)] = _BINS + 1
    return found
