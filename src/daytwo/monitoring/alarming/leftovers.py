"""What is left of a column when the others have explained what they can: its mean and its spread, block by block.

A season moves many columns together and hides a small shift of one; a column that no longer belongs to its row
keeps its distribution. Both show in what is left. Each column's code is predicted from the codes of all others by
least squares over the reference's rows; the inverse of the covariance holds all those regressions at once.
"""

from __future__ import annotations

import numpy as np

from daytwo.monitoring.profiles.bins import Floats
from daytwo.monitoring.profiles.profile import Layout, Profile

# Codes have variance 1: so much keeps the inverse tame where one column is another's copy.
_RIDGE = 1e-4
# With fewer rows a column the regressions are noise.
_ROWS_A_COLUMN = 10
_LEAST = 1e-6


def leftovers(part: Profile, rest: Profile, layout: Layout) -> dict[str, float]:
    """Compare what is left of each column in a block with what was left in the reference.

    Returns
    -------
    dict
        `leftover:NAME`, how far the mean of what is left lies from 0, and `unfit:NAME`, how much more is left than
        usual (below 0: less). Both in standard errors of independent rows: about 1 and about 0 while nothing changes.
        Nothing where the reference has fewer than ten rows a column, or keeps no code sums.

    Source: D. R. Cox & N. Wermuth (1996), Multivariate dependencies, section 3.4 (the inverse covariance holds the
    coefficients and residual variances of every regression on all others).
    """
    d = len(layout.columns)
    if not part.rows or d < 2 or rest.rows < _ROWS_A_COLUMN * d or not np.any(rest.products):
        return {}
    middle = rest.code_sums / rest.rows
    covariance = rest.products / rest.rows - np.outer(middle, middle)
    precision = np.linalg.inv(covariance + _RIDGE * np.eye(d))
    usual = 1.0 / np.diag(precision)
    weights = precision * usual
    mean = part.code_sums / part.rows
    shift = (mean - middle) @ weights
    spread = np.einsum("ij,ik,kj->j", weights, part.products / part.rows - np.outer(mean, mean), weights)
    alive = np.diag(covariance) > _LEAST
    shifts = np.where(alive, np.abs(shift) / np.sqrt(usual), 0.0) * np.sqrt(part.rows)
    more = np.where(alive, np.log(np.maximum(spread, _LEAST) / usual), 0.0) * np.sqrt(part.rows / 2.0)
    found: dict[str, float] = {}
    for i, bins in enumerate(layout.columns):
        found |= {f"leftover:{bins.name}": _short(shifts[i]), f"unfit:{bins.name}": _short(more[i])}
    return found


def _short(value: Floats) -> float:
    return float(f"{float(value):.6g}")
