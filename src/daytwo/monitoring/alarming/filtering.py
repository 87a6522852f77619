"""How far a window went the way of a known fault, when all that windows do anyway is taken out.

Windows differ: a season moves many columns together, and hides a small shift of one. What moves together in the
reference's windows, and in its rows, is known; a fault that moves one column alone is not of that kind. So a fault's
direction is weighed by the inverse covariance of windows, which is the sharpest linear test there is (the matched
filter). `filtering_fit.py` learns it, `traits.py` says what a window is, `faults.py` where faults lead; `alarm.py`
ranks the outcome, so that nothing here has to be right for false alarms to be rare.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daytwo.monitoring.alarming.traits import Matrix, Traits
from daytwo.monitoring.profiles.bins import Floats

# What never differs must tie: less than a thousandth of a spread is rounding.
_DIGITS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Filter:
    """What windows are held against: their `traits`, and what the faults' channels make of them.

    `channels` holds each fault's channel and the one that hears the opposite, "" where none does; `weights`, shape
    (faults, traits), and `usual`, shape (faults,), say how far a window went. A usual window has `rows`; of one to come
    `looked_at` are looked at, or all.
    """

    traits: Traits
    channels: tuple[tuple[str, str], ...]
    phases: tuple[str, ...]
    weights: NDArray[np.float32]
    usual: Floats
    rows: float
    looked_at: int

    def listen(self, matrix: Matrix, phase: Hashable) -> dict[str, float]:
        """Return a new window's channels, `KIND:NAME`, in the spreads that the reference lets expect."""
        shares = shares_of(self.traits, thinned(matrix, self.looked_at), self.phases, phase)
        return self.by_channel(self.weights @ shares - self.usual, len(matrix))

    def by_channel(self, far: Floats, rows: int) -> dict[str, float]:
        """Return the furthest of each channel's faults; a window of few rows is noisier, and counts less."""
        size = min(rows / self.rows, 1.0) ** 0.5
        found: dict[str, float] = {}
        for (channel, opposite), value in zip(self.channels, far.tolist(), strict=True):
            sized = round(value * size, _DIGITS) + 0.0  # a zero has no sign
            found[channel] = max(found.get(channel, -np.inf), sized)
            if opposite:
                found[opposite] = max(found.get(opposite, -np.inf), 0.0 - sized)
        return found


def shares_of(traits: Traits, matrix: Matrix, phases: Sequence[str], phase: Hashable) -> Floats:
    """Return a window's mean traits, and its phase as if it were one of them."""
    means = traits.of(matrix).mean(axis=0, dtype=np.float64)
    return np.concatenate([means, [float(str(phase) == one) for one in phases]])


def thinned(matrix: Matrix, most: int) -> Matrix:
    """Return every second, third, ... row: `most` at most."""
    return matrix[:: -(-len(matrix) // most)] if len(matrix) > most else matrix
