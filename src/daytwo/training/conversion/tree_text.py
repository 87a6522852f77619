"""Write trees down as LightGBM's model text, whoever grew them.

The other direction of `explain/trees.py`. Numbers are written in full, so that reading gives them back to the last
bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from daytwo.core.schema import Schema
from daytwo.explain.trees import Trees, walk

_CATEGORY, _DEFAULT_LEFT, _MISSING_IS_NAN = 1, 2, 8
_WORD = 32
# LightGBM's own stand-in for infinity, which a split between missing and all else has for its threshold.
FARTHEST = 1e300


def tree_text(
    trees: Trees, schema: Schema, *, objective: str, base: float = 0.0, leaf_rows: NDArray[np.int64] | None = None
) -> bytes:
    """Return the model text of `trees` over the features of `schema`.

    Parameters
    ----------
    objective : str
        What LightGBM makes of the sum: `binary sigmoid:1`, `regression` (as it is), `poisson` (its exponential).
    base : float
        Added to every sum.
    leaf_rows : shape (n_leaves,), optional
        How many rows reached each leaf; path-dependent importance and gains need them. Default: one each.
    """
    rows = np.ones(len(trees.leaf_value), dtype=np.int64) if leaf_rows is None else np.maximum(leaf_rows, 1)
    values = trees.leaf_value / trees.divisor
    if len(trees.roots):
        first = slice(0, trees.first_leaf[1] if len(trees.roots) > 1 else len(values))
        values[first] += base
    # A code after the last is that of a value which the contract does not know.
    codes = [len(feature.levels) + 1 for feature in schema.features]
    blocks = [_tree(number, int(root), trees, values, rows, codes).encode() for number, root in enumerate(trees.roots)]
    head = [
        "tree",
        "version=v4",
        "num_class=1",
        "num_tree_per_iteration=1",
        "label_index=0",
        f"max_feature_idx={len(codes) - 1}",
        f"objective={objective}",
        "feature_names=" + " ".join(f"Column_{place}" for place in range(len(codes))),
        "feature_infos=" + " ".join("[-inf:inf]" for _ in codes),
        "tree_sizes=" + " ".join(str(len(block)) for block in blocks),
    ]
    tail = "end of trees\n\nfeature_importances:\n\nparameters:\nend of parameters\n\npandas_categorical:null\n"
    return "\n".join(head).encode() + b"\n\n" + b"".join(blocks) + tail.encode()


def _tree(
    number: int, root: int, trees: Trees, values: NDArray[np.float64], rows: NDArray[np.int64], codes: Sequence[int]
) -> str:
    nodes, leaves = walk(trees, root)
    inner = np.array(nodes, dtype=np.int64)
    place = {one: i for i, one in enumerate(nodes)} | {-1 - leaf: -1 - i for i, leaf in enumerate(leaves)}
    sets = _Sets()
    thresholds, kinds, lefts, rights = [], [], [], []
    for node in nodes:
        left, right, chosen = int(trees.left[node]), int(trees.right[node]), trees.categories[node]
        if chosen is None:
            kinds.append(_MISSING_IS_NAN + _DEFAULT_LEFT * int(trees.default_left[node]))
            thresholds.append(_number(np.clip(trees.threshold[node], -FARTHEST, FARTHEST)))
        else:
            if (chosen < 0).any():  # LightGBM sends a missing category to the right: the sides change places
                chosen = np.setdiff1d(np.arange(codes[int(trees.feature[node])]), chosen)
                left, right = right, left
            kinds.append(_MISSING_IS_NAN + _CATEGORY)
            thresholds.append(str(sets.add(chosen)))
        lefts.append(place[left])
        rights.append(place[right])
    count, mean, gain = _measures(lefts, rights, values[leaves], rows[leaves])
    fields: dict[str, Iterable[object]] = {
        "split_feature": trees.feature[inner].tolist(),
        "split_gain": map(_number, gain),
        "threshold": thresholds,
        "decision_type": kinds,
        "left_child": lefts,
        "right_child": rights,
        "leaf_value": map(_number, values[leaves]),
        "leaf_weight": rows[leaves].tolist() if nodes else (),
        "leaf_count": rows[leaves].tolist() if nodes else (),
        "internal_value": map(_number, mean),
        "internal_weight": count.tolist(),
        "internal_count": count.tolist(),
        **sets.fields(),
        "is_linear": [0],
        "shrinkage": [1],
    }
    lines = [f"Tree={number}", f"num_leaves={len(leaves)}", f"num_cat={sets.count}"]
    return "\n".join(lines + [f"{name}={' '.join(map(str, held))}" for name, held in fields.items()]) + "\n\n\n"


def _measures(
    lefts: Sequence[int], rights: Sequence[int], values: NDArray[np.float64], rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return of each node how many rows reach it, their mean answer, and by how much its split parts them."""
    count, mean, gain = np.zeros(len(lefts), dtype=np.int64), np.zeros(len(lefts)), np.zeros(len(lefts))
    for node in range(len(lefts) - 1, -1, -1):
        (n, a), (m, b) = (
            (count[one], mean[one]) if one >= 0 else (rows[-1 - one], values[-1 - one])
            for one in (lefts[node], rights[node])
        )
        count[node], mean[node] = n + m, (n * a + m * b) / (n + m)
        gain[node] = n * m / (n + m) * (a - b) ** 2
    return count, mean, gain


class _Sets:
    """The sets of categories of one tree, each as words of 32 bits."""

    def __init__(self) -> None:
        self._bounds, self._words = [0], list[int]()

    @property
    def count(self) -> int:
        return len(self._bounds) - 1

    def add(self, codes: NDArray[np.int64]) -> int:
        words = [0] * (int(codes.max(initial=0)) // _WORD + 1)
        for code in codes.tolist():
            words[code // _WORD] |= 1 << code % _WORD
        self._words += words
        self._bounds.append(len(self._words))
        return self.count - 1

    def fields(self) -> dict[str, Iterable[object]]:
        return {"cat_boundaries": self._bounds, "cat_threshold": self._words} if self.count else {}


def _number(value: float) -> str:
    return repr(float(value))
