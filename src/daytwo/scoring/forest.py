"""A LightGBM model written down for our own tree engine: one block of bytes, small and quick to walk.

Pure numpy. `trees.c` next door says what the block means, checks it and walks it; `trees_c.py` hands it over. A model
that the engine does not know is `Unsuited`, and LightGBM's own library scores it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daytwo.explain.trees import Missing, Trees

# As in trees.c.
_MAGIC = 0x31656572746F7764
_HEAD = struct.Struct("=qqqdqqqqqq")
_NODE = np.dtype([("threshold", "=u4"), ("where", "=u2"), ("left", "=u2")])
_IDENTITY, _SIGMOID, _EXP, _LOG1P_EXP, _SIGNED_SQUARE = range(5)
_MAX_SLOTS, _MAX_NODES = 2048, 65536
_DEFAULT_LEFT = 4
_ZERO = np.float32(1e-35)
_TOP_BIT, _ALL_BUT_TOP = 0x80000000, 0x7FFFFFFF
# Tables of categories larger than this would push all else out of the processor's caches.
_MAX_WORDS = 1 << 22
# LightGBM reads other slopes than 1 by arithmetic of its own, to the last bit but one.
_TRANSFORMS = {
    b"": _IDENTITY,
    b"binary sigmoid:1": _SIGMOID,
    b"cross_entropy": _SIGMOID,
    b"cross_entropy_lambda": _LOG1P_EXP,
    b"poisson": _EXP,
    b"gamma": _EXP,
    b"tweedie": _EXP,
    **dict.fromkeys((b"huber", b"lambdarank", b"rank_xendcg"), _IDENTITY),
    **{
        name + root: _SIGNED_SQUARE if root else _IDENTITY
        for name in (b"regression", b"regression_l1", b"fair", b"quantile", b"mape")
        for root in (b"", b" sqrt")
    },
}


class Unsuited(Exception):
    """The model is none for our own engine; the message says why."""


@dataclass(frozen=True, slots=True)
class _Slots:
    """Where each node finds what it asks for: its slot, a shift, and a threshold (see trees.c)."""

    inputs: NDArray[np.uint32]
    tables: NDArray[np.uint32]
    words: NDArray[np.uint32]
    where: NDArray[np.int64]
    threshold: NDArray[np.uint32]


def forest_bytes(text: bytes, trees: Trees) -> bytes:
    """Return the block that `trees.c` reads, of the model `text` and of the trees that it holds.

    Raises
    ------
    Unsuited
        If the model gives several scores a row, has an objective that the engine does not know, or is too wide.
    """
    lines = text[: text.index(b"\nTree=")].split(b"\n")
    said = dict(line.split(b"=", 1) for line in lines if b"=" in line)
    if said.get(b"num_tree_per_iteration") != b"1":
        raise Unsuited("it gives several scores a row")
    objective = said.get(b"objective", b"")
    if objective not in _TRANSFORMS:
        raise Unsuited(f"its objective is {objective.decode(errors='replace')!r}")
    return trees_bytes(trees, int(said[b"max_feature_idx"]) + 1, _TRANSFORMS[objective])


def trees_bytes(trees: Trees, n_features: int, transform: int = _IDENTITY) -> bytes:
    """Return the block that `trees.c` reads, of trees alone: its scores are raw.

    Raises
    ------
    Unsuited
        If the trees are too wide, or hold numbers that are none.
    """
    slots = _slots_of(trees)
    node, first = _laid_out(trees, slots)
    head = _HEAD.pack(
        _MAGIC,
        n_features,
        transform,
        trees.divisor,
        len(trees.leaf_value),
        len(node),
        len(trees.roots),
        len(slots.inputs),
        len(slots.tables),
        len(slots.words),
    )
    parts = (trees.leaf_value.astype("=f8"), node, first, slots.inputs, slots.tables, slots.words)
    return head + b"".join(part.tobytes() for part in parts)


def _slots_of(trees: Trees) -> _Slots:
    is_set = np.array([codes is not None for codes in trees.categories], dtype=bool)
    where = np.zeros(len(is_set), dtype=np.int64)
    threshold = np.full(len(is_set), _ALL_BUT_TOP, dtype=np.uint32)
    numbers = np.flatnonzero(~is_set)
    if np.isnan(trees.threshold[numbers]).any() or not np.isfinite(trees.leaf_value).all():
        raise Unsuited("it holds numbers that are none")
    if not np.isin(trees.missing, list(Missing)).all():
        raise Unsuited("it has a kind of missing value that is not known")
    how = trees.missing + _DEFAULT_LEFT * (trees.default_left & (trees.missing != Missing.NONE))
    pairs = np.column_stack([trees.feature, how])[numbers]
    inputs, which = np.unique(pairs, axis=0, return_inverse=True)
    where[numbers] = (1 + which.reshape(-1)) << 5
    threshold[numbers] = _ordered(_floored(trees.threshold[numbers]))
    tables, words, slots = [], [np.zeros(0, dtype=np.uint32)], 1 + len(inputs)
    for feature in np.unique(trees.feature[is_set]).tolist():
        nodes = np.flatnonzero(is_set & (trees.feature == feature))
        table = _table([codes for one in nodes if (codes := trees.categories[one]) is not None])
        tables.append([feature, len(table) - 1, table.shape[1], sum(map(len, words))])
        words.append(table.reshape(-1))
        place = np.arange(len(nodes))
        where[nodes] = (slots + place // 32) << 5 | (31 - place % 32)
        slots += table.shape[1]
    joined = np.concatenate(words)
    if slots > _MAX_SLOTS or len(joined) > _MAX_WORDS:
        raise Unsuited("it reads too many features, or categories of too many codes")
    return _Slots(inputs.astype("=u4"), np.array(tables, dtype="=u4").reshape(-1, 4), joined, where, threshold)


def _table(sets: list[NDArray[np.int64]]) -> NDArray[np.uint32]:
    """Return for each code, and last for all others, one bit a set: 1 where the code is not in it and goes right."""
    if min((int(one.min()) for one in sets if len(one)), default=0) < 0:
        raise Unsuited("a missing category goes another way than an unknown one")
    codes = max((int(one.max()) + 1 for one in sets if len(one)), default=0)
    width = -(-len(sets) // 32)
    if (codes + 1) * width > _MAX_WORDS:
        raise Unsuited("it has categories of too many codes")
    table = np.full((codes + 1, width), 0xFFFFFFFF, dtype=np.uint32)
    for place, one in enumerate(sets):
        table[one, place // 32] &= ~np.uint32(1 << place % 32)
    return table


def _floored(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the largest float32 not above each: for a float32 x, `x <= t` holds of both or of none."""
    with np.errstate(over="ignore", under="ignore"):
        nearest = thresholds.astype(np.float32)
    return np.where(nearest > thresholds, np.nextafter(nearest, np.float32(-np.inf)), nearest)


