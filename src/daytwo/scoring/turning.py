"""One row that is asked about: which rows turn the decision on it, and which of them may be offered.

What may be offered keeps the contract and lies as near to a real row that was decided so as those lie to each other.
`changing.py` next door searches and tells.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from daytwo.contracts.action import Action
from daytwo.contracts.column import Column
from daytwo.core.schema import Kind
from daytwo.explain.change import Matrix
from daytwo.explain.likeness import Likeness
from daytwo.explain.options import Menu, Options
from daytwo.scoring.model import Model

# A changed row may be as far from the nearest real one that was decided so as all but this share of those are from
# each other.
_FAR = 0.05
_UNLIKE = "is like no real row that was decided so"
# Distances that are added up in float32 may be off by so much.
_SLACK = 1e-4
# Where amounts of money read the row, other rows have other sets of real rows that were decided so.
_SETS_KEPT = 8


@dataclass(frozen=True, slots=True)
class Grounds:
    """What is the same for all rows: real rows with their raw scores, and what each feature may become."""

    model: Model
    matrix: Matrix
    scores: NDArray[np.float64]
    columns: Mapping[int, Column]
    menus: Mapping[int, Menu]
    like: Likeness
    # How far real rows that were decided alike are from each other, by which rows these are.
    _usual: dict[bytes, NDArray[np.float64]] = field(default_factory=dict)

    def prepare(self) -> None:
        """Work out beforehand how far real rows are from each other, where no amount of money reads the row."""
        if not self.model.payoff.columns:
            acts = self.model.payoff.gain_many(self.model.calibration.many(self.scores), _no_column) > 0
            for decided in (acts, ~acts):
                if decided.any():
                    self.usual(np.flatnonzero(decided))

    def usual(self, there: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return how far some real rows are from the nearest other one of them; kept for the sets asked last."""
        key = there.tobytes()
        found = self._usual.get(key)
        if found is None:
            found = self._usual[key] = self.like.among(there)
            if len(self._usual) > _SETS_KEPT:
                self._usual.pop(next(iter(self._usual)), None)
        return found


