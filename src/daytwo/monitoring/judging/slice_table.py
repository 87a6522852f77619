"""What rows of the reference cost, slice by slice: counts, sums and squares over coarse bins and pairs of them.

Kept in the bundle, so that a window can be held against the reference without its rows. Two halves are kept apart: one
proposes bad slices, the other confirms them (`slices.py`).
"""

from __future__ import annotations

from itertools import combinations, pairwise

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from daytwo.core.schema import Feature, Schema
from daytwo.monitoring.judging.unrest import day_unrest
from daytwo.monitoring.profiles.bins import Bins, Floats

# Six bins of a number and eleven levels of a category name a slice well enough; finer ones have too few rows.
NUMBER_BINS, LEVELS = 6, 11
# A number of so few values, such as a weekday, has a bin for each.
FEW = 8
# Pairs are kept of so many columns, those that tell most about the loss.
PAIRED = 14
# Runs of neighbouring rows go to one half or the other together, since they resemble each other.
RUNS = 20
HALVES = 2
# rows, sum and sum of squares of the expected losses less their mean, and the same two of the known ones.
_FIGURES = 5
Codes = NDArray[np.intp]


class SliceTable(msgspec.Struct, frozen=True):
    """The reference's losses over coarse bins.

    `paired` are the columns whose pairs are kept. `single` and `pairs` hold float32 of shape (halves, 5, cells): the
    bins of every column and its missing values behind each other, and those of every pair. `expected_mean` and
    `known_mean` were taken off the losses before they were added up. `unrest` holds float32 of shape (2, 2, cells): of
    every column's bins, of expected and known losses, how much a day's mean wanders by itself and beside the day's
    other rows (`unrest.py`); `days` counts the reference's days, `memory` is how alike successive ones are.
    """

    columns: tuple[Bins, ...]
    paired: tuple[int, ...]
    single: bytes
    pairs: bytes
    expected_mean: float
    known_mean: float
    unrest: bytes = b""
    days: int = 0
    memory: tuple[float, float] = (0.0, 0.0)

    def to_bytes(self) -> bytes:
        """Return the table as MessagePack."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> SliceTable:
        """Read what `to_bytes` wrote."""
        return msgspec.msgpack.decode(data, type=cls)

    def codes(self, matrix: NDArray[np.floating]) -> Codes:
        """Return every row's bin of every column, shape (columns, n); the last bin of each is for missing values."""
        return np.stack([bins.codes(matrix[:, i]) for i, bins in enumerate(self.columns)])

    def wandering(self, *, known: bool, days: int) -> list[Floats]:
        """Return of every column's cells the variance that days add to a mean over `days` days and the reference's.

        Shape (2, cells) each: by itself, and beside the other rows.
        """
        sizes = [bins.size + 1 for bins in self.columns]
        ends = np.cumsum([0, *sizes])
        if not self.days or not self.unrest:
            return [np.zeros((2, size)) for size in sizes]
        alike = self.memory[int(known)]
        weight = (1 + alike) / (1 - alike) * (1 / max(days, 1) + HALVES / self.days)
        every = np.frombuffer(self.unrest, dtype="<f4").reshape(2, 2, -1)[int(known)].astype(np.float64) * weight
        return [every[:, a:b] for a, b in pairwise(ends)]

    def half(self, half: int, *, known: bool) -> Cells:
        """Return rows, sums and squares of one half's expected or known losses."""
        chosen = [0, 3, 4] if known else [0, 1, 2]
        shape = (HALVES, _FIGURES, -1)
        single = np.frombuffer(self.single, dtype="<f4").reshape(shape)[half, chosen]
        pairs = np.frombuffer(self.pairs, dtype="<f4").reshape(shape)[half, chosen]
        return Cells(self.columns, self.paired, single.astype(np.float64), pairs.astype(np.float64))


class Cells:
    """Rows, sums and squares of losses, of one column's cells (shape (3, cells)) or a pair's ((3, cells, cells))."""

    def __init__(self, columns: tuple[Bins, ...], paired: tuple[int, ...], single: Floats, pairs: Floats) -> None:
        self._single: dict[int, Floats] = {}
        self._pairs: dict[tuple[int, int], Floats] = {}
        sizes = [bins.size + 1 for bins in columns]
        at = 0
        for i, size in enumerate(sizes):
            self._single[i] = single[:, at : at + size]
            at += size
        at = 0
        for i, j in combinations(paired, 2):
            size = sizes[i] * sizes[j]
            self._pairs[i, j] = pairs[:, at : at + size].reshape(len(pairs), sizes[i], sizes[j])
            at += size

    def of(self, i: int, j: int | None = None) -> Floats:
        """Return the cells of column i, or of the pair i, j."""
        return self._single[i] if j is None else self._pairs[i, j]


def half_of(rows: int) -> NDArray[np.intp]:
    """Say of each of `rows` rows in order which half it belongs to, by runs of neighbours."""
    return np.arange(rows) * RUNS // max(rows, 1) % HALVES


