"""Blocks: the small equal pieces of time (or of rows) that windows are judged in, so that an alarm has a history.

A quarter holds 13 weeks but 91 days: a weekly window judged day by day can alarm within days, judged as one piece
it needs weeks.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import msgspec
import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.datetime64]

# Fewer rows in a block say little about 20 bins.
MIN_BLOCK_ROWS = 200
# Fewer blocks than a month's are no history for an alarm.
_MIN_BLOCKS = 30
_DAY = timedelta(days=1)


class Block(msgspec.Struct, frozen=True):
    """The length of a block: `seconds` of time, or `rows` where rows have no time. The other one is 0.

    `typical_rows` is the median number of rows in a block of the reference.
    """

    seconds: int = 0
    rows: int = 0
    typical_rows: int = 0

    @property
    def is_time(self) -> bool:
        """Whether blocks are pieces of time."""
        return self.seconds > 0


def choose_block(n: int, times: Times | None, window: timedelta | None) -> Block:
    """Choose the smallest block that has enough rows, at least a day where there is time, at most the window."""
    if times is None or not n:
        rows = min(max(MIN_BLOCK_ROWS, n // 100), 1_000)
        return Block(rows=rows, typical_rows=rows)
    longest = window or timedelta(days=28)
    candidates = [days * _DAY for days in (1, 2, 7, 14, 28) if days * _DAY <= longest and not longest % (days * _DAY)]
    if times[-1] - times[0] < np.timedelta64(14, "D"):
        candidates = [timedelta(hours=h) for h in (1, 6)] + candidates
    best: Block | None = None
    for span in candidates or [longest]:
        sizes = [rows.size for rows in split(n, times, Block(seconds=int(span.total_seconds())))]
        block = Block(seconds=int(span.total_seconds()), typical_rows=int(np.median(sizes)))
        if best is not None and len(sizes) < _MIN_BLOCKS:
            break
        best = block
        if block.typical_rows >= MIN_BLOCK_ROWS:
            break
    assert best is not None
    return best


def split(n: int, times: Times | None, block: Block) -> list[NDArray[np.intp]]:
    """Return the row numbers of each block that holds rows, in order of time.

    Blocks of time begin at midnight UTC of the first row's day and follow without a gap. Without times, rows are
    cut in their order; a rest of less than half a block joins the one before.
    """
    if not n:
        return []
    if times is None or not block.is_time:
        pieces = max(round(n / (block.rows or n)), 1)
        return [np.asarray(rows, dtype=np.intp) for rows in np.array_split(np.arange(n), pieces)]
    first = times.min().astype("datetime64[D]")
    number = (times - first).astype("timedelta64[s]").astype(np.int64) // block.seconds
    order = np.argsort(number, kind="stable")
    return list(_runs(order, number[order]))


def _runs(order: NDArray[np.intp], sorted_numbers: NDArray[np.int64]) -> Iterator[NDArray[np.intp]]:
    cuts = np.flatnonzero(np.diff(sorted_numbers)) + 1
    yield from np.split(order, cuts)
