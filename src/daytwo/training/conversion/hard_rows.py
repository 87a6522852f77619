"""Rows on which conversions go wrong: values on thresholds and beside them, nulls, unseen categories."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from daytwo.core.schema import Schema
from daytwo.explain.trees import Trees

# Enough that every threshold of a few hundred trees is met; a conversion that is wrong fails on hundreds of them.
_ROWS = 20_000
# The share of values that are made hard, and of those the share that is missing.
_HARD, _MISSING = 0.3, 0.2
# Beyond this lie the thresholds that part missing values from all others; the neighbours of the rest are finite.
_FARTHEST = 1e38


def hard_rows(trees: Trees | None, schema: Schema, matrix: NDArray[np.float32], *, seed: int) -> NDArray[np.float32]:
    """Return 20,000 rows drawn from `matrix`, three of ten values replaced by hard ones, and one of nulls only.

    Of a model without `trees` no thresholds are known: its hard values are nulls and unseen categories.
    """
    chance = np.random.default_rng(seed)
    rows = matrix[chance.integers(0, len(matrix), _ROWS)].copy()
    for place, feature in enumerate(schema.features):
        near = np.zeros(0, dtype=np.float32) if trees is None else _thresholds(trees, place)
        few = [np.float32(-np.inf), np.float32(np.inf)]
        hard = np.concatenate([near, *(np.nextafter(near, one) for one in few)])
        if feature.is_category:  # the last code is that of a value which the contract does not know
            hard = np.arange(len(feature.levels) + 1, dtype=np.float32)
        hit = chance.random(_ROWS) < _HARD
        if hard.size:
            rows[hit, place] = hard[chance.integers(0, hard.size, int(hit.sum()))]
        rows[hit & (chance.random(_ROWS) < _MISSING), place] = np.nan
    rows[0] = np.nan
    return rows


def _thresholds(trees: Trees, feature: int) -> NDArray[np.float32]:
    numeric = np.array([chosen is None for chosen in trees.categories], dtype=bool)
    asked = trees.threshold[numeric & (trees.feature == feature)]
    found: NDArray[np.float32] = np.unique(asked[np.abs(asked) < _FARTHEST].astype(np.float32))
    return found
