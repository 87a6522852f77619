"""Which values of a dirty column are mistyped ones: rare, like a frequent one, and no business of any other column's.

Typing errors fall on rows by chance. Where nearly all rows of one state, one maker or one month hold values that look
mistyped, they are no errors but what is written there. Half of `propose.py`; `typos.py` says what looks like what.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt

from daytwo.contracts.proposing.coded import MISSING, Coded
from daytwo.contracts.typos import Typos

# A mistyped value is at most this share as frequent as the one it looks like.
_RARER = 0.1
# A value of another column explains what looks mistyped where at least so many of its rows do, and this share of them.
_LEAST_ROWS, _EXPLAINED = 4, 0.5


def mistyped_values(often: Mapping[str, int]) -> dict[str, str]:
    """Return each value that looks mistyped with the value it looks like; `often` is each value's number of rows.

    Examples
    --------
    >>> mistyped_values({"birmingham": 80, "dothan": 20, "birminghxm": 1})
    {'birminghxm': 'birmingham'}
    """
    found: dict[str, str] = {}
    least, most = 2, max(often.values(), default=0)
    while least <= most:
        typos = Typos(value for value, count in often.items() if count >= least and value not in found)
        for value, count in often.items():
            near = typos.nearest(value) if count < least and value not in found else None
            # Once is rare whatever the other's number.
            if near is not None and count <= max(1.0, _RARER * often[near]):
                found[value] = near
        least *= 3
    return found


def unexplained(mistyped: Mapping[str, str], column: Coded, others: Collection[Coded]) -> dict[str, str]:
    """Return those of a column's values that look mistyped which no value of another column explains."""
    if not mistyped:
        return {}
    odd = column.series.is_in(list(mistyped)).fill_null(False).to_numpy()
    explained = explained_rows(odd, [other for other in others if other.name != column.name])
    cleared = set(column.series.filter(explained).to_list()) if explained.any() else set()
    return {value: near for value, near in mistyped.items() if value not in cleared}


def explained_rows(odd: npt.NDArray[np.bool_], others: Collection[Coded]) -> npt.NDArray[np.bool_]:
    """Return which of the odd rows share a value of another column that hardly any row has which is not odd."""
    explained = np.zeros(odd.size, dtype=bool)
    if int(odd.sum()) < _LEAST_ROWS:
        return explained
    for other in others:
        codes = other.codes
        known = codes != MISSING
        held = np.bincount(codes[known & odd], minlength=other.distinct)
        if held.size and held.max() >= _LEAST_ROWS:
            rows = np.bincount(codes[known], minlength=other.distinct)
            explains = (held >= _LEAST_ROWS) & (held >= _EXPLAINED * rows)
            explained |= odd & known & explains[codes]
    return explained
