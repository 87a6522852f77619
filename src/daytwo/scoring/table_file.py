"""Tables of numbers as files of a bundle: one `.npy` array, the last column apart from the others."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from daytwo.core.errors import DataError


def table_bytes(matrix: NDArray[Any], last: NDArray[Any]) -> bytes:
    """Return a matrix, shape (n, d), and one more column, shape (n,), as a file; equal numbers give equal bytes."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.column_stack([matrix, last]), version=(1, 0), allow_pickle=False)
    return stream.getvalue()


def read_table(content: bytes, dtype: DTypeLike, what: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the matrix and the last column that `table_bytes` wrote; `what` names the file for errors.

    Raises
    ------
    DataError
        If the bytes are no such table, of another `dtype`, or without rows.
    """
    try:
        table = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    except (ValueError, OSError, EOFError) as err:
        raise DataError(f"this is no {what}, or a damaged one: {err}", hint="Make the model again") from err
    if table.ndim != 2 or table.dtype != dtype or not table.shape[0] or table.shape[1] < 2:
        raise DataError(
            f"this is no {what}, or a damaged one: {table.shape} of {table.dtype}", hint="Make the model again"
        )
    return np.ascontiguousarray(table[:, :-1]), table[:, -1]
