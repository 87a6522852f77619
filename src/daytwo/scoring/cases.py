"""Real rows that travel with a model, none of which its trees learned from: what a changed row should be like.

`training/bundle_files.py` chooses them, `changing.py` asks whether a suggested change ends near one of them.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daytwo.core.errors import DataError

CASES_FILE = "cases.npy"
# So many tell how near real rows lie to each other; more make a bundle larger and a search slower.
MOST_CASES = 2_000


@dataclass(frozen=True, slots=True, eq=False)
class Cases:
    """`matrix`, a feature matrix, shape (n, d), oldest row first, and what came true of each, `labels`, shape (n,)."""

    matrix: NDArray[np.float32]
    labels: NDArray[np.float32]

    @staticmethod
    def chosen(matrix: NDArray[np.float32], labels: NDArray[np.float64]) -> Cases:
        """Return up to `MOST_CASES` of the rows, evenly spread. Nothing is random."""
        kept = np.unique(np.linspace(0, len(matrix) - 1, min(MOST_CASES, len(matrix))).astype(int))
        return Cases(matrix[kept], labels[kept].astype(np.float32))

    def to_bytes(self) -> bytes:
        """Return both as one `.npy` file, the labels in the last column; the same cases give the same bytes."""
        stream = io.BytesIO()
        table = np.column_stack([self.matrix, self.labels])
        np.lib.format.write_array(stream, table, version=(1, 0), allow_pickle=False)
        return stream.getvalue()

    @staticmethod
    def from_bytes(content: bytes) -> Cases:
        """Read what `to_bytes` wrote.

        Raises
        ------
        DataError
            If the bytes are no such rows.
        """
        try:
            table = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
        except (ValueError, OSError, EOFError) as err:
            raise DataError(f"{CASES_FILE} is damaged: {err}", hint="Make the model again") from err
        if table.ndim != 2 or table.dtype != np.float32 or not table.shape[0] or table.shape[1] < 2:
            raise DataError(f"{CASES_FILE} holds {table.shape} of {table.dtype}", hint="Make the model again")
        return Cases(np.ascontiguousarray(table[:, :-1]), table[:, -1])