def _ordered(numbers: NDArray[np.float32]) -> NDArray[np.uint32]:
    bits = (numbers + np.float32(0)).view(np.uint32)  # -0 becomes 0
    return np.where(bits & _TOP_BIT, ~bits, bits | _TOP_BIT)


def _laid_out(trees: Trees, slots: _Slots) -> tuple[NDArray[np.void], NDArray[np.uint32]]:
    """Return the nodes, tree after tree, level after level, siblings side by side; and each tree's first node."""
    places, owners = [trees.roots], [np.arange(len(trees.roots))]
    while (inner := places[-1] >= 0).any():
        parents = places[-1][inner]
        places.append(np.column_stack([trees.left[parents], trees.right[parents]]).reshape(-1))
        owners.append(np.repeat(owners[-1][inner], 2))
    place, owner = np.concatenate(places), np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    first = np.concatenate([[0], np.cumsum(np.bincount(owner))])
    if np.diff(first).max() > _MAX_NODES:
        raise Unsuited("a tree has more than 32,768 leaves")
    spot = np.empty_like(order)
    spot[order] = np.arange(len(order))
    spot -= first[owner]
    node = np.zeros(len(place), dtype=_NODE)
    inner = place >= 0
    node["left"], node["threshold"] = spot, np.where(inner, 0, -1 - place)
    # The children of the n-th inner place stand n pairs behind the roots.
    node["left"][inner] = spot[len(trees.roots) :: 2]
    node["threshold"][inner], node["where"][inner] = slots.threshold[place[inner]], slots.where[place[inner]]
    return node[order], first.astype("=u4")
