"""A table's columns as small whole numbers, equal where the values are: what keys and dependencies are searched in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

Codes = npt.NDArray[np.int64]
MISSING = -1
_BLOCKS = 16


@dataclass(frozen=True, slots=True)
class Coded:
    """One column: `codes` has shape (n,), values 0 .. `distinct` - 1, or MISSING.

    `series` are the values of the whole column, `rows` the row in it of each code.
    """

    series: pl.Series
    codes: Codes
    distinct: int
    rows: Codes

    @property
    def name(self) -> str:
        """The column's name."""
        return self.series.name

    def part(self, rows: npt.NDArray[np.int64]) -> Coded:
        """Return these rows, coded anew."""
        return _renumbered(self.series, self.codes[rows], self.rows[rows])


def coded(frame: pl.DataFrame, names: Iterable[str]) -> dict[str, Coded]:
    """Return each named column in codes."""
    rows = np.arange(frame.height)
    found = {}
    for name in names:
        series = frame.get_column(name)
        values = series.cast(pl.String) if series.dtype.base_type() in {pl.Categorical, pl.Enum} else series
        numbers = values.cast(pl.Categorical).to_physical() if values.dtype == pl.String else values.rank("dense")
        filled = numbers.cast(pl.Int64).fill_null(MISSING).to_numpy()
        found[name] = _renumbered(series, filled, rows)
    return found


def joined(left: Coded, right: Coded) -> Coded:
    """Return two columns as one: equal where both are, missing where either is."""
    codes = left.codes * right.distinct + right.codes
    codes[(left.codes == MISSING) | (right.codes == MISSING)] = MISSING
    return _renumbered(left.series, codes, left.rows)


def sampled_rows(height: int, most: int) -> npt.NDArray[np.int64]:
    """Return at most `most` row numbers, in runs of neighbours, so that what belongs together stays together."""
    if height <= most:
        return np.arange(height)
    starts = np.linspace(0, height - most // _BLOCKS, _BLOCKS).astype(np.int64)
    return (starts[:, None] + np.arange(most // _BLOCKS)).ravel()


def _renumbered(series: pl.Series, codes: Codes, rows: Codes) -> Coded:
    known = codes != MISSING
    seen, numbers = np.unique(codes[known], return_inverse=True)
    fresh = np.full(codes.size, MISSING)
    fresh[known] = numbers
    return Coded(series, fresh, int(seen.size), rows)
