"""The part of the reference that rules are proved on: the last fifth by time, or a fifth drawn by a fixed rule."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_SHARE = 5
# Knuth's multiplier: neighbours land far apart, the same rows are drawn every time.
_MULTIPLIER = np.uint64(2_654_435_761)


def held_out_rows(height: int, *, ordered: bool) -> npt.NDArray[np.int64]:
    """Return the row numbers of the held-out fifth of `height` rows, ascending.

    Examples
    --------
    >>> held_out_rows(10, ordered=True).tolist()
    [8, 9]
    """
    rows = np.arange(height)
    if ordered:
        return rows[height - height // _SHARE :]
    drawn: npt.NDArray[np.int64] = rows[(rows.astype(np.uint64) * _MULTIPLIER) % np.uint64(2**32) < 2**32 // _SHARE]
    return drawn
