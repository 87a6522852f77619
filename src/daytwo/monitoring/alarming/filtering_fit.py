"""What `filtering.py` must know of the reference: how its windows and rows differ, and where known faults lead.

Each reference window is judged by the others alone, without its neighbours where those resemble it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular

from daytwo.monitoring.alarming.calendar import LEAST_IN_PHASE
from daytwo.monitoring.alarming.faults import learn_faults
from daytwo.monitoring.alarming.filtering import Filter, shares_of, thinned
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
# Of long references so many rows in all; a window to come is looked at as those were, of which so many at least.
_MOST_IN_ALL, _LEAST_IN_WINDOW = 400_000, 2_000
# Variance of one row that is added to every trait: what never happened is taken for rare.
_RARE, _RIDGE = 1e-3, 1e-3
# The reference is cut into so many parts at most; a window is judged by what rows are like in the others.
_PARTS = 20
# Neighbours up to so far are left out where they resemble a window: twice as far as is shown, as that fades slowly.
_FURTHEST = 7


@dataclass(frozen=True, slots=True)
class Whitened:
    """The reference's windows and the faults' directions in coordinates in which a window's rows are white noise."""

    lower: Floats
    windows: Floats
    directions: Floats

    def far(self, shares: Floats, *, leave_out: NDArray[np.intp]) -> Floats:
        """Return how far a window went along each fault's direction, in spreads; the inverse by Woodbury's identity."""
        others = np.delete(self.windows, leave_out, axis=1)
        middle = others.mean(axis=1)
        around, away = others - middle[:, None], solve_triangular(self.lower, shares, lower=True) - middle
        along = around.T @ self.directions
        inner = around.T @ around + np.eye(around.shape[1]) * around.shape[1]
        solved = np.linalg.solve(inner, np.column_stack([along, around.T @ away]))
        way = self.directions.T @ away - along.T @ solved[:, -1]
        spread = (self.directions**2).sum(axis=0) - (along * solved[:, :-1]).sum(axis=0)
        found: Floats = way / np.sqrt(np.maximum(spread, 1e-12))
        return found

    def weights(self) -> tuple[NDArray[np.float32], Floats]:
        """Return by what the traits of a window to come are multiplied to say how far it went, and what is usual.

        Shapes (faults, traits) and (faults,): where no reference window is left out, `far` is linear.
        """
        middle = self.windows.mean(axis=1)
        around = self.windows - middle[:, None]
        along = around.T @ self.directions
        inner = around.T @ around + np.eye(around.shape[1]) * around.shape[1]
        ways = self.directions - around @ np.linalg.solve(inner, along)
        ways /= np.sqrt(np.maximum((self.directions * ways).sum(axis=0), 1e-12))
        raw = solve_triangular(self.lower, ways, lower=True, trans="T").T
        return raw.astype(np.float32), ways.T @ middle


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
    thin = [thinned(rows, max(_MOST_ROWS // len(windows), 1)) for rows in windows]
    traits = learn_traits(np.concatenate(thin), layout)
    if traits.count > _MOST_TRAITS:
        return None
    faults = tuple(learn_faults(windows, traits))
    if not faults:
        return None
    counts = Counter(str(phase) for phase in phases)
    often = tuple(phase for phase, count in counts.items() if count >= LEAST_IN_PHASE and len(counts) > 1)
    most = min(max(_MOST_IN_ALL // len(windows), _LEAST_IN_WINDOW), _MOST_IN_WINDOW)
    pairs = zip(windows, phases, strict=True)
    shares = np.array([shares_of(traits, thinned(rows, most), often, phase) for rows, phase in pairs])
    ways = np.zeros((shares.shape[1], len(faults)))
    ways[: traits.count] = np.array([fault.direction for fault in faults]).T
    rows_in = float(np.median([len(rows) for rows in windows]))
    whole, size = _within(traits, thin)
    heard = tuple((fault.channel, fault.opposite) for fault in faults)
    found = Filter(traits, heard, often, *_whitened(whole / size, shares, ways, rows_in).weights(), rows_in, most)
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
