"""Learn which values are usual; `scoring/novelty.py` is what the server asks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daytwo.core.schema import Feature, Schema
from daytwo.scoring.novelty import Novelty, NoveltyCheck, Usual

Floats = NDArray[np.float64]
# One row in a thousand of those held out is called unusual.
_USUAL = 0.999
# More rows than these do not move a limit.
_MOST_ROWS, _MOST_HELD = 200_000, 50_000
# The share of the outermost values that tells how a tail goes on.
_TAIL = 0.01
# Where the end of half of the values is looked for: their outermost ones are chance.
_END = 0.001
_LOG2_E = math.log2(math.e)


def fit_novelty(fit: NDArray[np.float32], held: NDArray[np.float32], schema: Schema) -> Novelty:
    """Find the values that hardly any row had, so that one held-out row in a thousand has any of them.

    Each value's rarity is -log2 of the share of rows with one as far out, or with that level; beyond all that was
    seen a number's tail goes on as it fell before, exponentially. One limit of rarity serves all features: a row's
    rarest value decides. A number that came out further in the later half of the rows than in the earlier one, as a
    season does, may go as far again.

    Parameters
    ----------
    fit, held : feature matrices, shapes (n, d) and (m, d), n and m >= 1
        The rows learned from, and later ones that set the limit; of fewer than a thousand none is unusual.

    Source: the tail as in J. Pickands (1975), Statistical inference using extreme order statistics, Ann. Stat. 3,
    with an exponential excess.
    """
    fit, held = fit[-_MOST_ROWS:], held[-_MOST_HELD:]
    # A flag says that a default stands in: the contract's own warning tells that already.
    flags = {f"{name}_imputed" for name in schema.names}
    known = {i: _rarity(fit[:, i], one) for i, one in enumerate(schema.features) if one.name not in flags}
    rarity = np.column_stack([known[i].of(held[:, i]) for i in known]).max(axis=1)
    limit = float(np.quantile(rarity, _USUAL, method="higher"))
    features = {schema.features[i].name: one.usual(limit) for i, one in known.items()}
    check = NoveltyCheck(Novelty(0.0, features), schema.names)
    unusual = [any(True for _ in check.unusual(row)) for row in held[rarity > limit].tolist()]
    return Novelty(sum(unusual) / len(held), features)


@dataclass(frozen=True, slots=True)
class _Numbers:
    """How rare numbers are. `ordered` holds those that were there; `rows` counts the missing ones, too."""

    ordered: Floats
    rows: int
    missing: float
    moved: tuple[float, float] = (0.0, 0.0)

    def of(self, values: NDArray[np.float32]) -> Floats:
        """Return the rarity of each value, in bits; the rarer of its two sides."""
        both = np.maximum(self.above(values), self._mirrored.above(-values))
        return np.where(np.isnan(values), self.missing, both)

    def usual(self, limit: float) -> Usual:
        """Return what is usual where rarity up to `limit` is."""
        low, high = -self._mirrored.end(limit) - self.moved[0], self.end(limit) + self.moved[1]
        # Rounded inwards, so that what a float64 keeps its float32 keeps, too.
        return Usual(self.rows, _towards(low, math.inf), _towards(high, -math.inf), missing=self.missing <= limit)

    @property
    def _mirrored(self) -> _Numbers:
        return _Numbers(-self.ordered[::-1], self.rows, self.missing)

    @property
    def _unseen(self) -> float:
        return math.log2(2 * (self.rows + 1))

    @property
    def _scale(self) -> float:
        """How far beyond the greatest value rarity grows by a factor of e."""
        n = self.ordered.size
        tail = self.ordered[-max(int(n * _TAIL), min(n, 10)) :]
        spread = float(self.ordered[-1] - self.ordered[n // 2]) / max(math.log(n), 1.0)
        return max(float((tail - tail[0]).mean()), spread, 1e-3 * abs(float(self.ordered[-1])), 1e-9)

    def above(self, values: NDArray[np.float32]) -> Floats:
        """Return how rare it is to be as high."""
        outside = self.ordered.size - np.searchsorted(self.ordered, values, side="left")
        beyond = np.maximum(values.astype(np.float64) - self.ordered[-1], 0.0) / self._scale * _LOG2_E
        return np.asarray(-np.log2((outside + 0.5) / (self.rows + 1)) + np.where(outside > 0, 0.0, beyond))

    def end(self, limit: float) -> float:
        """Return the greatest value whose rarity is within `limit`."""
        if limit >= self._unseen:
            return float(self.ordered[-1]) + (limit - self._unseen) * self._scale / _LOG2_E
        outside = max(math.ceil((self.rows + 1) * 2.0**-limit - 0.5), 1)
        return float(self.ordered[-min(outside, self.ordered.size)])


@dataclass(frozen=True, slots=True)
class _Levels:
    """How rare each level of a category is, an unknown one last."""

    bits: Floats
    rows: int
    missing: float

    def of(self, values: NDArray[np.float32]) -> Floats:
        """Return the rarity of each value, in bits."""
        gone = np.isnan(values)
        codes = np.where(gone, 0, values).astype(np.int64).clip(0, self.bits.size - 1)
        return np.where(gone, self.missing, self.bits[codes])

    def usual(self, limit: float) -> Usual:
        """Return what is usual where rarity up to `limit` is."""
        rare = tuple(np.flatnonzero(self.bits > limit).tolist())
        return Usual(self.rows, rare=rare, missing=self.missing <= limit)


def _rarity(values: NDArray[np.float32], feature: Feature) -> _Numbers | _Levels:
    gone = np.isnan(values)
    missing = float(-np.log2((gone.sum() + 0.5) / (values.size + 1)))
    present = values[~gone].astype(np.float64)
    if feature.is_category:
        levels = len(feature.levels)
        counts = np.bincount(present.astype(np.int64).clip(0, levels), minlength=levels + 1)
        return _Levels(-np.log2((counts + 0.5) / (values.size + 1)), values.size, missing)
    if not present.size:
        return _Levels(np.zeros(1), values.size, missing)  # nothing is known of it, and nothing unusual
    return _Numbers(np.sort(present), values.size, missing, _moved(present))


def _moved(present: Floats) -> tuple[float, float]:
    """Return how much further down and up the later half of the values goes than the earlier one."""
    early, late = np.array_split(present, 2)
    if not late.size:
        return 0.0, 0.0
    (before_low, before_high), (after_low, after_high) = (np.quantile(half, (_END, 1 - _END)) for half in (early, late))
    return max(float(before_low - after_low), 0.0), max(float(after_high - before_high), 0.0)


def _towards(value: float, goal: float) -> float:
    """Return a float32 near `value`, on the side of `goal`."""
    near = np.float32(value)
    return float(near if (near >= value) == (goal > 0) or near == value else np.nextafter(near, np.float32(goal)))
