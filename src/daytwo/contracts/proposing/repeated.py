"""What share of a batch's rows may repeat another row as a whole, from the rows of the reference.

Only where nothing names a row: a key names each repeated row by itself. Half of `propose.py`; `table/repeats.py`
counts.
"""

from __future__ import annotations

import math

import numpy as np
import polars as pl

_LEAST_ROWS = 500
_BLOCKS = 20
# Twice the worst share, and no less than this more than it: shares differ from day to day more than by chance.
_MORE, _LEAST_MORE = 2.0, 0.02
# A batch that came twice repeats half of its rows: a higher limit would find nothing.
_MOST = 0.45
_HELD_OUT = 0.2


def most_repeated(frame: pl.DataFrame, *, ordered: bool) -> tuple[float, str] | None:
    """Return the share of repeated rows, in [0, 1], that a batch may have, and its evidence; None where none is sure.

    Larger batches repeat more, so the share is that which is to be expected of twice as many rows; or that of the
    worst twentieth of the period, if it is more. It must hold on a held-out part, the last fifth.

    Source: I. J. Good and G. H. Toulmin (1956), The number of new species, and the increase in population coverage,
    when a sample is increased, Biometrika 43, 45-63.
    """
    if frame.height < _LEAST_ROWS or not frame.width:
        return None
    hashes = frame.select(pl.struct(pl.all()).hash(0)).to_series()
    cut = int(frame.height * (1 - _HELD_OUT))
    limit = _limit(hashes[:cut], ordered=ordered)
    if _share(hashes[cut:]) > limit:
        return None
    limit = max(limit, _limit(hashes, ordered=ordered))
    if limit > _MOST:
        return None
    return limit, f"{_share(hashes):.2%} of {frame.height} rows repeat another row"


def _limit(hashes: pl.Series, *, ordered: bool) -> float:
    size = hashes.len() // _BLOCKS
    worst = max(_share(hashes[i * size : (i + 1) * size]) for i in range(_BLOCKS)) if ordered else 0.0
    usual = max(worst, _share(hashes), _share_of_twice(hashes))
    return math.ceil(100 * max(min(_MORE * usual, _MOST), usual + _LEAST_MORE)) / 100


def _share(hashes: pl.Series) -> float:
    return 1.0 - hashes.n_unique() / hashes.len()


def _share_of_twice(hashes: pl.Series) -> float:
    """Return the share of repeated rows among twice as many: how many new ones come, is known by how many came once."""
    often = hashes.value_counts().get_column("count").to_numpy()
    signs = np.where(often % 2 == 1, 1.0, -1.0)
    new = float(np.clip(signs.sum(), 0, hashes.len()))
    return 1.0 - (often.size + new) / (2 * hashes.len())
