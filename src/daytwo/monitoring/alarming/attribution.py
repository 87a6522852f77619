"""Whether the model's reasons drifted: how much each column moves the score, and which way, against the reference.

A column may move where the model does not look, and a small move may matter where it does: reasons weigh columns by
what the model makes of them. They come from the model itself (Shapley values in a project), for some rows of a block;
`alarm.py` ranks the outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from daytwo.core.errors import DataError
from daytwo.monitoring.profiles.bins import Floats

# Rows of a feature matrix, shape (n, d), to what each column contributes to each row's score, shape (n, d).
Reasons = Callable[[NDArray[np.floating]], Floats]

# Rows of one block that are asked for their reasons, and of a whole reference.
_MOST_ROWS, _MOST_IN_ALL = 500, 40_000
_FEWEST = 20
# Where no other row's score was moved by a column at all, one that is says as much as a number can.
_LEAST = 1e-12


class Attribution(msgspec.Struct, frozen=True):
    """What reasons were like: over `rows`, per column of `names` the sums of contributions, of squares and of sizes.

    A column that never moved the score is left out: `places` are those of `names` among all `width` features.
    `looked_at` rows of a block at most are asked.
    """

    names: tuple[str, ...]
    places: tuple[int, ...]
    width: int
    looked_at: int
    rows: int
    sums: tuple[float, ...]
    squares: tuple[float, ...]
    sizes: tuple[float, ...]

    def asked(self, matrix: NDArray[np.floating], reasons: Reasons) -> dict[str, float]:
        """Return `attribution:NAME` for a block of rows, as the model of this reference tells its reasons."""
        return self.compare(reasons(matrix[sampled(len(matrix), self.looked_at)]))

    def compare(self, given: Floats) -> dict[str, float]:
        """Return the channels of a block by its contributions, shape (n, d)."""
        return self.distances(_totals(given, self.width)[:, list(self.places)], taken_out=False)

    def distances(self, block: Floats, *, taken_out: bool) -> dict[str, float]:
        """Hold a block's totals, shape (4, names), against the reference's; if it is a part of that, it is taken out.

        The larger of two distances, of the mean contribution and of its mean size, in standard errors.
        """
        usual = np.array([np.full(len(self.names), self.rows), self.sums, self.squares, self.sizes])
        usual = usual - block if taken_out else usual
        n, before = np.maximum(block[0], 1.0), np.maximum(usual[0], 1.0)
        spread = np.sqrt(np.maximum(usual[2] / before, _LEAST) * (1.0 / n + 1.0 / before))
        moved = np.abs(block[[1, 3]] / n - usual[[1, 3]] / before).max(axis=0) / spread
        return {f"attribution:{name}": float(f"{far:.6g}") for name, far in zip(self.names, moved, strict=True)}


def learn_attribution(
    blocks: Sequence[Floats], names: Sequence[str], *, looked_at: int
) -> tuple[Attribution, list[dict[str, float]]]:
    """Learn what contributions are like, and return with it each block's channels, held against the others.

    `blocks` are the contributions of some rows of each block, shape (n, d); `looked_at` is how many those are at most.

    Raises
    ------
    DataError
        If there is not one contribution for every feature.

    Source: S. Lundberg and others (2020), From local explanations to global understanding with explainable AI for
    trees, Nature Machine Intelligence 2, 56-67 (monitoring by Shapley values); the distance is the two-sample z.
    """
    totals = np.array([_totals(block, len(names)) for block in blocks])
    whole = totals.sum(axis=0)
    places = np.flatnonzero(whole[2] > 0)
    sums, squares, sizes = (tuple(line.tolist()) for line in whole[1:, places])
    rows = int(whole[0].max(initial=0.0))
    found = Attribution(
        tuple(names[i] for i in places.tolist()),
        tuple(places.tolist()),
        len(names),
        looked_at,
        rows,
        sums,
        squares,
        sizes,
    )
    return found, [found.distances(block[:, places], taken_out=True) for block in totals]


def rows_to_ask(blocks: int) -> int:
    """Return how many rows of a block are asked for their reasons, at most, by how many blocks a reference has."""
    return min(max(_MOST_IN_ALL // max(blocks, 1), _FEWEST), _MOST_ROWS)


def sampled(rows: int, most: int) -> slice:
    """Return every second, third, ... row, so that there are `most` at most."""
    return slice(None, None, max(-(-rows // most), 1))


def _totals(given: Floats, width: int) -> Floats:
    """Return rows, sums, squares and sizes by column, shape (4, d)."""
    if given.ndim != 2 or given.shape[1] != width:
        raise DataError(
            f"reasons of shape {given.shape} came for {width} features",
            hint="Give one contribution for every row and feature, in the features' order, without the base value",
        )
    known = np.nan_to_num(np.asarray(given, dtype=np.float64))
    lines = np.full(known.shape[1], len(known)), known.sum(axis=0), (known**2).sum(axis=0), np.abs(known).sum(axis=0)
    return np.array(lines)
