"""What a window of rows looks like, in counts that add up: profiles of parts merge into the profile of the whole.

The layout (bins and their codes) is the reference's, made in `reference.py`; `channels.py` compares two profiles.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from daytwo.core.errors import DataError
from daytwo.monitoring.profiles.bins import Bins, Floats

# Rows worked on at a time: bounds the memory whatever the window's size.
_CHUNK_ROWS = 1 << 16


class Layout(msgspec.Struct, frozen=True):
    """Over which bins rows are counted, and the number each bin stands for where columns are correlated.

    `codes[i][b]` is the code of column i's bin b: mean 0 and variance 1 over the reference, 0 for a missing value
    and for a level never seen.
    """

    columns: tuple[Bins, ...]
    score: Bins
    codes: tuple[tuple[float, ...], ...]

    @property
    def width(self) -> int:
        """Bins of the widest column, the missing one included."""
        return max((bins.size for bins in (*self.columns, self.score)), default=0) + 1


@dataclass(frozen=True, slots=True)
class Profile:
    """Additive counts of some rows over one layout.

    `counts[i]` are column i's rows per bin, the missing ones after the last bin; the last row of `counts` is the
    score's. `sums` and `squares` are of the present raw values; `code_sums` and `products` of the codes.
    """

    rows: int
    counts: Floats
    sums: Floats
    squares: Floats
    code_sums: Floats
    products: Floats

    def __add__(self, other: Profile) -> Profile:
        return Profile(self.rows + other.rows, *(a + b for a, b in zip(_arrays(self), _arrays(other), strict=True)))

    def __sub__(self, other: Profile) -> Profile:
        return Profile(self.rows - other.rows, *(a - b for a, b in zip(_arrays(self), _arrays(other), strict=True)))

    def to_json(self) -> bytes:
        """Return the profile as JSON."""
        return msgspec.json.encode([self.rows, *(array.tolist() for array in _arrays(self))])

    @classmethod
    def from_json(cls, text: bytes) -> Profile:
        """Read what `to_json` wrote."""
        rows, *arrays = msgspec.json.decode(text)
        return cls(int(rows), *(np.asarray(array, dtype=np.float64) for array in arrays))


def empty_profile(layout: Layout) -> Profile:
    """Return the profile of no rows: the neutral element of merging."""
    d = len(layout.columns)
    return Profile(0, np.zeros((d + 1, layout.width)), np.zeros(d), np.zeros(d), np.zeros(d), np.zeros((d, d)))


def merge(layout: Layout, profiles: Iterable[Profile]) -> Profile:
    """Return the profile of all rows together."""
    return sum(profiles, empty_profile(layout))


def profile(matrix: NDArray[np.floating], scores: NDArray[np.floating], layout: Layout) -> Profile:
    """Count a feature matrix and its scores over `layout`.

    Parameters
    ----------
    matrix : shape (n, d)
        A feature matrix (`core/schema.py`): NaN is missing, categories are level codes.
    scores : shape (n,)
        What the model answered; NaN where it did not.

    Raises
    ------
    DataError
        If the matrix has another number of columns than the layout, or another number of rows than scores.
    """
    if matrix.ndim != 2 or matrix.shape[1] != len(layout.columns) or len(scores) != len(matrix):
        raise DataError(
            f"a matrix of shape {matrix.shape} with {len(scores)} scores does not fit a reference of"
            f" {len(layout.columns)} columns",
            hint="Encode the rows with the contract of the bundle that the reference came from",
        )
    whole = empty_profile(layout)
    for start in range(0, len(matrix), _CHUNK_ROWS):
        part = slice(start, start + _CHUNK_ROWS)
        whole += _profile_chunk(matrix[part], np.asarray(scores[part], dtype=np.float64), layout)
    return whole


def _profile_chunk(matrix: NDArray[np.floating], scores: Floats, layout: Layout) -> Profile:
    n, d = matrix.shape
    counts = np.zeros((d + 1, layout.width))
    coded = np.empty((d, n))
    sums, squares = np.zeros(d), np.zeros(d)
    for i, bins in enumerate(layout.columns):
        values = np.ascontiguousarray(matrix[:, i])  # each is passed over once for every edge
        codes = bins.codes(values)
        counts[i] = np.bincount(codes, minlength=layout.width)
        np.take(np.asarray((*layout.codes[i], 0.0)), codes, out=coded[i], mode="clip")
        present = (np.nan_to_num(values) if counts[i, bins.size] else values).astype(np.float64)
        sums[i], squares[i] = present.sum(), present @ present
    counts[d] = np.bincount(layout.score.codes(scores), minlength=layout.width)
    return Profile(n, counts, sums, squares, coded.sum(axis=1), coded @ coded.T)


def _arrays(part: Profile) -> tuple[Floats, ...]:
    return part.counts, part.sums, part.squares, part.code_sums, part.products
