"""What an XGBoost model file holds: checked before the library reads it, and its trees as plain arrays for reasons.

XGBoost asks `x < t` of float32 numbers, which is `x <= t'` with t' the float32 just below t; it sends a category
that is in a node's set to the right, so children of such nodes change places here. `explain/trees.py` says the rest.
Reasons take numbers under 1e-35 for zero, as LightGBM does and XGBoost does not: no measured value is that small.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daytwo.core.errors import DataError
from daytwo.explain.trees import Missing, Trees
from daytwo.scoring.ubjson import read_ubjson

_PER_NODE = ("left_children", "right_children", "split_indices", "split_conditions", "default_left", "split_type")


def read_trees(content: bytes, n_features: int) -> Trees:
    """Return the trees of a model with `n_features` features and one score a row, without its base score.

    Raises
    ------
    DataError
        If the file is damaged, or holds a model that is not of trees, or of several scores or other features.
    """
    model = read_ubjson(content)
    try:
        learner: Any = model["learner"]  # type: ignore[index,call-overload]  # anything else is damage too
        _check_kind(learner, n_features)
        return _join(_trees(learner["gradient_booster"]["model"], n_features))
    except (KeyError, ValueError, IndexError, TypeError, AttributeError, OverflowError) as err:
        raise DataError(f"the XGBoost model is damaged: {err!r}", hint="Restore it, or make the model again") from err


def _check_kind(learner: Any, n_features: int) -> None:
    booster, shape = learner["gradient_booster"], learner["learner_model_param"]
    if booster["name"] != "gbtree":
        raise DataError(f"the model is of the kind {booster['name']}", hint="Train it with booster='gbtree'")
    if int(shape["num_class"]) > 1 or int(shape.get("num_target", "1")) > 1:
        raise DataError("the model gives several scores a row", hint="Train it for two classes or for a value")
    if int(shape["num_feature"]) != n_features:
        raise DataError(
            f"the model was trained on {shape['num_feature']} features, the contract has {n_features}",
            hint="Train it again on the contract in use",
        )


def _trees(booster: Any, n_features: int) -> list[_Tree]:
    trees = [_Tree(tree, n_features) for tree in booster["trees"]]
    if not trees or len(trees) != len(booster["tree_info"]) or np.any(booster["tree_info"]):
        raise ValueError("trees and tree_info do not fit")
    ends = np.asarray(booster["iteration_indptr"], dtype=np.int64)
    if ends[0] != 0 or ends[-1] != len(trees) or (np.diff(ends) < 0).any():
        raise ValueError("iteration_indptr does not fit")
    return trees


class _Tree:
    """One tree: what hangs from its root, in numbers of its own."""

    def __init__(self, tree: Mapping[str, Any], n_features: int) -> None:
        size = int(tree["tree_param"]["num_nodes"])
        if int(tree["tree_param"]["size_leaf_vector"]) > 1:
            raise DataError("the leaves hold several values", hint="Train it for two classes or for a value")
        columns = {name: np.asarray(tree[name]) for name in _PER_NODE}
        if size < 1 or any(column.shape != (size,) for column in columns.values()):
            raise ValueError("the arrays of a tree differ in length")
        self.left, self.right, self.feature = (columns[name].astype(np.int64) for name in _PER_NODE[:3])
        self.condition = columns["split_conditions"].astype(np.float32)
        self.default_left = columns["default_left"].astype(bool)
        self.is_leaf = self.left == -1
        reached = self._reached(size)
        nodes = reached[~self.is_leaf[reached]]
        if len(nodes) and not 0 <= self.feature[nodes].min() <= self.feature[nodes].max() < n_features:
            raise ValueError("a node asks for a feature that is not there")
        self.nodes, self.leaves = nodes, reached[self.is_leaf[reached]]
        self.sets = self._sets(tree, nodes[columns["split_type"][nodes] != 0])

    def _reached(self, size: int) -> NDArray[np.int64]:
        seen, ahead, order = np.zeros(size, dtype=bool), [0], []
        while ahead:
            place = ahead.pop()
            if not 0 <= place < size or seen[place] or (self.is_leaf[place] != (self.right[place] == -1)):
                raise ValueError("the children make no tree")
            seen[place] = True
            order.append(place)
            if not self.is_leaf[place]:
                ahead += [int(self.right[place]), int(self.left[place])]
        return np.array(order, dtype=np.int64)

    def _sets(self, tree: Mapping[str, Any], categorical: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
        """Return the codes that go left in `Trees`, -1 for a missing value, of each node that asks for a category."""
        codes, names = np.asarray(tree["categories"]), np.asarray(tree["categories_nodes"])
        starts, sizes = np.asarray(tree["categories_segments"]), np.asarray(tree["categories_sizes"])
        if not len(names) == len(starts) == len(sizes) or len(np.unique(names)) != len(names):
            raise ValueError("the arrays of categories differ in length")
        found: dict[int, NDArray[np.int64]] = {}
        for node, start, size in zip(names.tolist(), starts.tolist(), sizes.tolist(), strict=True):
            if start < 0 or size < 1 or start + size > len(codes):
                raise ValueError("a node's categories are not there")
            chosen = codes[start : start + size].astype(np.int64)
            if chosen.min() < 0:
                raise ValueError("a category is below 0")
            found[node] = chosen if self.default_left[node] else np.append(chosen, -1)
        if set(categorical.tolist()) - found.keys():
            raise ValueError("a node has no categories")
        return {node: found[node] for node in categorical.tolist()}


def _join(trees: list[_Tree]) -> Trees:
    first_node = np.cumsum([0, *(len(tree.nodes) for tree in trees)])
    first_leaf = np.cumsum([0, *(len(tree.leaves) for tree in trees)])
    roots, lefts, rights, sets = [], [], [], []
    for tree, node, leaf in zip(trees, first_node, first_leaf, strict=False):
        place = np.empty(len(tree.left), dtype=np.int64)
        place[tree.nodes] = node + np.arange(len(tree.nodes))
        place[tree.leaves] = -1 - (leaf + np.arange(len(tree.leaves)))
        roots.append(place[0])
        swapped = np.array([one in tree.sets for one in tree.nodes.tolist()], dtype=bool)
        left, right = place[tree.left[tree.nodes]], place[tree.right[tree.nodes]]
        lefts.append(np.where(swapped, right, left))
        rights.append(np.where(swapped, left, right))
        sets += [tree.sets.get(one) for one in tree.nodes.tolist()]
    below = np.nextafter(np.concatenate([tree.condition[tree.nodes] for tree in trees]), np.float32(-np.inf))
    return Trees(
        roots=np.array(roots, dtype=np.int64),
        feature=np.concatenate([tree.feature[tree.nodes] for tree in trees]),
        threshold=below.astype(np.float64),
        default_left=np.concatenate([tree.default_left[tree.nodes] for tree in trees]),
        missing=np.full(len(below), int(Missing.NAN), dtype=np.int64),
        left=np.concatenate(lefts),
        right=np.concatenate(rights),
        categories=tuple(sets),
        leaf_value=np.concatenate([tree.condition[tree.leaves] for tree in trees]).astype(np.float64),
        first_leaf=first_leaf[:-1],
    )
