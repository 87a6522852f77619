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
_PARTS = 12
# Rows that are worked on at a time, so that the upper half is not.
_PANEL = 256
# With fewer parts a window's neighbours are not left out of these: too few rows would be left.
_LEAST_PARTS = 5
# Neighbours up to so far are left out where they resemble a window: twice as far as is shown, as that fades slowly.
_FURTHEST = 7


@dataclass(frozen=True, slots=True)
class Whitened:
    """The reference's windows and the faults' directions in coordinates in which a window's rows are white noise.

    Only their products are kept: `among` of windows with windows, shape (windows, windows), `along` of windows with
    directions, (windows, faults), and `lengths`, the directions' own squares, (faults,). Windows are counted from the
    mean of all, which changes nothing that is asked here and keeps the products small.
    """

    among: Floats
    along: Floats
    lengths: Floats

    @staticmethod
    def of(covariance: Floats, windows: Floats, directions: Floats) -> Whitened:
        """Return the products of `windows`, shape (windows, traits), and of `directions`, (traits, faults)."""
        lower = cholesky(covariance, lower=True)
        away = np.column_stack([(windows - windows.mean(axis=0)).T, directions])
        white = solve_triangular(lower, away, lower=True)
        around, ways = white[:, : len(windows)], white[:, len(windows) :]
        return Whitened(around.T @ around, around.T @ ways, (ways**2).sum(axis=0))

    def far(self, window: int, *, leave_out: NDArray[np.intp]) -> Floats:
        """Return how far a window went along each fault's direction, in spreads of all but those to `leave_out`.

        The inverse by Woodbury's identity.
        """
        others = np.delete(np.arange(len(self.among)), leave_out)
        among, along = self.among[np.ix_(others, others)], self.along[others]
        each, usual = among.mean(axis=1), along.mean(axis=0)
        inner = among - each[:, None] - each + each.mean() + np.eye(len(others)) * len(others)
        away = self.among[others, window] - each
        along = along - usual
        solved = np.linalg.solve(inner, np.column_stack([along, away - away.mean()]))
        way = self.along[window] - usual - along.T @ solved[:, -1]
        spread = self.lengths - (along * solved[:, :-1]).sum(axis=0)
        found: Floats = way / np.sqrt(np.maximum(spread, 1e-12))
        return found


def settled(covariance: Floats, windows: Floats, directions: Floats) -> tuple[NDArray[np.float32], Floats]:
    """Return by what a window's traits are multiplied to say how far it went along each direction, and what is usual.

    Shapes (faults, traits) and (faults,): where no reference window is left out, `far` is linear. It is kept in
    bundles, so it is worked out in plain steps: those of BLAS differ in the last bits by how many threads there are.
    Windows and directions have shapes (traits, windows) and (traits, faults), not whitened.
    """
    middle = windows.sum(axis=1) / windows.shape[1]
    lower = _plain_cholesky(covariance)
    white = _plain_solve(lower, np.column_stack([windows - middle[:, None], directions]))
    around, ways = white[:, : windows.shape[1]], white[:, windows.shape[1] :]
    inner = np.einsum("ki,kj->ij", around, around) + np.eye(around.shape[1]) * around.shape[1]
    inner_lower = _plain_cholesky(inner)
    half = _plain_solve(inner_lower, np.einsum("ki,kj->ij", around, ways))
    # The spread is that of `far`: what is left of a direction when the windows' own ways are taken out.
    spread = (ways**2).sum(axis=0) - (half**2).sum(axis=0)
    left = ways - np.einsum("ki,ij->kj", around, _plain_solve_back(inner_lower, half))
    raw = _plain_solve_back(lower, left / np.sqrt(np.maximum(spread, 1e-12))).T.astype(np.float32)
    return raw, np.einsum("ij,j->i", raw.astype(np.float64), middle)


def _plain_cholesky(matrix: Floats) -> Floats:
    found: Floats = np.tril(matrix)
    for j in range(len(found)):
        found[j:, j] /= np.sqrt(found[j, j])
        column = found[j + 1 :, j]
        for begin in range(0, len(column), _PANEL):
            rows = slice(begin, begin + _PANEL)
            found[j + 1 :, j + 1 :][rows, : begin + _PANEL] -= column[rows, None] * column[: begin + _PANEL]
    return np.tril(found)


def _plain_solve(lower: Floats, right: Floats) -> Floats:
    found = right.astype(np.float64)
    for j in range(len(lower)):
        found[j] /= lower[j, j]
        found[j + 1 :] -= lower[j + 1 :, j, None] * found[j]
    return found


def _plain_solve_back(lower: Floats, right: Floats) -> Floats:
    """Solve with the transpose of a lower triangle."""
    found = right.astype(np.float64)
    for j in range(len(lower) - 1, -1, -1):
        found[j] /= lower[j, j]
        found[:j] -= lower[j, :j, None] * found[j]
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
    # Windows that resemble their neighbours are told without those too: a run of them to come has no like among them.
    apart = min(2 * resembling(shares) - 1, _FURTHEST)
    step = max(-(-len(windows) // _PARTS), apart)
    parts = [_within(traits, thin[begin : begin + step]) for begin in range(0, len(windows), step)]
    whole, size = sum((part for part, _ in parts), np.zeros(1)), sum(rows for _, rows in parts)
    heard = tuple((fault.channel, fault.opposite) for fault in faults)
    kept = settled(_covariance(whole / size, shares.shape[1], rows_in), shares.T, ways)
    found = Filter(traits, heard, often, *kept, rows_in, most)
    history: list[dict[str, float]] = []
    for k in range(len(parts)):
        left_out = parts[max(k - 1, 0) : k + 2] if apart > 1 and len(parts) >= _LEAST_PARTS else parts[k : k + 1]
        part, rows = sum((one for one, _ in left_out), np.zeros(1)), sum(many for _, many in left_out)
        covariance = _covariance((whole - part) / (size - rows), shares.shape[1], rows_in)
        others = Whitened.of(covariance, shares, ways)
        for i in range(k * step, min((k + 1) * step, len(windows))):
            near = np.arange(max(i - apart + 1, 0), min(i + apart, len(windows)))
            history.append(found.by_channel(others.far(i, leave_out=near), len(windows[i])))
    return found, history


def _within(traits: Traits, windows: Sequence[Matrix]) -> tuple[Floats, int]:
    """Return the sum of squares and products of traits around their windows' means, and the rows it is of.

    Traits are whole multiples of a small number, so products add up to the same bits in any order.
    """
    total = np.zeros((traits.count, traits.count))
    for rows in windows:
        found = traits.of(rows).astype(np.float64)
        sums = found.sum(axis=0)
        total += found.T @ found - sums[:, None] * sums / len(rows)
    return total, sum(len(rows) for rows in windows)


def _covariance(within: Floats, size: int, rows: float) -> Floats:
    covariance = np.diag(np.full(size, _RARE))
    covariance[: len(within), : len(within)] += within + np.diag(np.diag(within) * _RIDGE)
    found: Floats = covariance / rows
    return found
