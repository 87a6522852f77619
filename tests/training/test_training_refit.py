from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from daytwo.training.refit import refit_in_order, refit_leaves


def dense(leaves, first, count):
    matrix = np.zeros((len(leaves), count))
    for tree, start in enumerate(first):
        matrix[np.arange(len(leaves)), start + leaves[:, tree]] = 1
    return matrix


@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 6))
def test_the_leaves_are_those_of_penalised_least_squares(seed, trees, most):
    chance = np.random.default_rng(seed)
    sizes = chance.integers(1, most + 1, trees)
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    n, count = 60, int(sizes.sum())
    leaves = np.stack([chance.integers(0, size, n) for size in sizes], axis=1)
    values, target = chance.normal(size=count), chance.normal(size=n)
    weights = chance.uniform(0.1, 3, n)
    found = refit_leaves(leaves, values, first, target, weights)
    with patch("daytwo.training.refit._LEFT", 1e-9), patch("daytwo.training.refit._STEPS", 500):
        longer = refit_leaves(leaves, values, first, target, weights)
    reached, w = dense(leaves, first, count), weights / weights.mean()
    left = reached.T @ (w * (target - reached @ values))
    exact = values + np.linalg.solve(reached.T @ (w[:, None] * reached) + np.eye(count), left)

    def loss(now):
        return (w * (target - reached @ now) ** 2).sum() + ((now - values) ** 2).sum()

    assert np.abs(longer - exact).max() < 1e-6
    assert -1e-9 <= loss(found) - loss(exact) <= 1e-2 * (loss(values) - loss(exact)) + 1e-9


def test_what_one_tree_can_say_exactly_it_says_but_for_the_pull():
    leaves = np.repeat([0, 1], 5_000)[:, None]
    found = refit_leaves(leaves, np.zeros(2), np.array([0]), np.repeat([1.0, -2.0], 5_000), np.ones(10_000))
    assert np.abs(found - [1.0, -2.0]).max() < 1e-3


@given(st.integers(0, 10_000), st.integers(1, 4))
def test_leaves_fitted_in_order_keep_it_and_are_no_worse_than_grown(seed, trees):
    chance = np.random.default_rng(seed)
    sizes = chance.integers(2, 7, trees)
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    n = 80
    leaves = np.stack([chance.integers(0, size, n) for size in sizes], axis=1)
    orders = [np.triu(np.ones((size, size), dtype=bool)) for size in sizes]
    values = np.concatenate([np.sort(chance.normal(size=size)) for size in sizes])
    target, weights = chance.normal(size=n), chance.uniform(0.1, 3, n)
    found = refit_in_order(leaves, values, first, target, weights, orders)

    def error(now):
        return (weights * (target - now[leaves + first].sum(axis=1)) ** 2).sum()

    assert all(np.all(np.diff(part) >= 0) for part in np.split(found, first[1:]))
    assert error(found) <= error(values)


def test_one_tree_in_a_chain_comes_near_to_the_isotonic_fit():
    chance = np.random.default_rng(3)
    leaf = np.repeat(np.arange(8), 500)
    target = np.array([0.0, 3, 1, 2, 2.5, 1.5, 4, 5])[leaf] + chance.normal(size=4000)
    order = np.triu(np.ones((8, 8), dtype=bool))
    found = refit_in_order(leaf[:, None], np.zeros(8), np.array([0]), target, np.ones(4000), [order])
    exact = IsotonicRegression().fit_transform(np.arange(8), [target[leaf == one].mean() for one in range(8)])
    assert ((target - found[leaf]) ** 2).mean() < 1.01 * ((target - exact[leaf]) ** 2).mean()
