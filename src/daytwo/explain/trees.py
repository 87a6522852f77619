"""An ensemble of decision trees as plain arrays, read from LightGBM's model text.

Pure numpy; what the decisions mean is written at `Trees`. `shapley.py` next door explains with them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from daytwo.core.errors import DataError

# Bits of LightGBM's decision_type (include/LightGBM/tree.h).
_CATEGORICAL, _DEFAULT_LEFT, _MISSING_SHIFT, _MISSING_MASK = 1, 2, 2, 3
# The lines of a tree by how many numbers they hold. LightGBM reads trees on threads of its own, where a number that is
# none, or one too few, ends the process.
_PER_NODE = (
    "split_feature", "split_gain", "threshold", "decision_type", "left_child", "right_child",
    "internal_value", "internal_weight", "internal_count",
)  # fmt: skip
_PER_LEAF = ("leaf_value", "leaf_weight", "leaf_count")
_SINGLE = ("Tree", "num_leaves", "num_cat", "is_linear", "shrinkage")
_SETS = ("cat_boundaries", "cat_threshold")
_LINE = re.compile(rb"([A-Za-z_]+)=((?:(?:-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?|-?inf|-?nan)(?: |$))*)")


class Missing(IntEnum):
    """What a node takes for a missing value; numbers as in LightGBM. Under NONE a NaN counts as 0."""

    NONE = 0
    ZERO = 1
    NAN = 2


@dataclass(frozen=True, slots=True)
class Trees:
    """All trees in one set of arrays: nodes of all trees in a row, and leaves of all trees in a row.

    A child >= 0 is a node, a child < 0 is the leaf `-1 - child`; `roots` holds such numbers too. `first_leaf` is
    where each tree's leaves begin. A number goes left when it is <= `threshold`, or, where it is missing
    (`missing`, see `Missing`), when `default_left`. A category goes left when its code is in `categories[node]`
    (None for a node that asks for a number); a missing one counts as the code -1.
    """

    roots: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    default_left: NDArray[np.bool_]
    missing: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    categories: tuple[NDArray[np.int64] | None, ...]
    leaf_value: NDArray[np.float64]
    first_leaf: NDArray[np.int64]
    # What the sum of the trees is divided by: a random forest takes their mean.
    divisor: float = 1.0

    def leaf_depths(self) -> NDArray[np.int64]:
        """Return how many decisions lead to each leaf, shape (n_leaves,)."""
        depths = np.zeros(len(self.leaf_value), dtype=np.int64)
        ahead = [(int(root), 0) for root in self.roots]
        while ahead:
            place, depth = ahead.pop()
            if place < 0:
                depths[-1 - place] = depth
            else:
                ahead += [(int(self.left[place]), depth + 1), (int(self.right[place]), depth + 1)]
        return depths


def walk(trees: Trees, root: int) -> tuple[list[int], list[int]]:
    """Return the nodes and the leaves that hang from `root`, parents before their children."""
    nodes, leaves, ahead = [], [], [root]
    while ahead:
        place = ahead.pop()
        if place < 0:
            leaves.append(-1 - place)
        else:
            nodes.append(place)
            ahead += [int(trees.right[place]), int(trees.left[place])]
    return nodes, leaves


def goes_left(trees: Trees, node: int, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which values of the column that `node` asks for go left there, shape (n,); NaN is missing."""
    chosen, gone = trees.categories[node], np.isnan(values)
    if chosen is not None:
        return np.isin(np.where(gone, -1, values), chosen)
    return np.where(gone, missing_goes_left(trees, node), values <= trees.threshold[node])


def missing_goes_left(trees: Trees, node: int) -> bool:
    """Return whether a missing number goes left at `node`."""
    if trees.missing[node] == Missing.NONE:  # it counts as 0
        return bool(trees.threshold[node] >= 0)
    return bool(trees.default_left[node])


def parse_trees(text: bytes) -> Trees:
    """Read the trees of a LightGBM model, strictly: a text that is cut short or edited is refused.

    LightGBM itself finds the trees by the sizes in the text's head and reads on past the end of a text that is
    too short, so whoever loads a model there should let it pass here first.

    Raises
    ------
    DataError
        If the text is no such model or is damaged, or its leaves hold linear models.
    """
    if not text.startswith(b"tree\n"):
        raise DataError("this is no LightGBM model", hint="Give the text that `Booster.save_model` writes")
    try:
        trees = _join([_Block(block) for block in _cut(text)])
        if b"\naverage_output\n" in text[: text.index(b"\nTree=")]:
            trees = replace(trees, divisor=float(len(trees.roots)))
        _check(trees, int(_fields(text[: text.index(b"\nTree=")])["max_feature_idx"][0]) + 1)
    except (KeyError, ValueError, IndexError, OverflowError) as err:
        raise DataError(f"the model text is damaged: {err!r}", hint="Restore it, or make the model again") from err
    return trees


