"""How a column's values are spread, and how far a batch may be from that: the distance that clean blocks never had.

The reference is cut into blocks, by time where there is one. Each later block is held against all before it, as the
next batch will be held against the reference, so slow drift is part of what is borne. The limit stands where hardly a
clean batch comes: beyond the largest distance seen, and four standard deviations beyond their mean. Half of
`propose.py`; `whole.py` judges batches by it.

Source: total variation distance; after L. Tu et al. (2023), Auto-Validate by history, PVLDB 16(7), 1680-1693: limits
from past batches, at a stated rate of false alarms.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import polars as pl

from daytwo.contracts.batch import Distribution

_BINS = 10
_MOST_LEVELS = 20
_BLOCKS = 20
# Blocks before the first that is judged.
_FIRST = 5
# Fewer rows in a block are too few to speak of shares.
_LEAST_BLOCK = 50
_DEVIATIONS, _BEYOND = 4.0, 1.25
# A column that moves further than this promises nothing.
_MOST_DISTANCE = 0.5
# Of 15 blocks none was beyond, and the tail is a guess. On the public sets 5 of 559 clean next spreads were.
_RATE = 1e-2
# A batch may always be this far away: calendars alone do so much, and less is nothing to act on.
_LEAST_DISTANCE = 0.05
# A column with fewer runs of one value stands still or steps: blocks say nothing of its next step.
_FEW_RUNS = 20


def propose_spread(series: pl.Series, *, ordered: bool) -> Distribution | None:
    """Return how the column's values are spread; None where it is constant, moves too much or has too few rows.

    `ordered` says that the rows are in time order; otherwise blocks take every twentieth row.
    """
    size = series.len() // _BLOCKS
    if size < _LEAST_BLOCK:
        return None
    edges, levels = _edges(series), _levels(series)
    if not edges and not levels:
        return None
    bins, codes = len(levels or edges) + 2, _codes(series, edges, levels)
    if ordered and np.count_nonzero(np.diff(codes)) < _FEW_RUNS:
        return None
    used = codes[: size * _BLOCKS]
    blocks = used.reshape(_BLOCKS, size) if ordered else used.reshape(size, _BLOCKS).T
    counts = np.stack([np.bincount(block, minlength=bins) for block in blocks]).astype(np.float64)
    distances = _forward(counts)
    limit = _limit(distances)
    if limit > _MOST_DISTANCE:
        return None
    shares = np.bincount(codes, minlength=bins) / codes.size
    words = f"{distances.size} blocks of {size} rows were at most {distances.max():.3f} from the rows before them"
    return Distribution(
        series.name,
        limit,
        shares=tuple(round(float(share), 6) for share in shares),
        edges=edges,
        levels=levels,
        evidence=f"{words}; for batches of {size} rows or more",
        false_alarm_rate=_RATE,
    )


def _edges(series: pl.Series) -> tuple[float, ...]:
    if not series.dtype.is_numeric():
        return ()
    numbers = series.cast(pl.Float64)
    values = numbers.filter(numbers.is_finite()).to_numpy()
    if not values.size or values.min() == values.max():
        return ()
    edges = np.unique(np.quantile(values, np.linspace(0, 1, _BINS + 1)[1:-1], method="higher"))
    # Of a few whole numbers each is a bin of its own.
    few = np.unique(values) if edges.size < _BINS - 1 else edges
    return tuple(float(edge) for edge in (few[1:] if few.size <= _BINS else edges[edges > values.min()]))


def _levels(series: pl.Series) -> tuple[str, ...]:
    if series.dtype != pl.String:
        return ()
    counts = series.drop_nulls().alias("level").value_counts().sort(["count", "level"], descending=[True, False])
    return tuple(counts["level"].head(_MOST_LEVELS).to_list()) if counts.height > 1 else ()


def _codes(series: pl.Series, edges: tuple[float, ...], levels: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """Return each row's place among the shares: bins or levels, other levels, missing."""
    if levels:
        places = pl.Series(range(len(levels)), dtype=pl.Int64)
        found = series.replace_strict(pl.Series(levels), places, default=len(levels), return_dtype=pl.Int64)
        return found.set(series.is_null(), len(levels) + 1).to_numpy()
    numbers = series.cast(pl.Float64).fill_null(math.nan).to_numpy()
    return np.where(np.isnan(numbers), len(edges) + 1, np.searchsorted(edges, numbers, side="right")).astype(np.int64)


def _forward(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the total variation distance of each later block to all blocks before it."""
    before = np.cumsum(counts, axis=0)[_FIRST - 1 : -1]
    after = counts[_FIRST:]
    gap = after / after.sum(axis=1, keepdims=True) - before / before.sum(axis=1, keepdims=True)
    distances: npt.NDArray[np.float64] = np.abs(gap).sum(axis=1) / 2
    return distances


def _limit(distances: npt.NDArray[np.float64]) -> float:
    """Return the distance beyond which hardly a clean batch lies."""
    beyond = float(distances.mean() + _DEVIATIONS * distances.std(ddof=1))
    return math.ceil(1000 * max(beyond, _BEYOND * float(distances.max()), _LEAST_DISTANCE)) / 1000
