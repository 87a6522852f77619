"""One tree as its library holds it, how many such become one set of arrays, and how they are taken out again.

`scikit.py` and `boosted.py` read trees; `tree_text.py` writes them down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from daytwo.explain.trees import Missing, Trees, missing_goes_left, walk


@dataclass(frozen=True, slots=True, eq=False)
class GrownTree:
    """One tree in places of its own; place 0 is the root, a place whose `left` is below 0 is a leaf.

    A number goes left when it is <= `threshold`, or, where it is missing, when `default_left`. A place in `sets` asks
    for a category: the codes there go left, -1 among them where a missing one does. `value` counts for leaves only.
    """

    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    default_left: NDArray[np.bool_]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    value: NDArray[np.float64]
    sets: Mapping[int, NDArray[np.int64]] = field(default_factory=dict)


def join_trees(trees: Sequence[GrownTree]) -> Trees:
    """Return the trees as one set of arrays, in their order."""
    leaves = [tree.left < 0 for tree in trees]
    first_leaf = np.cumsum([0, *(int(is_leaf.sum()) for is_leaf in leaves)])
    first_node = np.cumsum([0, *(int((~is_leaf).sum()) for is_leaf in leaves)])
    roots, lefts, rights = [], [], []
    sets: list[NDArray[np.int64] | None] = []
    for tree, is_leaf, leaf, node in zip(trees, leaves, first_leaf, first_node, strict=False):
        place = np.where(is_leaf, -1 - (leaf + np.cumsum(is_leaf) - 1), node + np.cumsum(~is_leaf) - 1)
        roots.append(place[0])
        lefts.append(place[tree.left[~is_leaf]])
        rights.append(place[tree.right[~is_leaf]])
        sets += [tree.sets.get(one) for one in np.flatnonzero(~is_leaf).tolist()]
    inner = [~is_leaf for is_leaf in leaves]

    def of(name: str, chosen: Sequence[NDArray[np.bool_]]) -> NDArray[np.generic]:
        return np.concatenate([getattr(tree, name)[some] for tree, some in zip(trees, chosen, strict=True)])

    return Trees(
        roots=np.array(roots, dtype=np.int64),
        feature=of("feature", inner).astype(np.int64),
        threshold=of("threshold", inner).astype(np.float64),
        default_left=of("default_left", inner).astype(bool),
        missing=np.full(len(sets), int(Missing.NAN), dtype=np.int64),
        left=np.concatenate(lefts).astype(np.int64),
        right=np.concatenate(rights).astype(np.int64),
        categories=tuple(sets),
        leaf_value=of("value", leaves).astype(np.float64),
        first_leaf=first_leaf[:-1].astype(np.int64),
    )


def part_trees(trees: Trees) -> list[GrownTree]:
    """Return each tree of a set by itself, in their order."""
    return [_taken_out(trees, int(root)) for root in trees.roots]


def _taken_out(trees: Trees, root: int) -> GrownTree:
    nodes, leaves = walk(trees, root)
    places = [*nodes, *(-1 - leaf for leaf in leaves)]
    where = {place: i for i, place in enumerate(places)}
    inner = np.array([place >= 0 for place in places], dtype=bool)
    node = np.where(inner, places, 0)
    leaf = np.where(inner, 0, -1 - np.array(places))
    blank = np.zeros(len(places))

    def of(values: NDArray[np.generic], missing: float) -> NDArray[np.generic]:
        return np.where(inner, values[node], missing) if len(values) else blank

    def child(side: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.array([where[int(side[place])] if place >= 0 else -1 for place in places], dtype=np.int64)

    return GrownTree(
        feature=of(trees.feature, 0).astype(np.int64),
        threshold=of(trees.threshold, 0.0).astype(np.float64),
        default_left=np.array([place >= 0 and missing_goes_left(trees, place) for place in places], dtype=bool),
        left=child(trees.left),
        right=child(trees.right),
        value=np.where(inner, 0.0, trees.leaf_value[leaf] / trees.divisor),
        sets={
            where[place]: chosen for place in places if place >= 0 and (chosen := trees.categories[place]) is not None
        },
    )