class _Block:
    """One tree's part of the text."""

    def __init__(self, text: bytes) -> None:
        if b"is_linear=1" in text:
            raise DataError("the leaves hold linear models", hint="Train with linear_tree=false")
        self._fields = self._strict_fields(text)
        self.n_leaves = int(self._fields["num_leaves"][0])
        self.n_nodes = self.n_leaves - 1
        if self.n_leaves < 1:
            raise ValueError(f"a tree of {self.n_leaves} leaves")
        for name in self._fields:
            if name not in _SETS and self.n_nodes:  # a tree without a node leaves most lines empty
                self._sized(name)

    @staticmethod
    def _strict_fields(text: bytes) -> dict[str, list[bytes]]:
        fields: dict[str, list[bytes]] = {}
        for line in text.split(b"\n"):
            if not line:
                continue
            match = _LINE.fullmatch(line)
            if match is None or (name := match[1].decode()) in fields:
                raise ValueError(f"{line[:40]!r} is no line of a tree, or stands twice")
            fields[name] = match[2].split()
        return fields

    def integers(self, name: str) -> NDArray[np.int64]:
        return np.array([int(one) for one in self._sized(name)], dtype=np.int64)

    def floats(self, name: str) -> NDArray[np.float64]:
        return np.array([float(one) for one in self._sized(name)], dtype=np.float64)

    def sets(self) -> list[NDArray[np.int64]]:
        """The tree's sets of category codes, each kept as 32-bit words."""
        if self._fields["num_cat"] == [b"0"]:
            return []
        bounds = [int(one) for one in self._fields["cat_boundaries"]]
        words = np.array([int(one) for one in self._fields["cat_threshold"]], dtype="<u4")
        if len(bounds) != int(self._fields["num_cat"][0]) + 1 or sorted({0, *bounds, len(words)}) != bounds:
            raise ValueError("cat_boundaries and cat_threshold do not fit")
        bits = [np.unpackbits(words[a:b].view(np.uint8), bitorder="little") for a, b in pairwise(bounds)]
        return [np.flatnonzero(one) for one in bits]

    def _sized(self, name: str) -> list[bytes]:
        if name in _PER_NODE:
            expected = self.n_nodes
        elif name in _PER_LEAF:
            expected = self.n_leaves
        elif name in _SINGLE:
            expected = 1
        else:
            raise ValueError(f"a tree has no {name}")
        values = self._fields.get(name, []) if expected == 0 else self._fields[name]
        if len(values) != expected:
            raise ValueError(f"{name} holds {len(values)} numbers, not {expected}")
        return values


def _fields(block: bytes) -> dict[str, list[bytes]]:
    lines = (line.split(b"=", 1) for line in block.splitlines() if b"=" in line)
    return {name.decode(): value.split() for name, value in lines}


def _cut(text: bytes) -> Iterator[bytes]:
    start = text.index(b"\nTree=0\n") + 1
    for number, size in enumerate(_fields(text[:start])["tree_sizes"]):
        block = text[start : start + int(size)]
        if not block.startswith(f"Tree={number}\n".encode()):
            raise ValueError(f"tree {number} is not where tree_sizes says")
        yield block
        start += int(size)
    if not text[start:].startswith(b"end of trees"):
        raise ValueError("the last tree is not where tree_sizes says")


def _join(blocks: list[_Block]) -> Trees:
    first_leaf = np.cumsum([0, *(block.n_leaves for block in blocks)])[:-1]
    first_node = np.cumsum([0, *(block.n_nodes for block in blocks)])[:-1]
    tree_of_node = np.repeat(np.arange(len(blocks)), [block.n_nodes for block in blocks])

    def joined(name: str) -> NDArray[np.int64]:
        return np.concatenate([block.integers(name) for block in blocks])

    def children(name: str) -> NDArray[np.int64]:
        place = joined(name)
        bound = np.array([block.n_leaves for block in blocks])[tree_of_node]
        if (place < -bound).any() or (place >= bound - 1).any():
            raise ValueError(f"{name} leads out of the tree")
        return place + np.where(place < 0, -first_leaf[tree_of_node], first_node[tree_of_node])

    decision = joined("decision_type")
    threshold = np.concatenate([block.floats("threshold") for block in blocks])
    sets = [block.sets() for block in blocks]
    return Trees(
        roots=np.where([block.n_nodes > 0 for block in blocks], first_node, -1 - first_leaf),
        feature=joined("split_feature"),
        threshold=threshold,
        default_left=(decision & _DEFAULT_LEFT).astype(bool),
        missing=(decision >> _MISSING_SHIFT) & _MISSING_MASK,
        left=children("left_child"),
        right=children("right_child"),
        categories=tuple(
            sets[tree][int(which)] if kind & _CATEGORICAL else None
            for tree, which, kind in zip(tree_of_node, threshold, decision, strict=True)
        ),
        leaf_value=np.concatenate([block.floats("leaf_value") for block in blocks]),
        first_leaf=first_leaf,
    )


def _check(trees: Trees, n_features: int) -> None:
    if trees.feature.size and not 0 <= trees.feature.min() <= trees.feature.max() < n_features:
        raise ValueError("split_feature names a feature that is not there")
    # Every node and leaf but the roots hangs from exactly one place, so a walk ends.
    below = np.concatenate([trees.roots, trees.left, trees.right])
    if len(np.unique(below)) != len(below) or len(below) != len(trees.feature) + len(trees.leaf_value):
        raise ValueError("the children make no tree")
