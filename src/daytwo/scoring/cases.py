"""Real rows that travel with a model, none of which its trees learned from: what a changed row should be like.

`training/bundle_files.py` chooses them, `changing.py` asks whether a suggested change ends near one of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daytwo.scoring.table_file import read_table, table_bytes

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
        return table_bytes(self.matrix, self.labels)

    @staticmethod
    def from_bytes(content: bytes) -> Cases:
        """Read what `to_bytes` wrote.

        Raises
        ------
        DataError
            If the bytes are no such rows.
        """
        return Cases(*read_table(content, np.float32, CASES_FILE))
