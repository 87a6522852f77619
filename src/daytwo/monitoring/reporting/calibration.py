"""Do scores mean what they say? Rows in groups of like score: what was said on average, and what came true."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from daytwo.monitoring.estimating.performance import Z
from daytwo.monitoring.profiles.bins import Floats

_GROUPS = 10
_LEAST = 30


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of like score: the mean score, the share of label 1 with its 95 % interval, how many rows."""

    said: float
    came: float
    low: float
    high: float
    rows: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """The curve. `error` is the mean gap between said and came, weighted by rows, in [0, 1]."""

    groups: tuple[Group, ...]

    @property
    def error(self) -> float:
        """Expected calibration error over the groups."""
        rows = sum(one.rows for one in self.groups)
        return sum(one.rows * abs(one.said - one.came) for one in self.groups) / rows


def calibration(scores: Floats, labels: Floats) -> Calibration | None:
    """Return the curve of binary outcomes; None where fewer than 30 labels are known or labels are not 0 and 1.

    Parameters
    ----------
    scores : shape (n,), in [0, 1]
    labels : shape (n,)
        0 or 1, NaN where unknown.

    Examples
    --------
    >>> found = calibration(np.repeat([0.2, 0.8], 50), np.tile([0.0] * 4 + [1.0], 20))
    >>> [(round(one.said, 3), one.came, one.rows) for one in found.groups]
    [(0.2, 0.2, 50), (0.8, 0.2, 50)]

    Source: E. Wilson (1927), J. Am. Stat. Assoc. 22, 209-212 (interval); M. Naeini et al. (2015), AAAI (error).
    """
    known = ~np.isnan(labels) & ~np.isnan(scores)
    s, y = scores[known], labels[known]
    if s.size < _LEAST or not np.isin(y, (0.0, 1.0)).all() or s.min() < 0 or s.max() > 1:
        return None
    edges = np.unique(np.quantile(s, np.arange(1, _GROUPS) / _GROUPS))
    index = np.searchsorted(edges, s, side="left")
    counts = np.bincount(index)
    said, came = np.bincount(index, weights=s), np.bincount(index, weights=y)
    return Calibration(
        tuple(_group(float(a), float(b), int(n)) for a, b, n in zip(said, came, counts, strict=True) if n)
    )


def _group(said: float, came: float, rows: int) -> Group:
    share, z = came / rows, Z * Z / rows
    middle = (share + z / 2) / (1 + z)
    half = Z / (1 + z) * math.sqrt(share * (1 - share) / rows + z / (4 * rows))
    return Group(said / rows, share, max(middle - half, 0.0), min(middle + half, 1.0), rows)
