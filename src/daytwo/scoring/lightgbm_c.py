"""LightGBM models scored through the library's C interface, without its Python package.

`import lightgbm` costs a second and loads scipy; its shared library alone loads in milliseconds and scores one row
in about 20 us. Scores are bit for bit those of `lightgbm.Booster.predict` on the same float32 matrix.
"""

from __future__ import annotations

import ctypes
import importlib.util
import struct
import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from daytwo.core.errors import DataError, Fault
from daytwo.core.native import load_twice
from daytwo.explain.trees import parse_trees
from daytwo.scoring.engine import feature_rows

# Numbers of LightGBM's C interface (include/LightGBM/c_api.h, 4.7).
_FLOAT32 = 0
_NORMAL, _RAW, _LEAF_INDEX, _CONTRIBUTIONS = 0, 1, 2, 3
_LIBRARY_NAMES = {"darwin": "lib_lightgbm.dylib", "win32": "lib_lightgbm.dll"}
_ALONE = b"num_threads=1 verbosity=-1"
# The library's matrices count rows in 32 bits; blocks this small also keep contributions of a big matrix in memory.
_BLOCK_ROWS = 1 << 16

_Score: TypeAlias = Callable[[Sequence[float]], float]


class LightgbmScorer:
    """Scores of one LightGBM model: the probability of the positive class, or the predicted value.

    Features are as in `core/schema.py`: float32, codes for categories, NaN for missing. Any number of threads may
    score at once; `threads` is how many the library itself uses for a block of rows.
    """

    name = "lightgbm"
    tolerance = 0.0

    def __init__(self, model_text: bytes, n_features: int, *, threads: int = 1) -> None:
        self._blocks = _library().blocks
        self._rows = _library().rows
        self._parameter = f"num_threads={threads} verbosity=-1".encode()
        self.trees = parse_trees(model_text)  # damaged text ends the process inside the library, so it is read first
        self._handle = self._load(model_text)
        self.n_features = n_features
        self.n_trees = self._count("LGBM_BoosterNumberOfTotalModel")
        if self._count("LGBM_BoosterNumModelPerIteration") != 1:
            raise DataError("the model gives several scores a row", hint="Train it for two classes or for a value")
        if (expected := self._count("LGBM_BoosterGetNumFeature")) != n_features:
            raise DataError(
                f"the model was trained on {expected} features, the contract has {n_features}",
                hint="Train it again on the contract in use",
            )
        self._local = threading.local()

    def one(self, features: Sequence[float]) -> float:
        """Return the score of one row of `n_features` numbers.

        Python's lock is kept during the call: 20 us are too short to hand it over and wait to get it back.
        """
        try:
            score: _Score = self._local.score
        except AttributeError:
            score = self._local.score = _row_score(self._handle, self.n_features, self._rows)
        return score(features)

    def many(self, matrix: ArrayLike) -> NDArray[np.float64]:
        """Return the scores, shape (n,), of a feature matrix, shape (n, n_features)."""
        return self._predict(matrix, _NORMAL, 1)[:, 0]

    def close(self) -> None:
        """Do nothing: the library's memory is given back with the last reference, and no call is cut short."""

    def raw(self, matrix: ArrayLike) -> NDArray[np.float64]:
        """Return the sums of the trees, shape (n,): log-odds for two classes, the value itself for a regression."""
        return self._predict(matrix, _RAW, 1)[:, 0]

    def leaves(self, matrix: ArrayLike) -> NDArray[np.int64]:
        """Return the number of the leaf that each row reaches in each tree, shape (n, n_trees)."""
        return self._predict(matrix, _LEAF_INDEX, self.n_trees).astype(np.int64)

    def contributions(self, matrix: ArrayLike) -> NDArray[np.float64]:
        """Return path-dependent SHAP values of the raw score, shape (n, n_features + 1), the expected value last.

        Each row sums to `raw`. About a millisecond a row for 200 trees: for batches; `explain/shapley.py` answers
        online.

        Source: Lundberg et al. (2020), From local explanations to global understanding with explainable AI for
        trees, Nature Machine Intelligence 2, 56-67.
        """
        return self._predict(matrix, _CONTRIBUTIONS, self.n_features + 1)

    def nodes_per_row(self, matrix: ArrayLike) -> float:
        """Return how many decisions the trees take for a row of `matrix` on average: work that no machine changes."""
        reached = self.leaves(matrix) + self.trees.first_leaf
        return float(self.trees.leaf_depths()[reached].sum(axis=1).mean())

    def _load(self, text: bytes) -> ctypes.c_void_p:
        handle, iterations = ctypes.c_void_p(), ctypes.c_int()
        call = self._blocks.LGBM_BoosterLoadModelFromString
        if call(text, ctypes.byref(iterations), ctypes.byref(handle)):
            raise DataError(
                f"LightGBM cannot read the model: {_last_error()}", hint="Restore the file, or make the model again"
            )
        weakref.finalize(self, self._blocks.LGBM_BoosterFree, handle)
        return handle

    def _count(self, function: str) -> int:
        out = ctypes.c_int()
        _check(self._blocks[function](self._handle, ctypes.byref(out)))
        return out.value

    def _predict(self, matrix: ArrayLike, kind: int, width: int) -> NDArray[np.float64]:
        x = feature_rows(matrix, self.n_features)
        scores = np.empty((len(x), width), dtype=np.float64)
        for start in range(0, len(x), _BLOCK_ROWS):
            rows, out = x[start : start + _BLOCK_ROWS], scores[start : start + _BLOCK_ROWS]
            written = ctypes.c_int64()
            status = self._blocks.LGBM_BoosterPredictForMat(
                self._handle,
                ctypes.c_void_p(rows.ctypes.data),
                _FLOAT32,
                ctypes.c_int32(len(rows)),
                ctypes.c_int32(self.n_features),
                1,  # row after row
                kind,
                0,  # from the first tree
                -1,  # to the last
                self._parameter,
                ctypes.byref(written),
                ctypes.c_void_p(out.ctypes.data),
            )
            _check(status)
            if written.value != out.size:
                raise Fault(f"LightGBM wrote {written.value} numbers for {out.size}", hint="Reinstall lightgbm")
        return scores


