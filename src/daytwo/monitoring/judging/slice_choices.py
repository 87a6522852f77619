"""What can be chosen of one column to make a slice: each bin, every range of a number, and missing values.

`slices.py` searches among these.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from daytwo.monitoring.profiles.bins import Bins

Masks = NDArray[np.float64]


def choices_of(bins: Bins) -> tuple[Masks, tuple[str, ...]]:
    """Return the slices of one column: which of its bins each holds, shape (choices, bins + 1), and its words."""
    masks, names = [], []
    for i in range(bins.size):
        masks.append(np.arange(bins.size + 1) == i)
        names.append(f"{bins.name} = {bins.label(i)}" if bins.is_category or not bins.edges else _range(bins, i, i))
    if not bins.is_category:
        for cut in range(2, bins.size - 1):
            masks += [
                np.arange(bins.size + 1) < cut,
                (np.arange(bins.size + 1) >= cut) & (np.arange(bins.size + 1) < bins.size),
            ]
            names += [_range(bins, 0, cut - 1), _range(bins, cut, bins.size - 1)]
    masks.append(np.arange(bins.size + 1) == bins.size)
    names.append(f"{bins.name} is missing")
    return np.array(masks, dtype=np.float64), tuple(names)


def _range(bins: Bins, first: int, last: int) -> str:
    low = f"{bins.edges[first - 1]:g} < " if first else ""
    high = f" <= {bins.edges[last]:g}" if last < len(bins.edges) else ""
    if low and not high:
        return f"{bins.name} > {bins.edges[first - 1]:g}"
    return f"{low}{bins.name}{high}"
