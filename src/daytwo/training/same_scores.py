"""The proof that a model taken over gives the scores that it gave at home."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from daytwo.core.errors import DataError, Refused
from daytwo.scoring.engine import Engine

# How far a score may lie from the one that the model gave at home, relative where over 1.
_TOLERANCE = 1e-6
_SHOWN = 5


def prove_scores(engine: Engine, matrix: NDArray[np.float32], before: NDArray[np.float64]) -> int:
    """Hold the engine's scores, uncalibrated, against those that the model gave at home; return how many were.

    Rows whose earlier score is NaN are left out.

    Raises
    ------
    Refused
        If a score differs by more than 1e-6; the message names the first rows.
    DataError
        If no row bears a score.
    """
    given = np.flatnonzero(~np.isnan(before))
    if not given.size:
        raise DataError("no row bears an earlier score", hint="Name the column of the model's own scores with --score")
    found = engine.many(matrix[given])
    off = np.abs(found - before[given]) / np.maximum(1.0, np.abs(before[given]))
    wrong = np.flatnonzero(~(off <= _TOLERANCE))
    if wrong.size:
        shown = "; ".join(f"row {given[i] + 1}: {found[i]:.6g}, before {before[given[i]]:.6g}" for i in wrong[:_SHOWN])
        raise Refused(
            f"{wrong.size} of {given.size} rows do not get the score that they had before ({shown})",
            hint="Compare the columns' order (--columns), the categories' codes, and what missing values were made of",
        )
    return int(given.size)
