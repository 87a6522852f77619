"""ONNX models scored by ONNX Runtime, on one thread (extra `onnx`).

A graph takes one input, float32, shape (n, d), and gives the probability, or the value, in one of the forms that
converters write: a tensor of shape (n,), (n, 1) or (n, 2), two columns, or a sequence of maps from class to
probability (ZipMap); labels beside it are left alone. Whether the graph is the model that was meant is not for it to
say: converters round thresholds and lose categories without a word, so the replay set of the bundle decides.
"""

from __future__ import annotations

import importlib
import struct
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from daytwo.core.errors import DataError, Fault, Mistake
from daytwo.scoring.engine import feature_rows

_FLOATS = ("tensor(float)", "tensor(double)")
# Class numbers or names to probabilities, a map for each row.
_MAPS = ("seq(map(int64,tensor(float)))", "seq(map(string,tensor(float)))")
# Rows that a graph is asked at load, to see what it gives: a graph made for one row fails on them.
_TRIAL_ROWS = 3
# Errors only: what the runtime would warn of is settled by the replay set.
_SEVERITY = 3

_Take: TypeAlias = Callable[[list[Any]], NDArray[np.float64]]


class OnnxScorer:
    """Scores of one ONNX graph. Any number of threads may score at once.

    A row alone and the same row in a block go through different kernels of the runtime and agree to about the last
    bit of float32, hence `tolerance`.
    """

    name = "onnx"
    tolerance = 1e-6
    trees = None

    def __init__(self, content: bytes, n_features: int, *, threads: int = 1) -> None:
        self.n_features = n_features
        self._session = _session(content, threads)
        self._input = self._find_input()
        self._names, self._take = self._find_output()
        self._pack = struct.Struct(f"={n_features}f").pack

    def one(self, features: Sequence[float]) -> float:
        """Return the score of one row of `n_features` numbers."""
        try:
            row = np.frombuffer(self._pack(*features), dtype=np.float32)
        except struct.error as err:
            raise ValueError(f"a row of {self.n_features} numbers was expected: {err}") from err
        found = self._run(row.reshape(1, -1), self._names)[0]
        # Whatever the form, the score stands last; numpy's own way to one number is the short one.
        return float(found.item(-1) if isinstance(found, np.ndarray) else found[0][max(found[0])])

    def many(self, matrix: ArrayLike) -> NDArray[np.float64]:
        """Return the scores, shape (n,), of a feature matrix, shape (n, n_features)."""
        rows = feature_rows(matrix, self.n_features)
        if not len(rows):  # some operators take no empty batch
            return np.empty(0)
        scores = self._take(self._run(rows, self._names))
        if scores.shape != (len(rows),):
            raise Fault(f"the graph gave {scores.size} scores for {len(rows)} rows", hint="Export the model again")
        return scores

    def close(self) -> None:
        """Do nothing: the runtime's memory is given back with the last reference, and no call is cut short."""

    def _run(self, rows: NDArray[np.float32], names: list[str]) -> list[Any]:
        try:
            found: list[Any] = self._session.run(names, {self._input: rows})
        # The runtime's errors have no base of their own below Exception.
        except Exception as err:
            raise Fault(f"ONNX Runtime failed: {_first_line(err)}", hint="Export the model again") from err
        return found

    def _find_input(self) -> str:
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            raise DataError(
                f"the graph takes {len(inputs)} inputs: {', '.join(one.name for one in inputs)}",
                hint="Export it with one float32 input of all features, in the contract's order",
            )
        found, shape = inputs[0], inputs[0].shape
        if found.type != "tensor(float)" or len(shape) != 2:
            raise DataError(
                f"the graph's input {found.name!r} is {found.type} of shape {shape}",
                hint="Export it with one input tensor(float) of shape [None, number of features]",
            )
        if isinstance(shape[0], int):
            raise DataError(
                f"the graph takes exactly {shape[0]} rows at a time",
                hint="Export it with a dynamic first axis: [None, number of features]",
            )
        if isinstance(shape[1], int) and shape[1] != self.n_features:
            raise DataError(
                f"the model was trained on {shape[1]} features, the contract has {self.n_features}",
                hint="Train it again on the contract in use",
            )
        return str(found.name)

    def _find_output(self) -> tuple[list[str], _Take]:
        """Return the outputs to ask for, and what makes scores of them; a trial run tells their shapes."""
        outputs = self._session.get_outputs()
        told = ", ".join(f"{one.name} {one.type}" for one in outputs)
        maps = [one.name for one in outputs if one.type in _MAPS]
        floats = [one.name for one in outputs if one.type in _FLOATS]
        refused = DataError(
            f"none of the graph's outputs is plainly the score: {told}",
            hint="Export it with one output, the probability of the positive class or the value, shape [None, 1]",
        )
        names = maps or floats
        if not names or (maps and floats):
            raise refused
        try:
            found = self._run(np.zeros((_TRIAL_ROWS, self.n_features), dtype=np.float32), names)
        except Fault as err:
            raise DataError(f"the graph cannot score rows: {err.message}", hint="Export the model again") from err
        if maps and len(maps) == 1 and all(len(one) == 2 for one in found[0]):
            return names, _from_maps
        shapes = [np.shape(one) for one in found]
        column = ((_TRIAL_ROWS,), (_TRIAL_ROWS, 1))
        if floats and len(shapes) == 1 and shapes[0] in (*column, (_TRIAL_ROWS, 2)):
            return names, _from_tensor
        # A column for each class, the positive one last.
        if len(shapes) == 2 and all(shape in column for shape in shapes):
            return names[1:], _from_tensor
        raise refused


def _from_maps(found: list[Any]) -> NDArray[np.float64]:
    # Both classes are there in every map, in one order; the positive one is the greater.
    positive = max(found[0][0])
    return np.array([one[positive] for one in found[0]], dtype=np.float64)


def _from_tensor(found: list[Any]) -> NDArray[np.float64]:
    scores: NDArray[np.float64] = np.asarray(found[0], dtype=np.float64)
    return scores if scores.ndim == 1 else scores[:, -1]


def _session(content: bytes, threads: int) -> Any:
    try:
        onnxruntime = importlib.import_module("onnxruntime")  # a quarter of a second, so only where it is needed
    except ImportError as err:
        raise Mistake(
            "this bundle holds an ONNX model, and ONNX Runtime is not installed",
            hint="Run `pip install 'daytwo[onnx]'`",
        ) from err
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = _SEVERITY
    # A thread that waits must not burn the core that serves.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        # Without its fallback, which tries the same provider again and prints what went wrong.
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"], enable_fallback=False)
    # The runtime's errors have no base of their own below Exception.
    except Exception as err:
        raise DataError(
            f"ONNX Runtime cannot read the model: {_first_line(err)}",
            hint="Restore the file, or export the model again for this runtime's opset",
        ) from err


def _first_line(err: Exception) -> str:
    lines = str(err).strip().splitlines()
    return lines[0] if lines else type(err).__name__
