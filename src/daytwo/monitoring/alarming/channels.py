"""What an alarm listens to: one number per column and concern, sized so that noise looks alike in all of them.

`column:NAME` shape of the present values, `missing:NAME` missing share, `prediction` the scores, `dependence` how all
columns move together, `pair` the two that do so most unusually, `leftover:NAME` and `unfit:NAME` what the other columns
do not explain (`leftovers.py`). The caller adds `volume`, rows per block (`volumes.py`), and may add `new:NAME` and
`outside:NAME` (`strangers.py`) and `contract`. `alarm.py` decides what is unusual.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from daytwo.core.errors import DataError
from daytwo.monitoring.alarming.leftovers import leftovers
from daytwo.monitoring.profiles.bins import Floats
from daytwo.monitoring.profiles.distances import noise_units
from daytwo.monitoring.profiles.profile import Layout, Profile

# A move of the missing share below half a point is nobody's business, however sure.
_MISSING_UNIT = 0.005
# Half a point of failing rows is one unit of contract breach.
CONTRACT_UNIT = 0.005
# With fewer blocks their own spread is not known, and correlations are sized by their rows.
_MIN_BLOCKS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Sum and sum of squares of the blocks' correlation matrices, so that one block can be taken out again."""

    blocks: int
    total: Floats
    squares: Floats

    def without(self, matrix: Floats) -> Moments:
        """Return the moments with one block's matrix taken out."""
        return Moments(self.blocks - 1, self.total - matrix, self.squares - matrix**2)

    def deviations(self, matrix: Floats, rows: int) -> Floats:
        """Return each pair's squared deviation from the blocks' mean correlation, in units of their spread.

        Shape (d (d - 1) / 2,): the pairs above the diagonal, row by row; empty where the reference has no blocks.
        """
        d = len(matrix)
        if d < 2 or not self.blocks:
            return np.zeros(0)
        pairs = np.triu_indices(d, 1)
        mean = self.total[pairs] / self.blocks
        floor = 1.0 / max(rows, 1)
        if self.blocks < _MIN_BLOCKS:
            variance = np.full(mean.size, floor)
        else:
            raw = (self.squares[pairs] - self.blocks * mean**2) / (self.blocks - 1)
            variance = np.maximum(raw, floor)
        found: Floats = (matrix[pairs] - mean) ** 2 / variance
        return found

    def strongest_pair(self, part: Profile) -> tuple[int, int]:
        """Return the two columns whose correlation in a block deviates most.

        Raises
        ------
        DataError
            If there are fewer than two columns, or no reference blocks.
        """
        deviations = self.deviations(correlations(part), part.rows)
        if not deviations.size:
            raise DataError("there is no pair of columns to compare", hint="Give two columns and a reference")
        first, second = np.triu_indices(len(self.total), 1)
        at = int(np.argmax(deviations))
        return int(first[at]), int(second[at])


def correlations(part: Profile) -> Floats:
    """Return the correlation matrix of the columns' codes, shape (d, d); 0 for a constant column."""
    if not part.rows:
        return np.zeros_like(part.products)
    mean = part.code_sums / part.rows
    covariance = part.products / part.rows - np.outer(mean, mean)
    spread = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    alive = spread > 1e-6
    scale = np.where(alive, spread, 1.0)
    return np.where(np.outer(alive, alive), covariance / np.outer(scale, scale), 0.0)


def channels(part: Profile, rest: Profile, moments: Moments, layout: Layout) -> dict[str, float]:
    """Compare a block with the reference.

    Parameters
    ----------
    part : Profile
        The block, with at least one row.
    rest : Profile
        The reference, without the block where the block is a part of it.
    moments : Moments
        The reference blocks' correlations, likewise.

    Returns
    -------
    dict
        By channel, in noise units: about 0 or below when usual, large when not.
    """
    found: dict[str, float] = {}
    for i, bins in enumerate(layout.columns):
        before, now = rest.counts[i], part.counts[i]
        found[f"column:{bins.name}"] = _shape(before[: bins.size], now[: bins.size])
        found[f"missing:{bins.name}"] = _missing(before[bins.size], rest.rows, now[bins.size], part.rows)
    found["prediction"] = _shape(rest.counts[-1][: layout.score.size], part.counts[-1][: layout.score.size])
    deviations = moments.deviations(correlations(part), part.rows)
    if deviations.size:
        found["dependence"] = float(deviations.mean())
        found["pair"] = float(np.sqrt(deviations.max()))
    found |= leftovers(part, rest, layout)
    return {name: float(f"{value:.6g}") for name, value in found.items()}


def _shape(before: Floats, now: Floats) -> float:
    """Sized distance of the present values; 0 where one side has none, which `missing` then says."""
    return noise_units(before, now) if before.sum() and now.sum() else 0.0


def _missing(before: float, before_rows: int, now: float, now_rows: int) -> float:
    usual, present = before / max(before_rows, 1), now / now_rows
    noise = np.sqrt(usual * (1 - usual) / now_rows + _MISSING_UNIT**2)
    return float(abs(present - usual) / noise)
