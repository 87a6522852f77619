"""How far a window went the way of a known fault, when all that windows do anyway is taken out.

Windows differ: a season moves many columns together, and hides a small shift of one. What moves together in the
reference's windows, and in its rows, is known; a fault that moves one column alone is not of that kind. So a fault's
direction is weighed by the inverse covariance of windows, which is the sharpest linear test there is (the matched
filter). Each reference window is judged by the others alone, without its neighbours where those resemble it.
`traits.py` says what a window is, `faults.py` where faults lead; `alarm.py` ranks the outcome, so that nothing here
has to be right for false alarms to be rare.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular

from daytwo.monitoring.alarming.faults import Fault, learn_faults
from daytwo.monitoring.alarming.neighbours import resembling
from daytwo.monitoring.alarming.traits import Matrix, Traits, learn_traits
from daytwo.monitoring.profiles.bins import Floats
from daytwo.monitoring.profiles.profile import Layout

# With fewer windows it is not known what moves together.
_LEAST_WINDOWS = 10
# More traits take too long: those of some 120 columns.
_MOST_TRAITS = 2_000
# Rows of the reference that say how rows differ, and rows of one window that are looked at.
_MOST_ROWS, _MOST_IN_WINDOW = 20_000, 20_000
# Variance of one row that is added to every trait: what never happened is taken for rare.
_RARE, _RIDGE = 1e-3, 1e-3
# The reference is cut into so many parts at most; a window is judged by what rows are like in the others.
_PARTS = 20
# Neighbours up to so far are left out where they resemble a window: twice as far as is shown, as that fades slowly.
_FURTHEST = 7
# A phase with fewer windows is not told apart.
_LEAST_IN_PHASE = 4


@dataclass(frozen=True, slots=True)
class Whitened:
    """The reference's windows and the faults' directions in coordinates in which a window's rows are white noise."""

    lower: Floats
    windows: Floats
    directions: Floats

    def far(self, shares: Floats, *, leave_out: NDArray[np.intp] | None = None) -> Floats:
        """Return how far a window went along each fault's direction, in spreads; the inverse by Woodbury's identity."""
        others = self.windows if leave_out is None else np.delete(self.windows, leave_out, axis=1)
        middle = others.mean(axis=1)
        around, away = others - middle[:, None], solve_triangular(self.lower, shares, lower=True) - middle
        along = around.T @ self.directions
        inner = around.T @ around + np.eye(around.shape[1]) * around.shape[1]
        solved = np.linalg.solve(inner, np.column_stack([along, around.T @ away]))
        way = self.directions.T @ away - along.T @ solved[:, -1]
        spread = (self.directions**2).sum(axis=0) - (along * solved[:, :-1]).sum(axis=0)
        found: Floats = way / np.sqrt(np.maximum(spread, 1e-12))
        return found


@dataclass(frozen=True, slots=True)
class Filter:
    """What windows are held against: their `traits`, the `faults` known, what is usual, and the rows of a window."""

    traits: Traits
    faults: tuple[Fault, ...]
    phases: tuple[Hashable, ...]
    usual: Whitened
    rows: float

    def listen(self, matrix: Matrix, phase: Hashable) -> dict[str, float]:
        """Return a new window's channels, `KIND:NAME`, in the spreads that the reference lets expect."""
        return self.by_channel(self.usual.far(_shares(self.traits, matrix, self.phases, phase)), len(matrix))

    def by_channel(self, far: Floats, rows: int) -> dict[str, float]:
        """Return the furthest of each channel's faults; a window of few rows is noisier, and counts less."""
        size = min(rows / self.rows, 1.0) ** 0.5
        found: dict[str, float] = {}
        for fault, value in zip(self.faults, far.tolist(), strict=True):
            sized = float(f"{value * size:.6g}")
            found[fault.channel] = max(found.get(fault.channel, -np.inf), sized)
            if fault.opposite:
                found[fault.opposite] = max(found.get(fault.opposite, -np.inf), -sized)
        return found


