"""How many rows come in a window of time, and how old the newest may be, from the times of the reference's events.

The window is the shortest in which rows come regularly. Numbers of rows may be as far beyond those seen as the second
half of the reference was beyond the first, and a little more. Half of `propose.py`; `whole.py` judges by it.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import polars as pl

from daytwo.contracts.batch import ANY_BATCH, Batch

_SECOND = 1_000_000
_WINDOWS = {"1h": 3_600, "1d": 86_400, "7d": 7 * 86_400}
_AGES = {"1d": 86_400, "2d": 2 * 86_400, "7d": 7 * 86_400, "30d": 30 * 86_400, "90d": 90 * 86_400}
_LEAST_WINDOWS = 20
_LEAST_ROWS = 40
# Where windows differ more than this, a number of rows says nothing.
_MOST_RATIO = 20.0
_LEAST_MARGIN = 1.25
# The newest row may be as old as this many of the longest gaps between rows.
_GAPS = 4


def propose_batch(times: pl.Series) -> Batch:
    """Return how fresh and how large batches are; `times` are moments in order, without missing ones.

    Without enough time or rows, promises nothing.
    """
    seconds = times.cast(pl.Datetime("us", "UTC")).to_physical().to_numpy() // _SECOND
    if seconds.size < 2 or seconds[0] == seconds[-1]:
        return ANY_BATCH
    gap = int(np.diff(seconds).max())
    age = next((name for name, length in _AGES.items() if length >= _GAPS * gap), "")
    words = f"the longest gap between rows is {_hours(gap)}"
    for window, length in _WINDOWS.items():
        counts = _counts(seconds, length)
        if counts.size < _LEAST_WINDOWS or np.median(counts) < _LEAST_ROWS or counts.min() == 0:
            continue
        if counts.max() > _MOST_RATIO * counts.min():
            continue
        low, high = _ends(counts)
        words += f"; {counts.size} windows of {window} had {counts.min()} to {counts.max()} rows"
        return Batch(age, window, low, high, evidence=words, false_alarm_rate=round(1 / (counts.size + 1), 6))
    return Batch(max_age=age, evidence=words) if age else ANY_BATCH


def _counts(seconds: npt.NDArray[np.int64], length: int) -> npt.NDArray[np.int64]:
    """Return the rows of each whole window; the first and the last are cut."""
    places = seconds // length
    return np.bincount(places - places[0])[1:-1]


def _ends(counts: npt.NDArray[np.int64]) -> tuple[int, int]:
    half = counts.size // 2
    early, late = counts[:half], counts[half:]
    up = max(_LEAST_MARGIN, float(late.max() / early.max()))
    down = max(_LEAST_MARGIN, float(early.min() / late.min()))
    return math.floor(counts.min() / down), math.ceil(counts.max() * up)


def _hours(seconds: int) -> str:
    return f"{seconds / 3600:.1f} h" if seconds < 2 * 86_400 else f"{seconds / 86_400:.1f} days"
