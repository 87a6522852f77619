"""What would have to be different for the decision to turn: for one row, of one version of a model.

Puts together what the search of `explain/change.py` needs: which columns may change and to what (`changeable.py`), and
what the decision is and what may be offered (`turning.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from daytwo.core.errors import NotFound
from daytwo.core.schema import Task
from daytwo.core.settings import ReasonsSettings
from daytwo.explain.change import Found, Matrix, smallest_changes
from daytwo.explain.likeness import Likeness
from daytwo.explain.options import Menu, thresholds_by_feature
from daytwo.scoring.changeable import allowed, feature_columns
from daytwo.scoring.model import Model
from daytwo.scoring.turning import Asked, Grounds

# Of an engine without trees that can be read: so many values of the real rows stand for its thresholds.
_QUANTILES = 32
# A row is walked down every tree: of a large model fewer rows are tried, so that its answers come in time as well.
_WALKS = 2_000_000
_FAR_FROM_ALL = "no change of up to {} columns brings it near a real row that was decided so"


class Step(msgspec.Struct, frozen=True):
    """One column's change, from `before` to `after`, and in words."""

    column: str
    before: str | int | float | bool | None
    after: str | int | float | bool | None
    words: str


class Change(msgspec.Struct, frozen=True):
    """One way in which the decision turns.

    `score` is what the model says of the changed row. `size` adds up over the steps: of a number the share of real
    rows between its values, of a level the share that has another. `nearness` tells how near the changed row is to a
    real one that was decided so: the share of those that are further from each other; below 0.05 only where the row as
    it is lies further from all others.
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
        self.grounds = Grounds(model, matrix, model.engine.many(matrix), columns, menus, like)
        self.grounds.prepare()
        self._effort = None if trees is None else _WALKS // max(len(trees.roots), 1)

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
        asked = Asked(self.grounds, features, row)
        if asked.is_alone:
            word = "leaves" if asked.act else "acts on"
            return Changes(asked.act, (), f"the model {word} none of the real rows it is compared with", 0)
        options = asked.options()
        if not asked.in_reach([one.feature for one in options], most):
            return Changes(asked.act, (), _FAR_FROM_ALL.format(most), 0)
        search = smallest_changes(
            asked.features,
            options,
            asked.aim,
            asked.why_not,
            most=most,
            wanted=wanted,
            glance=asked.too_far,
            effort=self._effort,
        )
        told = tuple(self._told(asked, found) for found in search.found)
        why = "" if told else _why_none(search.turned, search.refused, len(options), most)
        return Changes(asked.act, told, why, search.tried)

    def _told(self, asked: Asked, found: Found) -> Change:
        model, row, steps = self.grounds.model, asked.decoded(found.row, found.features), []
        for i in found.features:
            name = self.grounds.columns[i].name
            before, after = _plain(asked.row.get(name)), _plain(row[name])
            steps.append(Step(name, before, after, model.wording.step(name, before, after)))
        score = model.score(found.row.tolist())
        gain, near = model.payoff.advise(score, row).gain, asked.nearness(found.row, found.features)
        return Change(tuple(steps), score, gain, found.cost, near)


def _quantiles(matrix: Matrix) -> dict[int, NDArray[np.float64]]:
    shares = np.linspace(0, 1, _QUANTILES)
    known = [column[~np.isnan(column)].astype(np.float64) for column in matrix.T]
    return {i: np.unique(np.quantile(one, shares)) for i, one in enumerate(known) if len(one)}


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
