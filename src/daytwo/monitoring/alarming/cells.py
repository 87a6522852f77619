"""Which values of two columns go together, or never do: the cells of coarse tables of pairs of columns.

A row whose values were swapped, replaced or measured otherwise falls into cells that are empty as a rule, though each
of its values is an ordinary one. `traits.py` counts the cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from daytwo.monitoring.profiles.bins import Bins, Codes

# A column is cut into so many groups, and one of missing values.
_GROUPS = 5
# So many cells at most, and of one pair; a cell closer to what independence lets expect says little.
_MOST_CELLS, _OF_ONE_PAIR, _WEAKEST = 300, 6, 0.1
# Rarer by independence than this is not told apart from never.
_RARE = 1e-4


def coarse_groups(bins: Bins, codes: Codes) -> Codes:
    """Return the coarse group of each bin, missing values last, by the reference's codes.

    A number is cut into groups of about equal counts; a category's most frequent levels are a group each, the others
    one together.

    Examples
    --------
    >>> coarse_groups(Bins("n", 10), np.arange(10)).tolist()
    [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5]
    """
    counts = np.bincount(codes, minlength=bins.size + 1)[: bins.size]
    if bins.is_category:
        groups = np.full(bins.size, _GROUPS - 1)
        groups[np.argsort(-counts, kind="stable")[: _GROUPS - 1]] = np.arange(min(_GROUPS - 1, bins.size))
    else:
        middle = (np.cumsum(counts) - counts / 2) / max(int(counts.sum()), 1)
        groups = np.minimum(middle * _GROUPS, _GROUPS - 1)
    return np.append(groups, _GROUPS).astype(np.intp)


def telling_cells(grouped: Sequence[Codes]) -> NDArray[np.intp]:
    """Return the cells that are furthest from independence, shape (k, 4): a column and its group, another and its.

    `grouped` holds each column's group of every row. Far is what a cell adds to the mean square contingency.

    Source: K. Pearson (1904), On the theory of contingency and its relation to association and normal correlation.
    """
    size = _GROUPS + 1
    hot = np.concatenate([groups[:, None] == np.arange(size) for groups in grouped], axis=1).astype(np.float32)
    share = hot.mean(axis=0, dtype=np.float64)
    alone = np.outer(share, share)
    far = np.abs((hot.T @ hot) / len(hot) - alone) / np.sqrt(np.maximum(alone, _RARE))
    found: list[tuple[float, int, int, int, int]] = []
    for i, j in combinations(range(len(grouped)), 2):
        table = far[i * size : (i + 1) * size, j * size : (j + 1) * size].ravel()
        furthest = np.argsort(-table, kind="stable")[:_OF_ONE_PAIR]
        cells = furthest[table[furthest] > _WEAKEST].tolist()
        found.extend((-float(table[at]), i, at // size, j, at % size) for at in cells)
    chosen = [cell[1:] for cell in sorted(found)[:_MOST_CELLS]]
    return np.array(chosen, dtype=np.intp).reshape(-1, 4)
