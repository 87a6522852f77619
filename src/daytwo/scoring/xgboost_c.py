"""XGBoost models scored through the library's C interface, without its Python package (extra `xgboost`).

`import xgboost` loads scipy, and pandas where it is installed; its shared library alone loads in milliseconds. Scores
are bit for bit those of `xgboost.Booster.predict` with all trees on the same float32 matrix and codes.

The library itself makes one row costly: it walks every tree once for its depth and builds a view of the model with
each call, five times the work of finding the leaves. Blocks of rows cost what LightGBM's cost.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
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

from daytwo.core.errors import DataError, Fault, Mistake
from daytwo.core.native import load_twice
from daytwo.scoring.engine import feature_rows
from daytwo.scoring.xgboost_model import read_trees

_LIBRARY_NAMES = {"darwin": "libxgboost.dylib", "win32": "xgboost.dll"}
# All trees, probabilities where the objective gives them; NaN is missing.
_ASK = {"type": 0, "training": False, "iteration_begin": 0, "iteration_end": 0, "strict_shape": False, "cache_id": 0}
_CONFIG = json.dumps({**_ASK, "missing": float("nan")}).encode()
_RAW_CONFIG = json.dumps({**_ASK, "type": 1, "missing": float("nan")}).encode()
_BLOCK_ROWS = 1 << 16
_SIZE = ctypes.c_uint64

_Score: TypeAlias = Callable[[Sequence[float]], float]


class XgboostScorer:
    """Scores of one XGBoost model of trees: the probability of the positive class, or the predicted value.

    Any number of threads may score at once; `threads` is how many the library itself uses for a block of rows.
    """

    name = "xgboost"
    tolerance = 0.0

    def __init__(self, content: bytes, n_features: int, *, threads: int = 1) -> None:
        self.trees = read_trees(content, n_features)  # damage may end the process inside the library: read it first
        self.n_features = n_features
        self._library = _library()
        self._handle = self._load(content, threads)
        self._local = threading.local()
        self.many(np.zeros((1, n_features)))  # the library settles itself at the first call, and only that is not safe

    def one(self, features: Sequence[float]) -> float:
        """Return the score of one row of `n_features` numbers."""
        try:
            score: _Score = self._local.score
        except AttributeError:
            score = self._local.score = self._row_score()
        return score(features)

    def many(self, matrix: ArrayLike) -> NDArray[np.float64]:
        """Return the scores, shape (n,), of a feature matrix, shape (n, n_features)."""
        return self._predict(matrix, _CONFIG)

    def raw(self, matrix: ArrayLike) -> NDArray[np.float64]:
        """Return the sums of the trees with the base score, shape (n,), before they become probabilities."""
        return self._predict(matrix, _RAW_CONFIG)

    def close(self) -> None:
        """Do nothing: the library's memory is given back with the last reference, and no call is cut short."""

    def _load(self, content: bytes, threads: int) -> ctypes.c_void_p:
        library, handle = self._library, ctypes.c_void_p()
        library.check(library.blocks.XGBoosterCreate(None, _SIZE(0), ctypes.byref(handle)))
        weakref.finalize(self, library.blocks.XGBoosterFree, handle)
        for name, value in ((b"nthread", str(threads).encode()), (b"verbosity", b"0")):
            library.check(library.blocks.XGBoosterSetParam(handle, name, value))
        if library.blocks.XGBoosterLoadModelFromBuffer(handle, content, _SIZE(len(content))):
            raise DataError(
                f"XGBoost cannot read the model: {library.last_error()}",
                hint="Restore the file, or install the xgboost-cpu that made it",
            )
        library.check(library.blocks.XGBoosterSetParam(handle, b"nthread", str(threads).encode()))
        return handle

    def _predict(self, matrix: ArrayLike, config: bytes) -> NDArray[np.float64]:
        rows = feature_rows(matrix, self.n_features)
        scores = np.empty(len(rows), dtype=np.float64)
        ask = _Ask(self._library, self._library.blocks)
        for start in range(0, len(rows), _BLOCK_ROWS):
            block = rows[start : start + _BLOCK_ROWS]
            found = ask(self._handle, _describe(block.ctypes.data, len(block), self.n_features), config)
            scores[start : start + _BLOCK_ROWS] = np.ctypeslib.as_array(found, shape=(len(block),))
        return scores

    def _row_score(self) -> _Score:
        """Return one thread's way to score a row."""
        pack_into, n_features = struct.Struct(f"={self.n_features}f").pack_into, self.n_features
        features, ask, handle = (
            ctypes.create_string_buffer(4 * n_features),
            _Ask(self._library, self._library.rows),
            self._handle,
        )
        place = _describe(ctypes.addressof(features), 1, n_features)

        def score(row: Sequence[float]) -> float:
            try:
                pack_into(features, 0, *row)
            except struct.error as err:
                raise ValueError(f"a row of {n_features} numbers was expected: {err}") from err
            return float(ask(handle, place, _CONFIG)[0])

        return score


class _Ask:
    """Asks for scores. Keeps a proxy of the rows, which the library would else make anew, reading files, each time.

    The scores it returns lie in the thread's own buffer of the library and stand until the thread's next call.
    """

    def __init__(self, library: _Library, functions: ctypes.CDLL) -> None:
        self._check, self._predict = library.check, functions.XGBoosterPredictFromDense
        self._proxy = ctypes.c_void_p()
        library.check(functions.XGProxyDMatrixCreate(ctypes.byref(self._proxy)))
        weakref.finalize(self, functions.XGDMatrixFree, self._proxy)
        self._shape, self._dimensions = ctypes.POINTER(_SIZE)(), _SIZE()
        self._scores = ctypes.POINTER(ctypes.c_float)()
        self._out = (ctypes.byref(self._shape), ctypes.byref(self._dimensions), ctypes.byref(self._scores))

    def __call__(self, handle: ctypes.c_void_p, rows: bytes, config: bytes) -> ctypes._Pointer[ctypes.c_float]:
        self._check(self._predict(handle, rows, config, self._proxy, *self._out))
        return self._scores


class _Library:
    """The shared library twice: `blocks` lets other Python threads run during a call, `rows` does not."""

    def __init__(self, path: Path) -> None:
        self.blocks, self.rows = load_twice(path)
        self.blocks.XGBGetLastError.restype = ctypes.c_char_p

    def check(self, status: int) -> None:
        if status:
            raise Fault(f"XGBoost failed: {self.last_error()}", hint="Reinstall xgboost-cpu from its wheel")

    def last_error(self) -> str:
        """The first line of what the library says; a trace of its own calls follows."""
        words: str = self.blocks.XGBGetLastError().decode(errors="replace").strip()
        return words.splitlines()[0] if words else "it does not say why"


def _describe(address: int, rows: int, columns: int) -> bytes:
    return json.dumps({"data": [address, True], "shape": [rows, columns], "typestr": "<f4", "version": 3}).encode()


@cache
def _library() -> _Library:
    # Looking a top-level package up does not import it.
    spec = importlib.util.find_spec("xgboost")
    if spec is None or spec.origin is None:
        raise Mistake(
            "this bundle holds an XGBoost model, and XGBoost is not installed",
            hint="Run `pip install 'daytwo[xgboost]'`",
        )
    path = Path(spec.origin).parent / "lib" / _LIBRARY_NAMES.get(sys.platform, "libxgboost.so")
    if not path.is_file():
        raise Fault(f"there is no {path.name} in {path.parent}", hint="Reinstall xgboost-cpu from its wheel")
    return _Library(path)
