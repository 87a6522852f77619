"""Exact Shapley values of one row against one named reference row, in numpy alone.

The question answered: "why is this score not that of the typical row?". Between the two rows every mixture of their
features is a possible row; a feature's contribution is what switching it from the reference's value to the row's
adds to the raw score, averaged over all orders of switching. Contributions therefore sum to
`raw(row) - raw(reference)`, and a feature whose value decides nothing otherwise gets exactly 0.

For trees this needs no sampling. A leaf of value v is reached by a mixture when every feature on its path that only
the row satisfies is taken from the row (there are p of them) and every one that only the reference satisfies from
the reference (q). Its share in each of the p is v (p-1)! q! / (p+q)!, in each of the q it is -v p! (q-1)! / (p+q)!;
a leaf with a feature that neither satisfies is never reached. Which leaves a feature's value satisfies is one row
of bits, worked out when a value is first met and kept, so a row costs a few bit operations over all leaves at once.
`reasons.py` next door puts the result into words, `scoring/shapley.c` works the same out where it was compiled.

Source: Lundberg et al. (2020), From local explanations to global understanding with explainable AI for trees,
Nature Machine Intelligence 2, 56-67 (interventional TreeSHAP, one background row); L. Shapley (1953).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from daytwo.explain.trees import Missing, Trees

# LightGBM takes numbers this small for zero (kZeroThreshold, a float32, in include/LightGBM/meta.h).
_ZERO = float(np.float32(1e-35))
_WORD = 64


class ReferenceShapley:
    """Explains rows of one model against `reference`, a row of the feature matrix, shape (d,).

    `reference_score` is the raw score of the reference: log-odds for two classes, the value of a regression.
    """

    def __init__(self, trees: Trees, reference: Sequence[float]) -> None:
        order, spans = _walk(trees)
        self._value = trees.leaf_value[order] / trees.divisor
        # Padded to whole words; a padding leaf is worth 0.
        self._width = -(-len(order) // _WORD) * _WORD
        self._padded = np.concatenate([self._value, np.zeros(self._width - len(order))])
        self._n_features = len(reference)
        self._features = [_feature(trees, spans, int(one), self._width) for one in np.unique(trees.feature)]
        self._reference = self._bits(reference)
        self._row_share, self._reference_share = _shares(len(self._features))
        reached = np.bitwise_and.reduce(self._reference, axis=0)
        self.reference_score = math.fsum(self._padded[_positions(reached)])

    def contributions(self, row: Sequence[float]) -> NDArray[np.float64]:
        """Return each feature's contribution to the raw score of `row`, shape (d,), in the raw score's unit."""
        total = np.zeros(self._n_features)
        if not self._features:
            return total
        bits = self._bits(row)
        apart = bits ^ self._reference
        reachable = np.bitwise_and.reduce(bits | self._reference, axis=0)
        leaves = _positions(reachable & np.bitwise_or.reduce(apart, axis=0))
        which = np.flatnonzero(apart.any(axis=1))
        by_row = _unpacked(bits[which] & apart[which])[:, leaves]
        by_reference = _unpacked(self._reference[which] & apart[which])[:, leaves]
        p, q = by_row.sum(axis=0, dtype=np.intp), by_reference.sum(axis=0, dtype=np.intp)
        value = self._padded[leaves]
        shares = by_row @ (value * self._row_share[p, q]) - by_reference @ (value * self._reference_share[p, q])
        for position, share in zip(which.tolist(), shares.tolist(), strict=True):
            total[self._features[position].number] = share
        return total

    def many(self, matrix: ArrayLike) -> NDArray[np.float64]:
        """Return the contributions of every row of a feature matrix, shape (n, d) as the matrix."""
        rows = np.asarray(matrix)
        return np.array([self.contributions(row) for row in rows.tolist()]).reshape(rows.shape)

    def _bits(self, row: Sequence[float]) -> NDArray[np.uint64]:
        satisfied = [feature.satisfied(float(row[feature.number])) for feature in self._features]
        if not satisfied:
            return np.zeros((1, self._width // _WORD), dtype=np.uint64)
        return np.concatenate(satisfied).reshape(len(satisfied), -1)


@dataclass(frozen=True, slots=True)
class _Feature:
    """The nodes that ask for one feature: left leaves are `first` .. `middle`, right ones `middle` .. `end`."""

    number: int
    thresholds: list[float]
    zero_counts: bool
    is_category: bool
    node_threshold: NDArray[np.float64]
    default_left: NDArray[np.bool_]
    missing: NDArray[np.int64]
    categories: list[frozenset[int]]
    first: NDArray[np.int64]
    middle: NDArray[np.int64]
    end: NDArray[np.int64]
    width: int
    known: dict[int, NDArray[np.uint64]]

    def satisfied(self, value: float) -> NDArray[np.uint64]:
        """Return the leaves, as bits, whose paths this value satisfies as far as this feature goes."""
        if abs(value) <= _ZERO:
            value = 0.0
        state = self._state(value)
        bits = self.known.get(state)
        if bits is None:
            bits = self.known[state] = self._work_out(value)
        return bits

    def _state(self, value: float) -> int:
        # Values of one state go the same way at every node, so that the states are few and can be kept.
        if math.isnan(value):
            return -1
        if self.is_category:
            return max(int(value), -2)
        if self.zero_counts and value == 0.0:
            return -2
        return bisect_left(self.thresholds, value)

    def _work_out(self, value: float) -> NDArray[np.uint64]:
        left = self._goes_left(value)
        shut_from, shut_to = np.where(left, self.middle, self.first), np.where(left, self.end, self.middle)
        size = self.width + 1
        shut = np.cumsum(np.bincount(shut_from, minlength=size) - np.bincount(shut_to, minlength=size))[:-1]
        return np.packbits(shut == 0).view(np.uint64)

    def _goes_left(self, value: float) -> NDArray[np.bool_]:
        if self.is_category:
            code = -1 if math.isnan(value) else int(value)
            return np.array([code in codes for codes in self.categories])
        absent = self.missing == (Missing.NAN if math.isnan(value) else -1)
        value = 0.0 if math.isnan(value) else value
        if value == 0.0:
            absent |= self.missing == Missing.ZERO
        return np.where(absent, self.default_left, value <= self.node_threshold)


def _feature(trees: Trees, spans: NDArray[np.int64], number: int, width: int) -> _Feature:
    nodes = np.flatnonzero(trees.feature == number)
    categories = [codes for node in nodes if (codes := trees.categories[node]) is not None]
    return _Feature(
        number=number,
        thresholds=np.unique(trees.threshold[nodes]).tolist(),
        zero_counts=bool((trees.missing[nodes] == Missing.ZERO).any()),
        is_category=bool(categories),
        node_threshold=trees.threshold[nodes],
        default_left=trees.default_left[nodes],
        missing=trees.missing[nodes],
        categories=[frozenset(codes.tolist()) for codes in categories],
        first=spans[nodes, 0],
        middle=spans[nodes, 1],
        end=spans[nodes, 2],
        width=width,
        known={},
    )


def _walk(trees: Trees) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the leaves from left to right, and for each node where its left and right leaves begin and end."""
    order: list[int] = []
    spans = np.zeros((len(trees.feature), 3), dtype=np.int64)
    for root in trees.roots.tolist():
        ahead = [(root, 0)]
        while ahead:
            place, visit = ahead.pop()
            if place < 0:
                order.append(-1 - place)
                continue
            spans[place, visit] = len(order)
            if visit == 0:
                ahead += [(place, 1), (int(trees.left[place]), 0)]
            elif visit == 1:
                ahead += [(place, 2), (int(trees.right[place]), 0)]
    return np.array(order, dtype=np.int64), spans


def _shares(most: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (p-1)! q! / (p+q)! and p! (q-1)! / (p+q)! for p, q up to `most`; 0 where p, or q, is 0."""
    row, reference = np.zeros((most + 1, most + 1)), np.zeros((most + 1, most + 1))
    for p in range(most + 1):
        for q in range(most + 1 - p):
            orders = math.comb(p + q, p)
            row[p, q] = 1 / (p * orders) if p else 0.0
            reference[p, q] = 1 / (q * orders) if q else 0.0
    return row, reference


def _unpacked(bits: NDArray[np.uint64]) -> NDArray[np.uint8]:
    return np.unpackbits(bits.view(np.uint8), axis=-1)


def _positions(bits: NDArray[np.uint64]) -> NDArray[np.intp]:
    return np.flatnonzero(_unpacked(bits))
