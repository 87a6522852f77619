"""The curves of a glass box: what each column adds to the sum of the trees, value by value.

Where no tree asks a row for two columns, the curves are the whole model: nothing is approximated or averaged. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from daytwo.core.errors import NotFound
from daytwo.core.schema import Feature, Schema
from daytwo.explain.trees import Trees, goes_left, walk
from daytwo.explain.wording import Wording

Floats = NDArray[np.float64]
# Infinity lies beyond the split between missing and all else.
_LARGEST = float(np.finfo(np.float32).max)
# Steps that add the same to so many digits are one.
_SAME = 1e-9
# More columns that meet in one row's way are beyond what people read.
_PAIR = 2


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """What a column adds to a sum, step by step.

    A number's steps end at `ends`, shape (k - 1,), ascending, the last one nowhere; step i holds ends[i-1] < x <=
    ends[i]. A category's steps are its codes 0 to k - 1, the last of them any level that the schema does not know;
    `ends` is then None. `values` and `weights`, shape (k,), are what a step adds and how many rows lie there; `missing`
    and `missing_weight` the same of a missing value.
    """

    feature: int
    values: Floats
    weights: Floats
    missing: float
    missing_weight: float
    ends: Floats | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a curve in words, such as "12 to 18 °C", and what it adds beside the reference row's value.

    `adds` is in log-odds, or in the target's own unit where that is a number.
    """

    words: str
    adds: float


@dataclass(frozen=True, slots=True)
class Read:
    """The curves of a model by column, the one that reaches furthest first.

    `paired` counts the trees that ask a row for two columns: what they add stands in no curve.
    """

    curves: dict[str, tuple[Step, ...]]
    paired: int


def read_curves(trees: Trees, schema: Schema, typical: Sequence[float], wording: Wording) -> Read:
    """Return a model's curves in words, beside `typical`, a row of the feature matrix, shape (d,).

    Raises
    ------
    NotFound
        If a tree asks a row for more than two columns, or no tree asks for one alone: the model is no glass box.
    """
    asked = {root: _most_together(trees, root) for root in trees.roots.tolist()}
    alone = [root for root, columns in asked.items() if columns == 1]
    if not alone or max(asked.values()) > _PAIR:
        raise NotFound(
            "this version is no glass box: what one column does depends on the others",
            hint="'daytwo explain --global' tells weights; [train] prefer = \"readable\" makes versions with curves",
        )
    curves = {}
    for place in sorted({int(trees.feature[root]) for root in alone}):
        feature = schema.features[place]
        values = np.array([typical[place]], dtype=np.float32)
        own = [root for root in alone if trees.feature[root] == place]
        curves[feature.name] = _in_words(_summed(trees, own, place, feature, values, np.ones(1)), feature, wording)
    far = {name: max(step.adds for step in steps) - min(step.adds for step in steps) for name, steps in curves.items()}
    paired = sum(columns == _PAIR for columns in asked.values())
    return Read({name: curves[name] for name in sorted(curves, key=lambda one: -far[one])}, paired)


def _most_together(trees: Trees, root: int) -> int:
    """Return for how many columns a tree asks one row at most; a tree without a node asks for none."""
    most, ahead = 0, [(root, frozenset[int]())]
    while ahead:
        place, asked = ahead.pop()
        most = max(most, len(asked))
        if place >= 0:
            now = asked | {int(trees.feature[place])}
            ahead += [(int(trees.left[place]), now), (int(trees.right[place]), now)]
    return most


def _in_words(curve: Curve, feature: Feature, wording: Wording) -> tuple[Step, ...]:
    at = int(np.argmax(curve.weights))
    usual = curve.missing if curve.missing_weight else float(curve.values[at])
    missing = Step("missing", curve.missing - usual)
    if curve.ends is None:
        names = [*(wording.value(feature.name, level) for level in feature.levels), "a level never seen"]
        steps = [Step(name, float(value) - usual) for name, value in zip(names, curve.values, strict=True)]
        return (*sorted(steps, key=lambda step: -step.adds), missing)
    kept = [i for i in range(len(curve.values) - 1) if abs(curve.values[i + 1] - curve.values[i]) > _SAME]
    edges = [float(curve.ends[i]) for i in kept]
    values = [float(curve.values[i]) for i in [*kept, len(curve.values) - 1]]

    def said(value: float, *, bare: bool = False) -> str:
        return wording.value(feature.name, value, bare=bare)

    if not edges:
        return Step("any", values[0] - usual), missing
    words = [f"up to {said(edges[0])}"]
    for low, high in pairwise(edges):
        alike = said(low) == said(high)
        words.append(f"{low:.7g} to {high:.7g}" if alike else f"{said(low, bare=True)} to {said(high)}")
    words.append(f"over {said(edges[-1])}")
    return (*(Step(word, value - usual) for word, value in zip(words, values, strict=True)), missing)


def curve_of(trees: Trees, place: int, feature: Feature, values: NDArray[np.float32], weights: Floats) -> Curve:
    """Return what the trees that ask for column `place` alone add up to, over rows with these values, shape (n,).

    Where no tree asks for it the curve is nothing everywhere.
    """
    own = [root for root in trees.roots.tolist() if root >= 0 and trees.feature[root] == place]
    return _summed(trees, own, place, feature, values, weights)


def _summed(
    trees: Trees,
    roots: Sequence[int],
    place: int,
    feature: Feature,
    values: NDArray[np.float32],
    weights: Floats,
) -> Curve:
    gone = np.isnan(values)
    present, counted = values[~gone].astype(np.float64), weights[~gone]
    if feature.is_category:
        asked, ends = np.arange(len(feature.levels) + 1.0), None  # the last is any level that the schema does not know
        where = np.clip(present, 0, len(feature.levels)).astype(np.int64)
    else:
        ends = np.unique([trees.threshold[node] for root in roots for node in walk(trees, root)[0]])
        ends = ends[np.abs(ends) < _LARGEST]
        asked, where = np.append(ends, _LARGEST), np.searchsorted(ends, present, side="left")
    added = np.zeros(len(asked) + 1)
    every = np.append(asked, np.nan)
    for root in roots:
        _add(trees, root, every, np.arange(len(every)), added)
    rows = np.bincount(where, counted, minlength=len(asked)).astype(np.float64)
    return Curve(place, added[:-1], rows, float(added[-1]), float(weights[gone].sum()), ends)


def _add(trees: Trees, place: int, values: Floats, those: NDArray[np.intp], added: Floats) -> None:
    """Add what the values at `those` places get from the tree under `place`."""
    if place < 0:
        added[those] += trees.leaf_value[-1 - place] / trees.divisor
    elif those.size:
        left = goes_left(trees, place, values[those])
        _add(trees, int(trees.left[place]), values, those[left], added)
        _add(trees, int(trees.right[place]), values, those[~left], added)