def learn_filter(
    windows: Sequence[Matrix], phases: Sequence[Hashable], layout: Layout
) -> tuple[Filter, list[dict[str, float]]] | None:
    """Learn from the reference's windows, and return with it the channels of each, held against the others.

    None where windows are too few, or columns none or too many.

    Source: C. R. Rao (1973), Linear statistical inference, section 8d (the linear function that tells two means apart
    best); F. C. Robey, D. R. Fuhrmann, E. J. Kelly & R. Nitzberg (1992), A CFAR adaptive matched filter detector, IEEE
    Trans. Aerosp. Electron. Syst. 28(1), 208-216 (the covariance learnt from samples without the signal).
    """
    if len(windows) < _LEAST_WINDOWS or not layout.columns:
        return None
    thin = [_thinned(rows, max(_MOST_ROWS // len(windows), 1)) for rows in windows]
    traits = learn_traits(np.concatenate(thin), layout)
    if traits.count > _MOST_TRAITS:
        return None
    faults = tuple(learn_faults(windows, traits))
    if not faults:
        return None
    counts = Counter(phases)
    often = tuple(phase for phase, count in counts.items() if count >= _LEAST_IN_PHASE and len(counts) > 1)
    shares = np.array([_shares(traits, rows, often, phase) for rows, phase in zip(windows, phases, strict=True)])
    ways = np.zeros((shares.shape[1], len(faults)))
    ways[: traits.count] = np.array([fault.direction for fault in faults]).T
    rows_in = float(np.median([len(rows) for rows in windows]))
    whole, size = _within(traits, thin)
    found = Filter(traits, faults, often, _whitened(whole / size, shares, ways, rows_in), rows_in)
    history: list[dict[str, float]] = []
    # Windows that resemble their neighbours are told without those too: a run of them to come has no like among them.
    apart = min(2 * resembling(shares) - 1, _FURTHEST)
    step = max(-(-len(windows) // _PARTS), apart)
    for begin in range(0, len(windows), step):
        end = min(begin + step, len(windows))
        part, rows = _within(traits, thin[max(begin - apart + 1, 0) : end + apart - 1])
        others = _whitened((whole - part) / (size - rows), shares, ways, rows_in)
        for i in range(begin, end):
            near = np.arange(max(i - apart + 1, 0), min(i + apart, len(windows)))
            history.append(found.by_channel(others.far(shares[i], leave_out=near), len(windows[i])))
    return found, history


def _within(traits: Traits, windows: Sequence[Matrix]) -> tuple[Floats, int]:
    """Return the sum of squares and products of traits around their windows' means, and the rows it is of."""
    total = np.zeros((traits.count, traits.count))
    for rows in windows:
        found = traits.of(rows)
        found -= found.mean(axis=0)
        total += found.T @ found
    return total, sum(len(rows) for rows in windows)


def _whitened(within: Floats, shares: Floats, ways: Floats, rows: float) -> Whitened:
    covariance = np.diag(np.full(shares.shape[1], _RARE))
    covariance[: len(within), : len(within)] += within + np.diag(np.diag(within) * _RIDGE)
    lower = cholesky(covariance / rows, lower=True)
    white = solve_triangular(lower, np.column_stack([shares.T, ways]), lower=True)
    return Whitened(lower, white[:, : len(shares)], white[:, len(shares) :])


def _shares(traits: Traits, matrix: Matrix, phases: Sequence[Hashable], phase: Hashable) -> Floats:
    """Return a window's mean traits, and its phase as if it were one of them."""
    means = traits.of(_thinned(matrix, _MOST_IN_WINDOW)).mean(axis=0, dtype=np.float64)
    return np.concatenate([means, [float(phase == one) for one in phases]])


def _thinned(matrix: Matrix, most: int) -> Matrix:
    return matrix[:: -(-len(matrix) // most)] if len(matrix) > most else matrix
