"""Which way known faults would move a window's traits, tried out on rows of the reference.

A shift, another unit, missing values, one level more or less often, a column that no longer belongs to its row: each is
done to a copy of some rows, column by column. `filtering.py` asks of every window how far it went that way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from daytwo.monitoring.alarming.traits import Matrix, Traits
from daytwo.monitoring.profiles.bins import Bins, Floats

# Faults are done to so many rows; with many columns to fewer, so that all rows together have about so many values.
_MOST_ROWS, _LEAST_ROWS, _VALUES = 2_000, 300, 60_000
_SHIFT = 0.25
_UNIT = 2.54
# A level can become much more frequent, or much rarer, only if it is neither rare nor all.
_MOST_LEVELS, _RARE = 3, 0.05
_FEW_VALUES = 30


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: the `channel` that hears it, and the row of traits it adds to a window's.

    `opposite` is the channel that hears the same the other way round, "" where that is no fault.
    """

    channel: str
    direction: Floats
    opposite: str


def learn_faults(windows: Sequence[Matrix], traits: Traits) -> list[Fault]:
    """Try every fault on some of the reference's rows."""
    most = min(max(_VALUES // max(len(traits.layout.columns), 1), _LEAST_ROWS), _MOST_ROWS)
    step = max(sum(len(rows) for rows in windows) // most, 1)
    pieces = [rows[i % step :: step] for i, rows in enumerate(windows)]
    rows = np.concatenate(pieces)
    starts = np.cumsum([0, *(len(piece) for piece in pieces)])
    usual = traits.of(rows).mean(axis=0, dtype=np.float64)
    found = []
    for i, bins in enumerate(traits.layout.columns):
        for kind, opposite, changed in _changes(bins, rows[:, i], starts, tied=traits.tied(i)):
            faulty = rows.copy()
            faulty[:, i] = changed
            direction = traits.of(faulty).mean(axis=0, dtype=np.float64) - usual
            if np.abs(direction).max(initial=0.0) > 1e-6:
                other = f"{opposite}:{bins.name}" if opposite else ""
                found.append(Fault(f"{kind}:{bins.name}", direction, other))
    return found


def _changes(
    bins: Bins, values: NDArray[np.floating], starts: NDArray[np.intp], *, tied: bool
) -> Iterator[tuple[str, str, NDArray[np.floating]]]:
    """Yield kinds of channel, of the fault and of its opposite, and changed values."""
    present = values[~np.isnan(values)]
    distinct, counts = np.unique(present, return_counts=True)
    if len(distinct) > 2 and not bins.is_category:
        yield "rise", "fall", values + values.dtype.type(_SHIFT * present.std(dtype=np.float64))
        yield "unit", "", values * values.dtype.type(_UNIT)
        yield "unit", "", values / values.dtype.type(_UNIT)
    yield "hole", "", np.full_like(values, np.nan)
    if len(distinct) > 1 and (bins.is_category or len(distinct) <= _FEW_VALUES):
        for k in np.argsort(-counts, kind="stable")[:_MOST_LEVELS]:
            if _RARE < counts[k] / len(values) < 1 - _RARE:
                yield "more", "less", np.full_like(values, distinct[k])
    if tied:
        draw, mixed = np.random.default_rng(0), values.copy()
        for begin, end in pairwise(starts):
            mixed[begin:end] = draw.permutation(mixed[begin:end])
        yield "untied", "", mixed