def count_cells(
    columns: tuple[Bins, ...], paired: tuple[int, ...], codes: Codes, figures: list[Floats]
) -> tuple[Floats, Floats]:
    """Add up figures, each of shape (n,), over every column's bins and every pair's; row counts come first."""
    sizes = [bins.size + 1 for bins in columns]

    def added(index: Codes, size: int) -> Floats:
        counts = np.bincount(index, minlength=size).astype(np.float64)
        return np.stack([counts, *(np.bincount(index, weights=one, minlength=size) for one in figures)])

    single = [added(codes[i], size) for i, size in enumerate(sizes)]
    pairs = [added(codes[i] * sizes[j] + codes[j], sizes[i] * sizes[j]) for i, j in combinations(paired, 2)]
    nothing = np.zeros((len(figures) + 1, 0))
    return np.concatenate([nothing, *single], axis=1), np.concatenate([nothing, *pairs], axis=1)


def build_slice_table(
    matrix: NDArray[np.floating], expected: Floats, known: Floats, schema: Schema, days: ArrayLike | None = None
) -> SliceTable:
    """Add up what labelled rows that the model was not trained on cost, slice by slice.

    Parameters
    ----------
    matrix : shape (n, d)
        Feature matrix, oldest row first.
    expected, known : shape (n,), finite
        Each row's losses (`slice_losses.py`).
    days : shape (n,), optional
        Each row's day.
    """
    columns = tuple(coarse_bins(feature, matrix[:, i]) for i, feature in enumerate(schema.features))
    codes = np.stack([bins.codes(matrix[:, i]) for i, bins in enumerate(columns)])
    paired = _telling(columns, codes, expected)
    means = float(expected.mean()), float(known.mean())
    a, b = expected - means[0], known - means[1]
    half = half_of(len(matrix))
    single, pairs = [], []
    for which in range(HALVES):
        mine = half == which
        parts = [part[mine] for part in (a, a**2, b, b**2)]
        alone, together = count_cells(columns, paired, codes[:, mine], parts)
        single.append(alone)
        pairs.append(together)
    unrest, count, memory = _unrest(columns, codes, (a, b), days)
    sums, pair_sums = (np.stack(one).astype("<f4").tobytes() for one in (single, pairs))
    return SliceTable(columns, paired, sums, pair_sums, *means, unrest=unrest, days=count, memory=memory)


def _unrest(
    columns: tuple[Bins, ...], codes: Codes, losses: tuple[Floats, Floats], days: ArrayLike | None
) -> tuple[bytes, int, tuple[float, float]]:
    """Return the days' variances of every cell, how many days there are, and how alike successive ones are."""
    if days is None:
        return b"", 0, (0.0, 0.0)
    found, memory = [], []
    for one in losses:
        parts = [day_unrest(codes[i], bins.size + 1, one, days) for i, bins in enumerate(columns)]
        found.append(np.stack([np.concatenate([part[k] for part in parts]) for k in range(2)]))
        alike = np.concatenate([part[2] for part in parts])
        memory.append(float(np.nanmean(alike)) if np.isfinite(alike).any() else 0.0)
    return np.stack(found).astype("<f4").tobytes(), len(np.unique(np.asarray(days))), (memory[0], memory[1])


def coarse_bins(feature: Feature, values: NDArray[np.floating]) -> Bins:
    """Return a few wide bins: quantiles of a number, the most frequent levels of a category.

    Examples
    --------
    >>> coarse_bins(Feature("seats"), np.arange(12.0)).edges
    (1.0, 3.0, 5.0, 7.0, 9.0)
    """
    present = values[~np.isnan(values)]
    if feature.is_category:
        return _coarse_levels(feature, present)
    if not present.size:
        return Bins(feature.name, 1)
    distinct = np.unique(present)
    edges = distinct[:-1]
    if distinct.size > FEW:
        shares = np.arange(1, NUMBER_BINS) / NUMBER_BINS
        edges = np.unique(np.quantile(present, shares, method="inverted_cdf"))
        edges = edges[edges < distinct[-1]]
    return Bins(feature.name, edges.size + 1, edges=tuple(float(edge) for edge in edges))


def _coarse_levels(feature: Feature, present: NDArray[np.floating]) -> Bins:
    known = len(feature.levels)
    counts = np.bincount(np.clip(present.astype(np.intp), 0, known), minlength=known + 1)[:known]
    frequent = np.sort(np.argsort(-counts, kind="stable")[:LEVELS])
    table = np.full(known, len(frequent), dtype=np.intp)
    table[frequent] = np.arange(len(frequent))
    names = [feature.levels[i] for i in frequent] + (["any rarer level"] if known > LEVELS else [])
    labels = (*names, "a level never seen")
    return Bins(feature.name, len(labels), level_bins=tuple(int(i) for i in table), labels=labels)


def _telling(columns: tuple[Bins, ...], codes: Codes, losses: Floats) -> tuple[int, ...]:
    """Return the columns whose bins tell most about the loss, in their order."""
    if len(columns) <= PAIRED:
        return tuple(range(len(columns)))
    between = []
    for i, bins in enumerate(columns):
        counts = np.bincount(codes[i], minlength=bins.size + 1)
        sums = np.bincount(codes[i], weights=losses - losses.mean(), minlength=bins.size + 1)
        between.append(float(np.sum(sums**2 / np.maximum(counts, 1))))
    return tuple(sorted(int(i) for i in np.argsort(-np.array(between), kind="stable")[:PAIRED]))
