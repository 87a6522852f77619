"""The leaves of a grown ensemble, all answered anew at once: the same trees, nearer to what they should say.

Boosting fixes each tree before it grows the next, and shrinks it because of what is to come. Once the last one stands,
the best values of all leaves together are a sparse least-squares problem. Half as many trees then follow a reference
model as closely. `variants.py` uses it for students; labels would be fitted too closely by it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from daytwo.explain.trees import Trees
from daytwo.training.leaf_order import in_order, leaf_orders

# Pull towards the values that boosting gave, in rows of mean weight.
_PULL = 1.0
_STEPS = 30
# The solution is good enough when what is left of the gradient is this share of the first.
_LEFT = 1e-3
# How often leaves that had to be pooled for their order are fitted as one; more rounds change nothing that shows.
_ROUNDS = 3


def refit(
    trees: Trees,
    leaves: NDArray[np.integer],
    target: NDArray[np.float64],
    weights: NDArray[np.float64],
    directions: Sequence[int],
) -> NDArray[np.float64]:
    """Return new values of all leaves of `trees`, shape (m,), for rows that reach `leaves`, shape (n, t).

    In order where a feature has a direction (`core/schema.py`); `target` and `weights` are those of `refit_leaves`.
    """
    asked = (leaves, trees.leaf_value, trees.first_leaf, target, weights)
    return refit_in_order(*asked, leaf_orders(trees, directions)) if any(directions) else refit_leaves(*asked)


def refit_leaves(
    leaves: NDArray[np.integer],
    values: NDArray[np.float64],
    first: NDArray[np.integer],
    target: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return new values of all leaves, shape (m,): of least weighted squared error of their sums towards `target`.

    Parameters
    ----------
    leaves : shape (n, t)
        The leaf that each row reaches in each tree, counted within the tree.
    values : shape (m,)
        What the leaves of all trees say now, tree after tree.
    first : shape (t,)
        Where each tree's leaves begin in `values`.
    target, weights : shape (n,)
        What the sum over the trees should be for each row, and how much the row counts, > 0.

    Source: S. Ren, X. Cao, Y. Wei & J. Sun (2015), Global refinement of random forest, CVPR, 723-730; solved by
    conjugate gradients, M. Hestenes & E. Stiefel (1952), J. Res. Nat. Bur. Stand. 49, 409-436.
    """
    n, trees = leaves.shape
    weights = weights / weights.mean()
    columns = (leaves + first).astype(np.int32).ravel()
    ends = np.arange(0, n * trees + 1, trees, dtype=np.int64)
    reached = sparse.csr_matrix((np.ones(columns.size), columns, ends), shape=(n, len(values)))
    spread = reached.T.tocsr()
    scale = spread @ weights + _PULL
    left = spread @ (weights * (target - reached @ values))
    change = np.zeros(len(values))
    direction = left / scale
    size = begun = _dot(left, direction)
    for _ in range(_STEPS):
        if size <= _LEFT**2 * begun:
            break
        bent = spread @ (weights * (reached @ direction)) + _PULL * direction
        step = size / _dot(direction, bent)
        change += step * direction
        left -= step * bent
        scaled = left / scale
        before, size = size, _dot(left, scaled)
        direction = scaled + size / before * direction
    return np.asarray(values + change)


def refit_in_order(
    leaves: NDArray[np.integer],
    values: NDArray[np.float64],
    first: NDArray[np.integer],
    target: NDArray[np.float64],
    weights: NDArray[np.float64],
    orders: Sequence[NDArray[np.bool_]],
) -> NDArray[np.float64]:
    """Return new values of all leaves, shape (m,), that keep the `orders` (`leaf_order.py`), one a tree.

    Leaves are fitted freely and put in order; those that had to be pooled for it are then fitted as one, a few times
    over. Of all that kept the order, the grown values among them, those of least squared error are returned: near the
    best, and never worse than before. The other parameters are those of `refit_leaves`.

    Source: the pooling is that of M. Ayer et al. (1955), Ann. Math. Statist. 26(4), 641-647, here on a partial order.
    """
    ends = first[1:]

    def ordered(found: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.concatenate(list(map(in_order, np.split(found, ends), orders)))

    def error(found: NDArray[np.float64]) -> float:
        left = target - found[leaves + first].sum(axis=1)
        return float((weights * left * left).sum())

    tree = np.repeat(np.arange(len(first)), np.diff([*first, len(values)]))
    tried = [ordered(values)]
    free = refit_leaves(leaves, values, first, target, weights)
    for _ in range(_ROUNDS):
        tried.append(ordered(free))
        # Leaves of a tree that answer alike move as one from here on.
        kept, group = np.unique(np.stack([tree, tried[-1]]), axis=1, return_inverse=True)
        group = group.reshape(-1)
        pooled = refit_leaves(group[leaves + first], kept[1], np.zeros_like(first), target, weights)
        free = pooled[group]
    return min([*tried, ordered(free)], key=error)


def _dot(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return the inner product, to the same last bit whatever the number of threads."""
    return float((a * b).sum())
