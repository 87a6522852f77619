"""The replay set: rows and their scores that travel with a model, so that whoever loads it can prove it is the same.

The rows are hard on purpose: real ones, missing values, unknown categories, and values on and just above the
thresholds of the model, where a careless conversion sends a row down the other branch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daytwo.core.errors import Refused
from daytwo.core.schema import Schema
from daytwo.explain.trees import Trees
from daytwo.scoring.table_file import read_table, table_bytes

# The same engine on another machine may differ in the last bits of exp(); a wrong branch is a whole leaf off.
TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """`matrix`, a feature matrix, shape (n, d), and the calibrated `scores` of its rows, shape (n,)."""

    matrix: NDArray[np.float32]
    scores: NDArray[np.float64]

    def to_bytes(self) -> bytes:
        """Return both as one `.npy` file, the scores in the last column; the same replay gives the same bytes."""
        return table_bytes(self.matrix.astype(np.float64), self.scores)

    @staticmethod
    def from_bytes(content: bytes) -> Replay:
        """Read what `to_bytes` wrote.

        Raises
        ------
        DataError
            If the bytes are no replay set.
        """
        matrix, scores = read_table(content, np.float64, "replay set")
        return Replay(matrix.astype(np.float32), scores)

    def prove(self, score_many: Callable[[NDArray[np.float32]], NDArray[np.float64]]) -> None:
        """Score the rows and compare.

        Raises
        ------
        Refused
            If any score is not finite or off by more than `TOLERANCE` (relative to the score where it is over 1).
        """
        scores = score_many(self.matrix)
        with np.errstate(invalid="ignore"):
            off = np.abs(scores - self.scores) / np.maximum(1.0, np.abs(self.scores))
        off = np.where(np.isfinite(off), off, np.inf)
        worst = int(off.argmax())
        if off[worst] > TOLERANCE:
            raise Refused(
                f"the model does not give the scores it was proved with: {int((off > TOLERANCE).sum())} of {len(off)} "
                f"rows are off, row {worst} by {off[worst]:.2g}",
                hint="Do not serve it; make the model again, or compare the LightGBM versions",
            )


def hard_rows(matrix: NDArray[np.float32], trees: Trees | None, schema: Schema, *, n: int = 64) -> NDArray[np.float32]:
    """Return up to `n` real rows spread over `matrix`, and `n` spoilt copies and more, shape (m, d).

    Each feature is once missing and each category once unknown; the rest stand on, or one float32 step above, a
    threshold of the model, if it has trees. Nothing is random.
    """
    real = matrix[np.unique(np.linspace(0, len(matrix) - 1, n).astype(int))]
    spoilt: list[tuple[int, float]] = [(feature, np.nan) for feature in range(matrix.shape[1])]
    spoilt += [(feature, float(len(schema.features[feature].levels))) for feature in schema.categories]
    if trees is not None:
        spoilt += _on_thresholds(trees, n // 2)
    copies = real[np.arange(len(spoilt)) % len(real)].copy()
    for row, (feature, value) in zip(copies, spoilt, strict=True):
        row[feature] = value
    return np.concatenate([real, copies])


def _on_thresholds(trees: Trees, n: int) -> list[tuple[int, float]]:
    """Return the feature and the value of up to `n` nodes, on their thresholds and one float32 above."""
    asks_number = np.array([codes is None for codes in trees.categories], dtype=bool)
    # A split between missing and all else has no number near its threshold.
    nodes = np.flatnonzero(asks_number & (np.abs(trees.threshold) <= np.finfo(np.float32).max))
    found: list[tuple[int, float]] = []
    for node in nodes[np.unique(np.linspace(0, len(nodes) - 1, n).astype(int))] if len(nodes) else []:
        edge = floor32(trees.threshold[node])
        above = np.nextafter(edge, np.float32(np.inf))
        found += [(int(trees.feature[node]), float(edge)), (int(trees.feature[node]), float(above))]
    return found


def floor32(value: float) -> np.float32:
    """Return the largest float32 that is not above `value`.

    Examples
    --------
    >>> float(floor32(0.1)) < 0.1 < float(np.float32(0.1))
    True
    """
    nearest = np.float32(value)
    return nearest if float(nearest) <= float(value) else np.nextafter(nearest, np.float32(-np.inf))