class Asked:
    """One row that is asked about; `act` is the decision on it, to be turned."""

    def __init__(self, grounds: Grounds, features: Sequence[float], row: Mapping[str, object]) -> None:
        self._g, self._model, self.row = grounds, grounds.model, row
        self.features = np.array(features, dtype=np.float32)
        self._names = {name: i for i, name in enumerate(self._model.schema.names)}
        raw = self._model.engine.many(self.features[None, :])
        self.act = bool(self._acts(raw, self.features[None, :])[0])
        self._by_row = any(name in self._names for name in self._model.payoff.columns)
        decided = self._acts(grounds.scores, grounds.matrix) != self.act
        self._there = np.flatnonzero(decided)
        self._parts = grounds.like.from_cases(self.features)
        self._usual = grounds.usual(self._there) if len(self._there) else np.zeros(0)
        self._further: dict[tuple[int, float], NDArray[np.float64]] = {}
        self._before = {(breach.column, breach.rule) for breach in self._model.decoder.check(row)[1]}

    @property
    def is_alone(self) -> bool:
        """Whether no real row was decided otherwise."""
        return not len(self._there)

    def options(self) -> list[Options]:
        """Return what each feature that may change may become."""
        found = [menu.options(float(self.features[i])) for i, menu in self._open()]
        return [one for one in found if len(one.values)]

    def _open(self) -> list[tuple[int, Menu]]:
        """Return the features that may change; one in whose place a default stands is unknown, and stays."""
        flags = {i: self._names.get(column.imputed_name) for i, column in self._g.columns.items()}
        return [(i, menu) for i, menu in self._g.menus.items() if (at := flags[i]) is None or not self.features[at]]

    def in_reach(self, features: list[int], most: int) -> bool:
        """Keep the real rows that were decided so and could be come near to at all; return whether there are any.

        A feature that changes cannot bring the row nearer than by what it is apart now.
        """
        distances = self._parts.sum(axis=0)
        # A row that is itself unlike all others is not to be asked for more than it is.
        self._reach = max(float(np.quantile(self._usual, 1 - _FAR)), float(distances.min()))
        gained = np.sort(self._parts[features][:, self._there], axis=0)[-most:].sum(axis=0) if features else 0.0
        self._there = self._there[distances[self._there] - gained <= self._reach]
        self._apart = distances[self._there]
        return not features or len(self._there) > 0

    def aim(self, matrix: Matrix) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Return which rows turn the decision, and how near each is to it."""
        raw = self._model.engine.many(matrix)
        gains = self._gains(raw, matrix)
        turns = (gains > 0) != self.act
        # Calibration has steps, on which the raw score still tells which row is nearer.
        clipped = np.clip(raw, 1e-12, 1 - 1e-12)
        near = np.log(clipped / (1 - clipped))
        if self._by_row:
            near = np.nan_to_num(gains) + 1e-6 * near
        return turns, -near if self.act else near

    def why_not(self, changed: Matrix, features: tuple[int, ...]) -> str:
        """Return why a changed row is not to be offered, as the end of a sentence; empty where it may be."""
        if self._distance(changed, features) > self._reach:
            return _UNLIKE
        row = self.decoded(changed, features)
        values, breaches = self._model.decoder.check(row)
        new = [one for one in breaches if (one.column, one.rule) not in self._before]
        if new:
            return f"breaks the contract ({new[0].message})"
        was_read = not any(one.action is Action.REJECT for one in breaches)
        if was_read and (
            values is None or not np.array_equal(np.array(values, dtype=np.float32), changed, equal_nan=True)
        ):
            return "is read as another row"
        return ""

    def too_far(self, rows: Matrix) -> list[str]:
        """Return for changed rows what `why_not` is sure to say for their distance; empty where it may not."""
        distances = np.repeat(self._apart.astype(np.float32)[None, :], len(rows), axis=0)
        known = (rows == self.features) | (np.isnan(rows) & np.isnan(self.features))
        for i in np.flatnonzero(~known.all(axis=0)).tolist():
            moved = np.flatnonzero(~known[:, i])
            values, which = np.unique(rows[moved, i], return_inverse=True)
            self._work_out(i, values)
            table = np.stack([self._further[i, value] for value in values.tolist()]).astype(np.float32)
            distances[moved] += table[which.reshape(-1)]
        return [_UNLIKE if far else "" for far in (distances.min(axis=1) > self._reach + _SLACK).tolist()]

    def _work_out(self, i: int, values: NDArray[np.float32]) -> None:
        """Keep how much further from each real row that was decided so each value is than the row's own."""
        new = [value for value in values.tolist() if (i, value) not in self._further]
        if new:
            after = self._g.like.apart(i, np.array(new, dtype=np.float32), self._there)
            further = after - self._parts[i, self._there]
            self._further |= {(i, value): one for value, one in zip(new, further, strict=True)}

    def _distance(self, changed: Matrix, features: tuple[int, ...]) -> float:
        """Return how far a changed row is from the nearest real one that was decided so."""
        apart = self._apart
        for i in features:
            self._work_out(i, changed[i : i + 1])
            apart = apart + self._further[i, float(changed[i])]
        return float(apart.min())

    def _acts(self, raw: NDArray[np.float64], matrix: Matrix) -> NDArray[np.bool_]:
        return self._gains(raw, matrix) > 0

    def _gains(self, raw: NDArray[np.float64], matrix: Matrix) -> NDArray[np.float64]:
        def column(name: str) -> ArrayLike:
            if name not in self._names:
                value = self.row.get(name)
                return np.full(len(matrix), math.nan if value is None else value)
            codes = matrix[:, self._names[name]]
            levels = self._model.schema.features[self._names[name]].levels
            if not levels:
                return codes.astype(np.float64)
            texts = np.array([*levels, "", None], dtype=object)
            found: NDArray[np.object_] = texts[np.where(np.isnan(codes), len(levels) + 1, codes).astype(int)]
            return found

        return self._model.payoff.gain_many(self._model.calibration.many(raw), column)

    def decoded(self, changed: Matrix, features: tuple[int, ...]) -> dict[str, object]:
        """Return the raw values of a changed row."""
        after = {self._g.columns[i].name: raw_value(self._g.columns[i], float(changed[i])) for i in features}
        return {**self.row, **after}

    def nearness(self, changed: Matrix, features: tuple[int, ...]) -> float:
        """Return the share of real rows that were decided so and are further from each other than this from them."""
        return float((self._usual >= self._distance(changed, features)).mean())


def _no_column(name: str) -> ArrayLike:
    raise LookupError(f"no amount reads {name!r}")


def raw_value(column: Column, value: float) -> str | int | float | bool:
    """Return what a row would say for a value of the feature matrix, a known level's code where it is a category."""
    if column.kind is Kind.CATEGORY:
        return column.levels[int(value)]
    if column.kind is Kind.BOOLEAN:
        return bool(value)
    # The shortest decimal that is this float32: 18.3, not 18.299999.
    return int(value) if column.kind is Kind.INTEGER else float(str(np.float32(value)))
