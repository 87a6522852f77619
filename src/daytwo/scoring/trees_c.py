"""Our own tree engine: LightGBM models scored by `trees.c`, bit for bit as LightGBM does, several times as fast.

The library is compiled where daytwo is installed, if there is a C compiler; without it LightGBM's own scores
(`engines.py` chooses). `forest.py` writes a model down for it.
"""

from __future__ import annotations

import ctypes
import struct
import weakref
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from daytwo.core.errors import DataError, Fault
from daytwo.core.native import load_twice
from daytwo.explain.trees import parse_trees
from daytwo.scoring.engine import feature_rows
from daytwo.scoring.forest import Unsuited, forest_bytes

LIBRARY = Path(__file__).with_name("_trees.so")
# A shorter block is done before another thread could make use of Python's lock.
_LONG_ROWS = 256


class TreeScorer:
    """Scores of one LightGBM model, from its text, as `LightgbmScorer` gives them. Any number of threads may score.

    Raises `Unsuited` for a model that only LightGBM's own library can score, and `Fault` where ours is not installed.
    """

    name = "trees"
    tolerance = 0.0

    def __init__(self, model_text: bytes, n_features: int) -> None:
        library = _library()
        self.trees = parse_trees(model_text)
        self.n_features = n_features
        block = forest_bytes(model_text, self.trees)
        if (expected := struct.unpack_from("=q", block, 8)[0]) != n_features:
            raise DataError(
                f"the model was trained on {expected} features, the contract has {n_features}",
                hint="Train it again on the contract in use",
            )
        self._forest = open_forest(block)
        weakref.finalize(self, library.blocks.daytwo_forest_close, self._forest)
        self._pack, self._row_bytes = struct.Struct(f"={n_features}f").pack, 4 * n_features
        self._one, self._short, self._long = library.one, library.short, library.long

    def one(self, features: Sequence[float]) -> float:
        """Return the score of one row of `n_features` numbers; Python's lock is kept for these few us."""
        try:
            row = self._pack(*features)
        except struct.error as err:
            raise ValueError(f"a row of {self.n_features} numbers was expected: {err}") from err
        score: float = self._one(self._forest, row)
        return score

    def packed(self, row: bytes) -> float:
        """Return the score of one row as `one` does; `row` holds its numbers as float32 in the machine's own order."""
        if len(row) != self._row_bytes:
            raise ValueError(f"a row of {self.n_features} numbers was expected, not of {len(row)} bytes")
        score: float = self._one(self._forest, row)
        return score

    def many(self, matrix: ArrayLike) -> NDArray[np.float64]:
        """Return the scores, shape (n,), of a feature matrix, shape (n, n_features)."""
        return self._scores(matrix, raw=False)

    def raw(self, matrix: ArrayLike) -> NDArray[np.float64]:
        """Return the sums of the trees, shape (n,): log-odds for two classes, the value itself for a regression."""
        return self._scores(matrix, raw=True)

    def close(self) -> None:
        """Do nothing: memory is given back with the last reference, and no call is cut short."""

    def _scores(self, matrix: ArrayLike, *, raw: bool) -> NDArray[np.float64]:
        rows = feature_rows(matrix, self.n_features)
        scores = np.empty(len(rows), dtype=np.float64)
        call = self._long if len(rows) >= _LONG_ROWS else self._short
        call(self._forest, rows.ctypes.data, len(rows), scores.ctypes.data, raw)
        return scores


def missing_engine() -> str:
    """Return why our own tree engine cannot be used here; empty where it can."""
    if not LIBRARY.is_file():
        return "it was not compiled, since no C compiler was found when daytwo was installed"
    try:
        _library()
    except Fault as err:
        return err.message
    return ""


def open_forest(block: bytes) -> ctypes.c_void_p:
    """Return the handle of the forest that `forest_bytes` wrote.

    Raises
    ------
    Unsuited
        If the block does not fit together.
    """
    handle = _library().blocks.daytwo_forest_open(block, len(block))
    if not handle:
        raise Unsuited("its trees do not fit together")
    return ctypes.c_void_p(handle)


class _Library:
    """The shared library: `one` and `short` keep Python's lock during a call, `long` lets other threads run."""

    def __init__(self, path: Path) -> None:
        self.blocks, rows = load_twice(path)
        self.blocks.daytwo_forest_open.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
        self.blocks.daytwo_forest_open.restype = ctypes.c_void_p
        self.blocks.daytwo_forest_close.restype = None
        self.one = rows.daytwo_forest_one
        self.one.restype = ctypes.c_double
        self.short, self.long = rows.daytwo_forest_many, self.blocks.daytwo_forest_many
        for call in (self.short, self.long):
            call.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_int]
            call.restype = None


@cache
def _library() -> _Library:
    return _Library(LIBRARY)
