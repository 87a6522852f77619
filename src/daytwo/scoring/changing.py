"""What would have to be different for the decision to turn: for one row, of one version of a model.

Puts together what the search of `explain/change.py` needs: which columns may change and to what (the contract, what
is usual, and the project's `[reasons]`), what the decision is (the payoff), and whether the changed row keeps the
contract and is like a real row that was decided so (`cases.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from daytwo.contracts.action import Action
from daytwo.contracts.column import Column
from daytwo.core.errors import NotFound
from daytwo.core.schema import Kind, Task
from daytwo.core.settings import ReasonsSettings
from daytwo.explain.change import Found, Matrix, smallest_changes
from daytwo.explain.likeness import Likeness
from daytwo.explain.options import Menu, thresholds_by_feature
from daytwo.explain.reasons import step_words
from daytwo.scoring.changeable import allowed, feature_columns
from daytwo.scoring.model import Model

# A changed row may be as far from the nearest real one as all but this share of real rows are from theirs.
_FAR = 0.05
# Of an engine without trees that can be read: so many values of the real rows stand for its thresholds.
_QUANTILES = 32


class Step(msgspec.Struct, frozen=True):
    """One column's change, from `before` to `after`, and in words."""

    column: str
    before: str | int | float | bool | None
    after: str | int | float | bool | None
    words: str


class Change(msgspec.Struct, frozen=True):
    """One way in which the decision turns.

    `score` is what the model says of the changed row. `size` adds up over the steps: of a number the share of real
    rows between its values, of a level the share that has another. `nearness` is the share of real rows that have no
    nearer neighbour than the changed row has among those that were decided so: 1 is as near as any; below 0.05 only
    where the row itself is further from all others.
    """

    steps: tuple[Step, ...]
    score: float
    gain: float | None
    size: float
    nearness: float


class Changes(msgspec.Struct, frozen=True):
    """The smallest changes that turn the decision `act`, smallest first, each of other columns; or `why` none is told.

    `tried` is how many changed rows were scored.
    """

    act: bool
    changes: tuple[Change, ...]
    why: str
    tried: int


@dataclass(frozen=True, slots=True)
class _Version:
    """What is the same for all rows: real rows with their raw scores, and what each feature may become.

    A changed row may be as far as `reach` from the nearest real one.
    """

    model: Model
    matrix: Matrix
    scores: NDArray[np.float64]
    columns: Mapping[int, Column]
    menus: Mapping[int, Menu]
    like: Likeness
    reach: float


class Changer:
    """Finds changes for the rows of one version. Made once; any number of threads may ask.

    Raises
    ------
    NotFound
        If the model decides nothing, or its bundle holds no real rows to compare with.
    SettingsError
        If `limits` names a column that is none of the model's.
    """

    def __init__(self, model: Model, limits: ReasonsSettings) -> None:
        if model.task is not Task.BINARY:
            raise NotFound(
                f"the model {model.digest[:12]} predicts a value, and no decision could turn",
                hint="Ask for the reasons of the prediction instead",
            )
        if model.cases is None:
            raise NotFound(
                f"the bundle of {model.digest[:12]} was made before real rows were kept in it",
                hint="Train the model again; its next version suggests changes",
            )
        matrix, columns = model.cases.matrix, feature_columns(model.contract, limits)
        like = Likeness(matrix, model.schema)
        trees = model.engine.trees
        known = thresholds_by_feature(trees) if trees is not None else _quantiles(matrix)
        usual = model.novelty.features if model.novelty else {}
        menus = {
            i: Menu(i, allowed(column, limits, usual.get(column.name)), known.get(i, np.zeros(0)), like)
            for i, column in columns.items()
        }
        reach = float(np.quantile(like.usual, 1 - _FAR))
        self._version = _Version(model, matrix, model.engine.many(matrix), columns, menus, like, reach)

    def changes(
        self, features: Sequence[float], row: Mapping[str, object], *, most: int = 3, wanted: int = 3
    ) -> Changes:
        """Return the smallest changes that turn the decision on a row.

        Parameters
        ----------
        features : the encoded row, shape (d,)
        row : its raw values, as the contract's decoder takes them
        most : int
            At most so many columns change at once.
        wanted : int
            How many ways to return, each of other columns.
        """
        return _Asked(self._version, features, row).changes(most, wanted)


