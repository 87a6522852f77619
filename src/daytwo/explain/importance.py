"""What a model leans on over many rows, how surely that is known, and whether it holds from one time to the next.

Pure: contributions in, figures out. A column's weight is the mean size of its contributions (`shapley.py`), of a
group the mean size of the sum of its columns'. Rows of one time resemble each other, so stretches of time are drawn,
not rows. `scoring/reasoning.py` works the contributions out, `training/card.py` and `daytwo explain --global` tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec
import numpy as np
from numpy.typing import NDArray

# Stretches of rows that are next to each other in time; with fewer rows than this in each, there are fewer of them.
_BLOCKS, _FEWEST_ROWS = 20, 25
# Intervals from fewer stretches would be guesses.
_FEWEST_BLOCKS = 5
_DRAWS = 1_000
_SEED = 20130401


class Weight(msgspec.Struct, frozen=True):
    """What is told as one: a column, or a group of `columns` called `name`.

    `mean` is the mean size of its contributions, in log-odds or the target's unit; `low` .. `high` its 95 % interval,
    None where there are too few stretches of time. `share` is its part of all means, in [0, 1], and `in_top` the share
    of stretches in which it is among the first.
    """

    name: str
    columns: tuple[str, ...]
    mean: float
    low: float | None
    high: float | None
    share: float
    in_top: float | None


class Leaning(msgspec.Struct, frozen=True):
    """All weights, the heaviest first, over `rows` held-out rows in `blocks` stretches of time.

    `top` is how many count as the first. `agreement` is the mean rank correlation of the weights of one stretch with
    those of the next, in [-1, 1], `least` the lowest of these; None where there are too few stretches.
    """

    weights: tuple[Weight, ...]
    rows: int
    blocks: int
    top: int
    agreement: float | None
    least: float | None


def leaning(
    contributions: NDArray[np.float64], names: Sequence[str], groups: Mapping[str, str] = {}, *, top: int = 5
) -> Leaning:
    """Weigh the columns of a model.

    Parameters
    ----------
    contributions : shape (n, d), n >= 1
        Those of rows that the model did not learn from, oldest first.
    names : sequence of d names
        The columns.
    groups : mapping
        The group that a column is told in; columns that are not named are told by themselves.
    top : int
        How many count as the first.

    Examples
    --------
    >>> found = leaning(np.array([[0.5, -1.0], [-0.1, 1.0]]), ("a", "b"))
    >>> [(one.name, one.mean) for one in found.weights]
    [('b', 1.0), ('a', 0.3)]

    Source: the percentile bootstrap over blocks is that of H. Kuensch (1989), Ann. Statist. 17(3), 1217-1241, with
    blocks that do not overlap; the correlation is Spearman's, ties at their mean rank.
    """
    parts: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        parts.setdefault(groups.get(name, name), []).append(place)
    sizes = np.abs(np.stack([contributions[:, places].sum(axis=1) for places in parts.values()], axis=1))
    count = min(_BLOCKS, len(sizes) // _FEWEST_ROWS)
    means, known = sizes.mean(axis=0), count >= _FEWEST_BLOCKS
    blocks = np.array_split(sizes, count) if known else [sizes]
    by_block = np.array([block.mean(axis=0) for block in blocks])
    low, high = _interval(by_block, np.array([len(block) for block in blocks])) if known else (means, means)
    ranks = np.array([_ranks(one) for one in by_block])
    first = (ranks > len(parts) - top) & (by_block > 0)
    steady = [_correlation(one, other) for one, other in pairwise(ranks)]
    total = float(means.sum()) or 1.0
    told = tuple(
        Weight(
            name,
            tuple(names[place] for place in places),
            float(means[i]),
            float(low[i]) if known else None,
            float(high[i]) if known else None,
            float(means[i]) / total,
            float(first[:, i].mean()) if known else None,
        )
        for i, (name, places) in enumerate(parts.items())
    )
    order = sorted(told, key=lambda one: -one.mean)
    agreement = float(np.mean(steady)) if steady else None
    return Leaning(tuple(order), len(sizes), len(blocks), top, agreement, min(steady, default=None))


def steadiness(found: Leaning) -> str:
    """Return in words whether the order of the columns holds from one stretch of time to the next."""
    if found.agreement is None or found.least is None:
        return f"{found.rows:,} rows are too few to tell whether this order holds."
    return (
        f"From one of {found.blocks} stretches of rows to the next the order agrees by {found.agreement:.2f} "
        f"(rank correlation; 1 is the same order), at least by {found.least:.2f}."
    )


def _interval(by_block: NDArray[np.float64], rows: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    random = np.random.default_rng(_SEED)
    drawn = random.integers(0, len(rows), (_DRAWS, len(rows)))
    weights = np.stack([np.bincount(one, minlength=len(rows)) for one in drawn]) * rows
    means = weights @ by_block / weights.sum(axis=1, keepdims=True)
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    return low, high


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ranks from 1 for the least, ties at their mean."""
    ordered = np.sort(values)
    ranks: NDArray[np.float64] = (np.searchsorted(ordered, values) + np.searchsorted(ordered, values, "right") + 1) / 2
    return ranks


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    a, b = one - one.mean(), other - other.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    # Where all columns of a stretch weigh the same there is no order that could hold or not.
    return float((a * b).sum()) / size if size > 0 else 0.0
