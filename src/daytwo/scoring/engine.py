"""The port of an engine: what makes a raw score of a row of features, whatever library or process does the work.

`engines.py` chooses one by the file that a bundle holds; `trees_c.py`, `lightgbm_c.py`, `xgboost_c.py`, `onnx.py` and
`foreign.py` are the engines. All pass one suite of tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from daytwo.explain.trees import Trees


class Engine(Protocol):
    """Scores of one model: the probability of the positive class, or the predicted value.

    Features are as in `core/schema.py`: float32, codes for categories, NaN for missing. Any number of threads may
    score at once, and every call ends: an engine that waits for another process waits no longer than its deadline.
    """

    @property
    def name(self) -> str:
        """What the engine is called: `trees`, `lightgbm`, `xgboost`, `onnx` or `python`."""

    @property
    def n_features(self) -> int:
        """How many numbers a row has."""

    @property
    def tolerance(self) -> float:
        """How far a row's score may lie from that of the same row in a block, relative where over 1; 0: equal bits."""

    @property
    def trees(self) -> Trees | None:
        """The model's trees, from which reasons are worked out; None where it has none that can be read."""

    def one(self, features: Sequence[float]) -> float:
        """Return the score of one row of `n_features` numbers.

        Raises
        ------
        ValueError
            If the row has another number of features.
        Fault
            If the engine fails or does not answer in time.
        """

    def many(self, matrix: ArrayLike) -> NDArray[np.float64]:
        """Return the scores, shape (n,), of a feature matrix, shape (n, n_features).

        Raises
        ------
        ValueError
            If the matrix has another shape.
        Fault
            If the engine fails or does not answer in time.
        """

    def close(self) -> None:
        """Give back what outlives a call, a process say; whoever closes an engine asks it nothing more."""


def feature_rows(matrix: ArrayLike, n_features: int) -> NDArray[np.float32]:
    """Return `matrix` as engines read it: float32, row after row.

    Raises
    ------
    ValueError
        If it is no matrix of `n_features` columns.
    """
    rows = np.ascontiguousarray(matrix, dtype=np.float32)
    if rows.ndim != 2 or rows.shape[1] != n_features:
        raise ValueError(f"a matrix of {n_features} columns was expected, not of shape {rows.shape}")
    return rows