class _Asked:
    """One row that is asked about."""

    def __init__(self, version: _Version, features: Sequence[float], row: Mapping[str, object]) -> None:
        self._v, self._model, self._row = version, version.model, row
        self._features = np.array(features, dtype=np.float32)
        self._names = {name: i for i, name in enumerate(self._model.schema.names)}
        raw = self._model.engine.many(self._features[None, :])
        self._act = bool(self._acts(raw, self._features[None, :])[0])
        self._by_row = any(name in self._names for name in self._model.payoff.columns)
        decided = self._acts(version.scores, version.matrix) != self._act
        self._there = np.flatnonzero(decided)
        distances = version.like.from_cases(self._features)
        self._apart = distances[self._there]
        self._further: dict[tuple[int, float], NDArray[np.float64]] = {}
        # A row that is itself unlike all others is not to be asked for more than it is.
        self._reach = max(version.reach, float(distances.min()))
        self._before = {(breach.column, breach.rule) for breach in self._model.decoder.check(row)[1]}

    def changes(self, most: int, wanted: int) -> Changes:
        if not len(self._there):
            word = "leaves" if self._act else "acts on"
            return Changes(self._act, (), f"the model {word} none of the real rows it is compared with", 0)
        options = [menu.options(float(self._features[i])) for i, menu in self._open()]
        search = smallest_changes(self._features, options, self._aim, self._why_not, most=most, wanted=wanted)
        told = tuple(self._told(found) for found in search.found)
        why = (
            ""
            if told
            else _why_none(search.turned, dict(search.refused), sum(len(o.values) > 0 for o in options), most)
        )
        return Changes(self._act, told, why, search.tried)

    def _open(self) -> list[tuple[int, Menu]]:
        """Return the features that may change; one in whose place a default stands is unknown, and stays."""
        flags = {i: self._names.get(column.imputed_name) for i, column in self._v.columns.items()}
        return [(i, menu) for i, menu in self._v.menus.items() if (at := flags[i]) is None or not self._features[at]]

    def _aim(self, matrix: Matrix) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        raw = self._model.engine.many(matrix)
        gains = self._gains(raw, matrix)
        turns = (gains > 0) != self._act
        # Calibration has steps, on which the raw score still tells which row is nearer.
        clipped = np.clip(raw, 1e-12, 1 - 1e-12)
        near = np.log(clipped / (1 - clipped))
        if self._by_row:
            near = np.nan_to_num(gains) + 1e-6 * near
        return turns, -near if self._act else near

    def _why_not(self, changed: Matrix, features: tuple[int, ...]) -> str:
        if self._distance(changed, features) > self._reach:
            return "is like no real row that was decided so"
        row = self._decoded(changed, features)
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

    def _distance(self, changed: Matrix, features: tuple[int, ...]) -> float:
        """Return how far a changed row is from the nearest real one that was decided so."""
        apart = self._apart
        for i in features:
            value = float(changed[i])
            further = self._further.get((i, value))
            if further is None:
                both = np.array([value, self._features[i]], dtype=np.float32)
                after, before = self._v.like.apart(i, both)[:, self._there]
                further = self._further[i, value] = after - before
            apart = apart + further
        return float(apart.min())

    def _acts(self, raw: NDArray[np.float64], matrix: Matrix) -> NDArray[np.bool_]:
        return self._gains(raw, matrix) > 0

    def _gains(self, raw: NDArray[np.float64], matrix: Matrix) -> NDArray[np.float64]:
        def column(name: str) -> ArrayLike:
            if name not in self._names:
                value = self._row.get(name)
                return np.full(len(matrix), math.nan if value is None else value)
            codes = matrix[:, self._names[name]]
            levels = self._model.schema.features[self._names[name]].levels
            if not levels:
                return codes.astype(np.float64)
            texts = np.array([*levels, "", None], dtype=object)
            found: NDArray[np.object_] = texts[np.where(np.isnan(codes), len(levels) + 1, codes).astype(int)]
            return found

        return self._model.payoff.gain_many(self._model.calibration.many(raw), column)

    def _decoded(self, changed: Matrix, features: tuple[int, ...]) -> dict[str, object]:
        after = {self._v.columns[i].name: _raw(self._v.columns[i], float(changed[i])) for i in features}
        return {**self._row, **after}

    def _told(self, found: Found) -> Change:
        row, steps = self._decoded(found.row, found.features), []
        labels = {one.name: one for one in self._model.explainer.labels} if self._model.explainer else {}
        for i in found.features:
            name = self._v.columns[i].name
            before = _plain(self._row.get(name))
            after = _plain(row[name])
            steps.append(Step(name, before, after, step_words(name, before, after, labels.get(name))))
        score = self._model.score(found.row.tolist())
        gain = self._model.payoff.advise(score, row).gain
        near = self._v.like.nearness(self._distance(found.row, found.features))
        return Change(tuple(steps), score, gain, found.cost, near)


def _quantiles(matrix: Matrix) -> dict[int, NDArray[np.float64]]:
    shares = np.linspace(0, 1, _QUANTILES)
    known = [column[~np.isnan(column)].astype(np.float64) for column in matrix.T]
    return {i: np.unique(np.quantile(one, shares)) for i, one in enumerate(known) if len(one)}


def _raw(column: Column, value: float) -> str | int | float | bool:
    if column.kind is Kind.CATEGORY:
        return column.levels[int(value)]
    if column.kind is Kind.BOOLEAN:
        return bool(value)
    # The shortest decimal that is this float32: 18.3, not 18.299999.
    return int(value) if column.kind is Kind.INTEGER else float(str(np.float32(value)))


def _plain(value: object) -> str | int | float | bool | None:
    return value if isinstance(value, str | int | float | bool) else None


def _why_none(turned: int, refused: Mapping[str, int], free: int, most: int) -> str:
    if not free:
        return "no column may change: see [reasons] in daytwo.toml"
    if not turned:
        return (
            f"no change of up to {min(most, free)} of the {free} columns that may change was found to turn the decision"
        )
    first = max(refused, key=lambda one: refused[one])
    return f"{turned:,} changes turn the decision, but none can be offered: what comes out {first}"
