"""What acting on a score is expected to bring, in money, for many rows at once or for one.

Pure. `scoring/payoff.py` knows the amounts; here is what a server asks of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from daytwo.core.errors import DaytwoError
from daytwo.scoring.payoff import Payoff

# From here on one call with a matrix is cheaper than a call for each row.
BLOCK_ROWS = 6
_NUMBERS = (float, int)


def gains(payoff: Payoff, rows: Sequence[Mapping[str, object]], scores: Sequence[float]) -> list[float | None]:
    """Return for each row what acting is expected to bring; None where that is not known."""
    if not payoff.columns:
        return payoff.constant_gains(scores)
    if len(scores) < BLOCK_ROWS:
        return [_gain(payoff, row, score) for row, score in zip(rows, scores, strict=True)]
    columns = {name: [row.get(name) for row in rows] for name in payoff.columns}
    if not all(value is None or value.__class__ in _NUMBERS for column in columns.values() for value in column):
        return [_gain(payoff, row, score) for row, score in zip(rows, scores, strict=True)]
    found = payoff.gain_many(scores, lambda name: np.array(columns[name], dtype=np.float64))
    return [None if math.isnan(gain) else gain for gain in found.tolist()]


def _gain(payoff: Payoff, row: Mapping[str, object], score: float) -> float | None:
    try:
        return payoff.advise(score, row).gain
    except DaytwoError:  # a column that no contract checks holds what no amount can be made of
        return None
