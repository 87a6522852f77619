"""The part of the reference that rules are proved on: the last fifth by time, or a fifth drawn by a fixed rule."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_SHARE = 5
# -ln 0.05: what comes in a share p of the rows shows in n of them with 95 % probability where p n is so large.
_RULE_OF_THREE = 3.0
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


def alarm_rate(share: float, rows: int) -> float:
    """Return which share of clean rows a rule may reject, in [0, 1], after it rejected `share` of `rows` rows.

    Where none was rejected, that is the 95 % upper limit of the share: 3 / rows.

    Examples
    --------
    >>> alarm_rate(0.0, 600), alarm_rate(0.01, 600)
    (0.005, 0.01)

    Source: J. A. Hanley, A. Lippman-Hand (1983), If nothing goes wrong, is everything all right?, JAMA 249(13),
    1743-1745.
    """
    return round(share if share > 0.0 else min(1.0, _RULE_OF_THREE / max(rows, 1)), 8)
