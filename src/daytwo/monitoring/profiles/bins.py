"""How a column's values fall into at most some thirty bins, fixed once by the reference.

Bins are what makes profiles small, exact and additive: every later window is counted over the same ones.
`profile.py` counts, `reference.py` keeps the bins.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from daytwo.core.schema import Feature

# Twenty bins see a quarter of a standard deviation in a day's rows; more bins only add noise.
NUMBER_BINS = 20
# Levels beyond the most frequent share one bin, so that a column of 1,000 levels is no noisier than one of 30.
LEVEL_BINS = 30

Codes = NDArray[np.intp]
Floats = NDArray[np.float64]


class Bins(msgspec.Struct, frozen=True):
    """The bins of one column.

    A number falls into bin i when edges[i-1] < x <= edges[i]; the outermost bins are open. A category falls into
    `level_bins[code]`; a level that the schema does not know falls into the last bin. `size` counts the bins.
    """

    name: str
    size: int
    edges: tuple[float, ...] = ()
    level_bins: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def is_category(self) -> bool:
        """Whether values are level codes."""
        return bool(self.level_bins)

    def codes(self, values: NDArray[np.floating]) -> Codes:
        """Return each value's bin, shape (n,); `size` stands for a missing value."""
        missing = np.isnan(values)
        if self.level_bins:
            table = np.asarray((*self.level_bins, self.size - 1), dtype=np.intp)
            codes = table.take((np.where(missing, 0, values) if missing.any() else values).astype(np.intp), mode="clip")
        else:
            # Counting the edges below is a few passes that the processor does many values at a time; a search is not.
            below = np.zeros(values.shape, dtype=np.uint8)
            beyond = np.empty(values.shape, dtype=np.bool_)
            for edge in np.asarray(self.edges, dtype=values.dtype):
                np.greater(values, edge, out=beyond)
                np.add(below, beyond.view(np.uint8), out=below)
            codes = below.astype(np.intp)
        codes[missing] = self.size
        return codes

    def label(self, index: int) -> str:
        """Return the bin in words, such as `(3, 7.5]` or a level's name."""
        if self.labels:
            return self.labels[index]
        if not self.edges:
            return "any"
        if index == 0:
            return f"<= {self.edges[0]:g}"
        if index == len(self.edges):
            return f"> {self.edges[-1]:g}"
        return f"({self.edges[index - 1]:g}, {self.edges[index]:g}]"


def number_bins(name: str, values: NDArray[np.floating]) -> Bins:
    """Cut at the quantiles of `values` (NaN left out); a few distinct values get a bin each."""
    present = values[~np.isnan(values)]
    if not present.size:
        return Bins(name, 1)
    distinct = np.unique(present)
    if distinct.size <= NUMBER_BINS:
        edges = distinct[:-1]
    else:
        shares = np.arange(1, NUMBER_BINS) / NUMBER_BINS
        edges = np.unique(np.quantile(present, shares, method="inverted_cdf"))
        edges = edges[edges < distinct[-1]]
    return Bins(name, edges.size + 1, edges=tuple(float(edge) for edge in edges))


def level_bins(feature: Feature, values: NDArray[np.floating]) -> Bins:
    """Give each frequent level its bin, the rest of the known ones one bin, and unknown levels the last."""
    known = len(feature.levels)
    codes = values[~np.isnan(values)].astype(np.intp)
    counts = np.bincount(np.clip(codes, 0, known), minlength=known + 1)[:known]
    if known <= LEVEL_BINS:
        return Bins(
            feature.name, known + 1, level_bins=tuple(range(known)), labels=(*feature.levels, "a level never seen")
        )
    frequent = np.sort(np.argsort(-counts, kind="stable")[: LEVEL_BINS - 1])
    table = np.full(known, LEVEL_BINS - 1, dtype=np.intp)
    table[frequent] = np.arange(LEVEL_BINS - 1)
    names = (*(feature.levels[i] for i in frequent), "any rarer level", "a level never seen")
    return Bins(feature.name, LEVEL_BINS + 1, level_bins=tuple(int(i) for i in table), labels=names)


def feature_bins(feature: Feature, values: NDArray[np.floating]) -> Bins:
    """Return the bins of one feature from its reference values."""
    return level_bins(feature, values) if feature.is_category else number_bins(feature.name, values)
