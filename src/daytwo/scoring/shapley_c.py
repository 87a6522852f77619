"""Reasons worked out by `shapley.c`: the same numbers as `explain/shapley.py`, in a fraction of its time.

The library is compiled where daytwo is installed, if there is a C compiler. `shapley_of` chooses: where there is none,
or the trees are none for our own engine, numpy works the reasons out.
"""

from __future__ import annotations

import ctypes
import struct
import weakref
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from daytwo.core.errors import Fault
from daytwo.core.native import load_twice
from daytwo.explain.shapley import ReferenceShapley
from daytwo.explain.trees import Trees
from daytwo.scoring.engine import feature_rows
from daytwo.scoring.forest import Unsuited, trees_bytes

LIBRARY = Path(__file__).with_name("_shapley.so")
# A shorter block is done before another thread could make use of Python's lock.
_LONG_ROWS = 8


class Shapley(Protocol):
    """Explains rows of one model against one reference row. Any number of threads may ask at once."""

    reference_score: float
    """The raw score of the reference: log-odds for two classes, the value of a regression."""

    def contributions(self, row: Sequence[float]) -> NDArray[np.float64]:
        """Return each feature's contribution to the raw score of `row`, shape (d,), in the raw score's unit."""

    def many(self, matrix: ArrayLike) -> NDArray[np.float64]:
        """Return the contributions of every row of a feature matrix, shape (n, d) as the matrix."""


class CompiledShapley:
    """Contributions of the features to `trees`, against `reference`, a row of the feature matrix, shape (d,).

    Raises `Unsuited` for trees that are none for our own engine, and `Fault` where the library is not installed.
    """

    def __init__(self, trees: Trees, reference: Sequence[float]) -> None:
        library = _library()
        self.n_features = len(reference)
        self._pack = struct.Struct(f"={self.n_features}f").pack
        block = trees_bytes(trees, self.n_features)
        handle = library.long.daytwo_shapley_open(block, len(block), self._pack(*reference))
        if not handle:
            raise Unsuited("its trees do not fit together, or a path asks for too many features")
        self._explained = ctypes.c_void_p(handle)
        weakref.finalize(self, library.long.daytwo_shapley_close, self._explained)
        self.reference_score: float = library.long.daytwo_shapley_reference(self._explained)
        self._short, self._long = library.short.daytwo_shapley_rows, library.long.daytwo_shapley_rows

    def contributions(self, row: Sequence[float]) -> NDArray[np.float64]:
        """Return each feature's contribution to the raw score of `row`, shape (d,)."""
        try:
            packed = self._pack(*row)
        except struct.error as err:
            raise ValueError(f"a row of {self.n_features} numbers was expected: {err}") from err
        found = np.empty(self.n_features, dtype=np.float64)
        self._short(self._explained, packed, 1, found.ctypes.data)
        return found

    def many(self, matrix: ArrayLike) -> NDArray[np.float64]:
        """Return the contributions of every row of a feature matrix, shape (n, d)."""
        rows = feature_rows(matrix, self.n_features)
        found = np.empty(rows.shape, dtype=np.float64)
        call = self._long if len(rows) >= _LONG_ROWS else self._short
        call(self._explained, rows.ctypes.data, len(rows), found.ctypes.data)
        return found


def shapley_of(trees: Trees, reference: Sequence[float]) -> Shapley:
    """Return what explains the rows of a model with these trees, compiled where that is possible."""
    try:
        return CompiledShapley(trees, reference)
    except (Unsuited, Fault):  # numpy takes any trees
        return ReferenceShapley(trees, reference)


class _Library:
    """The shared library: `short` keeps Python's lock during a call, `long` lets other threads run."""

    def __init__(self, path: Path) -> None:
        self.long, self.short = load_twice(path)
        self.long.daytwo_shapley_open.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p]
        self.long.daytwo_shapley_open.restype = ctypes.c_void_p
        self.long.daytwo_shapley_close.restype = None
        self.long.daytwo_shapley_reference.restype = ctypes.c_double
        for library in (self.long, self.short):
            call = library.daytwo_shapley_rows
            call.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
            call.restype = None


@cache
def _library() -> _Library:
    return _Library(LIBRARY)
