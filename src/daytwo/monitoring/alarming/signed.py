"""Channels with a direction, for small shifts that last: how far each column strays from what the others let expect.

A distance over twenty bins spends its strength on all the ways a column can move, and a season moves many columns
together, so that in clumpy windows a small shift of one column drowns. Here each column gives two numbers a window, its
mean code and its mean squared code, and each is predicted from the mean codes of the other columns, by a ridge
regression over the reference's windows. What is left has a direction and no season. `channels.py` has the
distances; `alarm.py` ranks both kinds against the reference's own windows, which are predicted without themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from daytwo.monitoring.alarming.channels import Moments, correlations
from daytwo.monitoring.profiles.bins import Floats
from daytwo.monitoring.profiles.profile import Layout, Profile

# Shrinkage, in mean variances of the predictors; the mean alone is tried too.
_PENALTIES = (0.03, 0.3, 3.0)
_LEAST_WINDOWS = 10


@dataclass(frozen=True, slots=True)
class Expected:
    """Each column's two numbers from the other columns' means: `weights` (d, 2 d), `middle` and `spread` (2 d,)."""

    weights: Floats
    middle: Floats
    spread: Floats

    def strays(self, part: Profile, layout: Layout) -> dict[str, float]:
        """Return `up:`, `down:`, `wide:` and `narrow:` of each column, in its usual prediction errors."""
        seen = leans(part)
        d = len(layout.columns)
        return name_strays((seen - self.middle - (seen[:d] - self.middle[:d]) @ self.weights) / self.spread, layout)


def leans(part: Profile) -> Floats:
    """Return the mean code of each column's rows, then the mean squared code, shape (2 d,)."""
    return np.concatenate([part.code_sums, np.diag(part.products)]) / max(part.rows, 1)


def name_strays(z: Floats, layout: Layout) -> dict[str, float]:
    """Give the standardised errors, shape (2 d,), the names of channels, once for each direction."""
    found: dict[str, float] = {}
    d = len(layout.columns)
    for i, bins in enumerate(layout.columns):
        for value, high, low in ((z[i], "up", "down"), (z[d + i], "wide", "narrow")):
            rounded = float(f"{value:.6g}")
            found |= {f"{high}:{bins.name}": rounded, f"{low}:{bins.name}": -rounded}
    return found


def learn_expected(parts: Sequence[Profile], layout: Layout) -> tuple[Expected, Floats]:
    """Learn what to expect, and return with it the reference's own errors, each window predicted without itself.

    Returns
    -------
    (expected, errors)
        `errors` has shape (windows, 2 d), in the units of `Expected.strays`.

    Source: A. Hoerl & R. Kennard (1970), Technometrics 12(1), 55-67 (ridge); D. Allen (1974), Technometrics 16(1),
    125-127 (leave-one-out errors from one fit: residual / (1 - leverage)).
    """
    seen = np.array([leans(part) for part in parts])
    n, d = len(seen), len(layout.columns)
    middle = seen.mean(axis=0)
    centred = seen - middle
    weights, errors = np.zeros((d, 2 * d)), np.empty((n, 2 * d))
    for i in range(d):
        others = np.delete(np.arange(d), i)
        for target in (i, d + i):
            part_weights, errors[:, target] = _ridge(centred[:, others], centred[:, target])
            weights[others, target] = part_weights
    rows = max(sum(part.rows for part in parts) / n, 1.0)
    spread = np.maximum(np.sqrt(np.mean(errors**2, axis=0)), 1.0 / np.sqrt(rows))
    return Expected(weights, middle, spread), errors / spread


def _ridge(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return the weights of the penalty with the least leave-one-out error, and those errors."""
    n = len(y)
    alone = y * n / max(n - 1, 1)
    best = (float(alone @ alone), np.zeros(x.shape[1]), alone)
    if n < _LEAST_WINDOWS or not x.shape[1]:
        return best[1], best[2]
    left, sizes, right = np.linalg.svd(x / np.sqrt(n), full_matrices=False)
    unit = max(float(np.mean(sizes**2)), 1e-12)
    for penalty in _PENALTIES:
        shrunk = sizes**2 / (sizes**2 + penalty * unit)
        leverage = (left**2 * shrunk).sum(axis=1) + 1.0 / n
        error = (y - left @ (shrunk * (left.T @ y))) / np.maximum(1.0 - leverage, 1e-3)
        if float(error @ error) < best[0]:
            weights = right.T @ (sizes / (sizes**2 + penalty * unit) * (left.T @ y)) / np.sqrt(n)
            best = (float(error @ error), weights, error)
    return best[1], best[2]


def strongest_pair(part: Profile, moments: Moments) -> float:
    """Return the largest deviation of one pair's correlation from the reference windows' mean, in usual spreads."""
    matrix = correlations(part)
    pairs = np.triu_indices(len(matrix), 1)
    if not pairs[0].size or moments.blocks < 2:
        return 0.0
    mean = moments.total[pairs] / moments.blocks
    raw = (moments.squares[pairs] - moments.blocks * mean**2) / (moments.blocks - 1)
    return float(np.sqrt(np.max((matrix[pairs] - mean) ** 2 / np.maximum(raw, 1.0 / max(part.rows, 1)))))