def _row_score(booster: ctypes.c_void_p, n_features: int, rows: ctypes.PyDLL) -> _Score:
    """Return one thread's way to score a row: LightGBM keeps a buffer in it, so threads must not share one.

    Everything that a call needs is bound here: what surrounds the trees costs under a microsecond of it.
    """
    out, length, config = ctypes.c_double(), ctypes.c_int64(), ctypes.c_void_p()
    _check(
        rows.LGBM_BoosterPredictForMatSingleRowFastInit(
            booster, _NORMAL, 0, -1, _FLOAT32, ctypes.c_int32(n_features), _ALONE, ctypes.byref(config)
        )
    )
    call, pack = rows.LGBM_BoosterPredictForMatSingleRowFast, struct.Struct(f"={n_features}f").pack
    at_length, at_out = ctypes.byref(length), ctypes.byref(out)

    def score(row: Sequence[float]) -> float:
        try:
            features = pack(*row)
        except struct.error as err:
            raise ValueError(f"a row of {n_features} numbers was expected: {err}") from err
        if call(config, features, at_length, at_out):
            _check(-1)
        return out.value

    weakref.finalize(score, rows.LGBM_FastConfigFree, config)
    return score


class _Library:
    """The shared library twice: `blocks` lets other Python threads run during a call, `rows` does not."""

    def __init__(self, path: Path) -> None:
        self.blocks, self.rows = load_twice(path)
        self.blocks.LGBM_GetLastError.restype = ctypes.c_char_p


@cache
def _library() -> _Library:
    # Looking a top-level package up does not import it.
    spec = importlib.util.find_spec("lightgbm")
    if spec is None or spec.origin is None:
        raise Fault("LightGBM is not installed", hint="Run `pip install lightgbm`")
    package = Path(spec.origin).parent
    name = _LIBRARY_NAMES.get(sys.platform, "lib_lightgbm.so")
    for path in (package / "lib" / name, package / "bin" / name, package.parent / name):
        if path.is_file():
            return _Library(path)
    raise Fault(f"there is no {name} in {package}", hint="Reinstall lightgbm from its wheel")


def _check(status: int) -> None:
    if status:
        raise Fault(f"LightGBM failed: {_last_error()}", hint="Reinstall lightgbm from its wheel")


def _last_error() -> str:
    return str(_library().blocks.LGBM_GetLastError().decode(errors="replace"))
