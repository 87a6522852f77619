"""Values that the reference never had: beyond its least and greatest, or between them but never seen.

A change of unit on a few rows hardly moves twenty bins, but it makes values that never were. Where a column takes few
different values (whole numbers, levels, prices), each new one is counted; where nearly every value is new anyway,
only those out of range are. How many strangers are usual is learnt from the reference's blocks, each held
against the others. `alarm.py` ranks the counts.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from daytwo.monitoring.profiles.bins import Floats
from daytwo.monitoring.profiles.profile import Layout

# A column with more different values is not kept value by value.
_MOST_VALUES = 4_096
# Where half of a block's values are new anyway, new values say nothing.
_TOO_NEW = 0.5
# Of longer blocks every second, third, ... row is looked at: more would not find a stranger sooner.
_MOST_ROWS = 20_000


class KnownColumn(msgspec.Struct, frozen=True):
    """What one column's reference held: its range, its values (empty where too many), the usual share of new ones."""

    name: str
    low: float
    high: float
    values: tuple[float, ...] = ()
    usual: float = 0.0


class Known(msgspec.Struct, frozen=True):
    """What the reference held, by column."""

    columns: tuple[KnownColumn, ...] = ()

    def strangers(self, matrix: NDArray[np.floating]) -> dict[str, float]:
        """Return `outside:NAME` and `new:NAME` for a block: how many strangers beyond the usual, in their noise.

        The noise is that of a count; a column of levels has no range.
        """
        rows = _thinned(matrix)
        found: dict[str, float] = {}
        for i, column in enumerate(self.columns):
            values = rows[:, i]
            present = values[~np.isnan(values)]
            if column.low <= column.high:
                beyond = int(np.count_nonzero((present < column.low) | (present > column.high)))
                found[f"outside:{column.name}"] = _noise(beyond, 0.0)
            if column.values:
                table = np.asarray(column.values, dtype=values.dtype)
                place = np.minimum(np.searchsorted(table, present), len(table) - 1)
                strange = int(np.count_nonzero(table[place] != present))
                found[f"new:{column.name}"] = _noise(strange, column.usual * len(rows))
        return found


def learn_known(blocks: Sequence[NDArray[np.floating]], layout: Layout) -> tuple[Known, list[dict[str, float]]]:
    """Learn what the reference held, and return with it each block's strangers among the other blocks."""
    thin = [_thinned(block) for block in blocks]
    owner = np.repeat(np.arange(len(thin)), [len(block) for block in thin])
    whole = np.concatenate(thin)
    sizes = np.array([len(block) for block in thin], dtype=np.float64)
    columns, found = [], [dict[str, float]() for _ in thin]
    for i, bins in enumerate(layout.columns):
        here = ~np.isnan(whole[:, i])
        values, blocks_of = whole[here, i], owner[here]
        low, high = 1.0, 0.0
        if len(values) and not bins.is_category:
            low, high = float(values.min()), float(values.max())
            for k, count in enumerate(_beyond(values, blocks_of, len(thin))):
                found[k][f"outside:{bins.name}"] = _noise(count, 0.0)
        distinct, alone = _alone(values, blocks_of, len(thin))
        usual = float(np.median(alone / np.maximum(sizes, 1.0)))
        kept = 0 < len(distinct) <= _MOST_VALUES and usual < _TOO_NEW and len(thin) > 1
        if kept:
            for k, count in enumerate(alone):
                found[k][f"new:{bins.name}"] = _noise(count, usual * sizes[k])
        columns.append(KnownColumn(bins.name, low, high, tuple(distinct.tolist()) if kept else (), usual))
    return Known(tuple(columns)), found


def _thinned(matrix: NDArray[np.floating]) -> NDArray[np.floating]:
    return matrix[:: -(-len(matrix) // _MOST_ROWS)] if len(matrix) > _MOST_ROWS else matrix


def _noise(count: float, usual: float) -> float:
    """Twice the difference of roots: a count's noise is then about 1 whatever its size (Anscombe 1948)."""
    return float(f"{2.0 * (np.sqrt(count + 0.25) - np.sqrt(usual + 0.25)):.6g}")


def _beyond(values: NDArray[np.floating], owner: NDArray[np.intp], blocks: int) -> Floats:
    """Count each block's values out of the range of all other blocks."""
    low, high = np.full(blocks, np.inf), np.full(blocks, -np.inf)
    np.minimum.at(low, owner, values)
    np.maximum.at(high, owner, values)
    order_low, order_high = np.argsort(low, kind="stable"), np.argsort(-high, kind="stable")
    others_low, others_high = np.full(blocks, low[order_low[0]]), np.full(blocks, high[order_high[0]])
    others_low[order_low[0]] = low[order_low[min(1, blocks - 1)]]
    others_high[order_high[0]] = high[order_high[min(1, blocks - 1)]]
    out = (values < others_low[owner]) | (values > others_high[owner])
    return np.bincount(owner[out], minlength=blocks).astype(np.float64)


def _alone(values: NDArray[np.floating], owner: NDArray[np.intp], blocks: int) -> tuple[NDArray[np.floating], Floats]:
    """Return the different values, and count each block's values that no other block has."""
    distinct, place = np.unique(values, return_inverse=True)
    pairs = np.unique(place * blocks + owner)
    holders = np.bincount(pairs // blocks, minlength=len(distinct))
    return distinct, np.bincount(owner[holders[place] == 1], minlength=blocks).astype(np.float64)
