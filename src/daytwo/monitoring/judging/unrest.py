"""How much a slice's mean loss wanders from day to day where nothing is wrong: weather, weekdays, whatever days share.

A week's slice is not so many rows by themselves but seven days; without this, a windy week looks like a broken slice.
`slice_table.py` keeps what is found here beside the reference's sums.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from daytwo.monitoring.profiles.bins import Floats

# Fewer rows of a day say nothing of that day, fewer days nothing of days.
_ROWS, _DAYS = 5, 6
# One day seldom tells more of the next than this.
_MOST = 0.8


def day_unrest(
    codes: NDArray[np.intp], size: int, losses: Floats, days: ArrayLike | None
) -> tuple[Floats, Floats, Floats]:
    """Return of each cell how much its daily mean wanders beyond what its rows explain.

    Parameters
    ----------
    codes : shape (n,)
        Each row's cell, below `size`.
    losses : shape (n,), finite
    days : shape (n,), optional
        Each row's day; without days nothing wanders.

    Returns
    -------
    (own, beside, memory), each of shape (size,)
        Variances of a day's mean, by itself and against the mean of the day's other rows, at least 0; and how alike
        successive days are (autocorrelation at one day, in [0, 0.8]), NaN where too few days are known.

    Source: method of moments for a variance component (one-way random effects).
    """
    nothing = np.zeros(size), np.zeros(size), np.full(size, np.nan)
    if days is None:
        return nothing
    _, day = np.unique(np.asarray(days), return_inverse=True)
    count = int(day.max()) + 1 if day.size else 0
    if count < _DAYS:
        return nothing
    shape = (size, count)
    index = codes * count + day
    rows = np.bincount(index, minlength=size * count).reshape(shape).astype(np.float64)
    sums, squares = (
        np.bincount(index, weights=one, minlength=size * count).reshape(shape).astype(np.float64)
        for one in (losses, losses**2)
    )
    rest: tuple[Floats, Floats, Floats] = (
        rows.sum(axis=0) - rows,
        sums.sum(axis=0) - sums,
        squares.sum(axis=0) - squares,
    )
    own, own_noise = _means(rows, sums, squares)
    other, other_noise = _means(*rest)
    there = rows >= _ROWS
    beside_there = there & (rest[0] >= _ROWS)
    return (
        _beyond(own, own_noise, there),
        _beyond(own - other, own_noise + other_noise, beside_there),
        _alike(own, there),
    )


def _means(rows: Floats, sums: Floats, squares: Floats) -> tuple[Floats, Floats]:
    """Return each day's mean and the variance that its rows explain."""
    known = np.maximum(rows, 1)
    mean = sums / known
    return mean, np.maximum(squares / known - mean**2, 0.0) / np.maximum(rows - 1, 1)


def _beyond(values: Floats, noise: Floats, there: NDArray[np.bool_]) -> Floats:
    """Variance over the days that are there, less the mean of what chance explains."""
    count = there.sum(axis=1)
    known = np.maximum(count, 1)
    mean = np.where(there, values, 0.0).sum(axis=1) / known
    spread = np.where(there, (values - mean[:, None]) ** 2, 0.0).sum(axis=1) / np.maximum(count - 1, 1)
    explained = np.where(there, noise, 0.0).sum(axis=1) / known
    return np.where(count >= _DAYS, np.maximum(spread - explained, 0.0), 0.0)


def _alike(values: Floats, there: NDArray[np.bool_]) -> Floats:
    count = there.sum(axis=1)
    mean = np.where(there, values, 0.0).sum(axis=1) / np.maximum(count, 1)
    off = np.where(there, values - mean[:, None], 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (off[:, 1:] * off[:, :-1]).sum(axis=1) / (off**2).sum(axis=1)
    return np.where(count >= _DAYS, np.clip(found, 0.0, _MOST), np.nan)
