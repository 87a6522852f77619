"""Over which bins windows are counted: fixed once, by the reference's rows (`reference.py`, `normal.py`)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from daytwo.core.schema import Schema
from daytwo.monitoring.profiles.bins import Bins, Floats, feature_bins, number_bins
from daytwo.monitoring.profiles.profile import Layout


def build_layout(matrix: NDArray[np.floating], scores: Floats, schema: Schema) -> Layout:
    """Fix the bins of every column and of the score, and the number each bin stands for in correlations.

    A number's bin stands for its middle rank, a level for the rank of its mean score, so that dependence is seen
    between columns of any kind and no single extreme value rules it.
    """
    columns = tuple(feature_bins(feature, matrix[:, i]) for i, feature in enumerate(schema.features))
    codes = tuple(_bin_codes(bins, matrix[:, i], scores) for i, bins in enumerate(columns))
    return Layout(columns, number_bins("score", scores), codes)


def _bin_codes(bins: Bins, values: NDArray[np.floating], scores: Floats) -> tuple[float, ...]:
    index = bins.codes(values)
    counts = np.bincount(index, minlength=bins.size + 1)[: bins.size].astype(np.float64)
    if not counts.sum():
        return (0.0,) * bins.size
    order = np.arange(bins.size)
    if bins.is_category:
        sums = np.bincount(index, weights=np.nan_to_num(scores), minlength=bins.size + 1)[: bins.size]
        order = np.argsort(sums / np.maximum(counts, 1), kind="stable")
    share = counts / counts.sum()
    middle = np.empty(bins.size)
    middle[order] = np.cumsum(share[order]) - share[order] / 2
    mean = float(share @ middle)
    spread = float(np.sqrt(share @ (middle - mean) ** 2))
    codes = (middle - mean) / spread if spread > 1e-9 else np.zeros(bins.size)
    if bins.is_category:
        codes[-1] = 0.0
    return tuple(float(f"{code:.6g}") for code in codes)
