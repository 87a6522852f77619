"""How far one row lies from real ones, and how far a value from another: both in shares of real rows.

A number's place is its rank among the real rows, so that no unit counts and a step counts for more where many rows
are. `options.py` prices changes with it, `change.py` asks whether what comes out is like any row that there was.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from daytwo.core.schema import Schema

# Another level, or a value where the other is missing, is as far as half of all rows: two numbers drawn at random lie
# a third apart.
_OTHER = 0.5
# So many real rows tell how near each other real rows are.
_ASKED = 200


_Float = TypeVar("_Float", np.float32, np.float64)


class Likeness:
    """Distances to `cases`, real rows as a feature matrix, shape (n, d), n >= 1: sums over features, 0 .. d."""

    def __init__(self, cases: NDArray[np.float32], schema: Schema) -> None:
        self._is_category = np.zeros(len(schema.features), dtype=bool)
        self._is_category[list(schema.categories)] = True
        self._sorted = [np.sort(column[~np.isnan(column)]) for column in cases.T]
        self._cases = np.column_stack([self.place(i, column) for i, column in enumerate(cases.T)])

    def place(self, feature: int, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return where values stand: a number's mid-rank among the cases, in [0, 1]; a code itself; NaN for missing."""
        if self._is_category[feature]:
            return values.astype(np.float64)
        known = self._sorted[feature]
        below, upto = np.searchsorted(known, values, "left"), np.searchsorted(known, values, "right")
        return np.where(np.isnan(values), np.nan, (below + upto) / (2 * max(len(known), 1)))

    def values(self, feature: int) -> NDArray[np.float32]:
        """Return the values of a feature that occur among the cases, each once, in order."""
        return np.unique(self._sorted[feature])

    def share(self, feature: int, value: float) -> float:
        """Return the share of cases that have this value; of those where it is known."""
        known = self._sorted[feature]
        count = np.searchsorted(known, value, "right") - np.searchsorted(known, value, "left")
        return float(count) / max(len(known), 1)

    def apart(
        self, feature: int, values: NDArray[np.float32], chosen: NDArray[np.intp] | None = None
    ) -> NDArray[np.float64]:
        """Return how far values of one feature are from those of every (chosen) case, (n_values, n), in [0, 1]."""
        cases = self._cases[:, feature] if chosen is None else self._cases[chosen, feature]
        return self._between(feature, self.place(feature, values)[:, None], cases[None, :])

    def from_cases(self, row: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return how far each value of one row is from that of every case, shape (d, n): summed up, the distances."""
        return np.stack([self.apart(i, row[i : i + 1])[0] for i in range(len(row))])

    def among(self, chosen: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return how far some of the cases are from the nearest other one of them, for up to 200 spread over all."""
        # Shares of 2,000 rows are told apart by half the digits, in half the time.
        cases = self._cases[chosen].astype(np.float32)
        asked = np.unique(np.linspace(0, len(cases) - 1, _ASKED).astype(int))
        total = np.zeros((len(asked), len(cases)), dtype=np.float32)
        for i in range(cases.shape[1]):
            total += self._between(i, cases[asked, i][:, None], cases[:, i][None, :])
        total[np.arange(len(asked)), asked] = np.inf
        nearest: NDArray[np.float64] = total.min(axis=1).astype(np.float64)
        return nearest

    def _between(self, feature: int, a: NDArray[_Float], b: NDArray[_Float]) -> NDArray[_Float]:
        apart: NDArray[_Float] = (a != b) * a.dtype.type(_OTHER) if self._is_category[feature] else np.abs(a - b)
        a_gone, b_gone = np.isnan(a), np.isnan(b)
        if a_gone.any() or b_gone.any():
            apart = np.where(a_gone | b_gone, (a_gone != b_gone) * a.dtype.type(_OTHER), apart)
        return apart
