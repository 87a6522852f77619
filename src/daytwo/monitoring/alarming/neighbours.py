"""How far apart blocks must lie not to resemble each other: so many separate books `alarm.py` keeps."""

from __future__ import annotations

import numpy as np

from daytwo.monitoring.profiles.bins import Floats

_MAX_LAG = 7


def resembling(history: Floats) -> int:
    """Return from how many blocks apart channels no longer resemble themselves, on average over all channels.

    `history` has shape (blocks, channels), without gaps and without constant channels. `alarm.start` asks the
    listeners that hear many channels; where seasons live in single columns, ask this as well and take the longer.

    Examples
    --------
    >>> resembling(np.random.default_rng(0).normal(size=(60, 30)))
    1

    Source: C. Spearman (1904), Am. J. Psychol. 15, 72-101 (correlation of ranks), between a series and itself later.
    """
    n = len(history)
    ranks: Floats = np.argsort(np.argsort(history, axis=0, kind="stable"), axis=0).astype(np.float64)
    ranks -= ranks.mean(axis=0)
    power = (ranks**2).sum(axis=0)
    for lag in range(1, min(_MAX_LAG, n // 4) + 1):
        # Half a standard error of one channel: the mean over many is known better than one.
        if float(np.mean((ranks[lag:] * ranks[:-lag]).sum(axis=0) / power)) < 0.5 / np.sqrt(n):
            return lag
    return _MAX_LAG if n > _MAX_LAG else 1


def resemblance(values: Floats) -> int:
    """Return from how many blocks apart one listener's numbers, shape (blocks,), no longer resemble themselves."""
    n = values.size
    ranks: Floats = np.argsort(np.argsort(values, kind="stable")).astype(np.float64)
    ranks -= ranks.mean()
    power = float(ranks @ ranks)
    for lag in range(1, min(_MAX_LAG, n // 4) + 1):
        # One standard error: a book too many costs a few days, one too few costs false alarms.
        if float(ranks[lag:] @ ranks[:-lag]) / power < 1.0 / np.sqrt(n):
            return lag
    return _MAX_LAG
