"""Where the reference has been, against cells and ranges worked out by hand."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from daytwo.monitoring.estimating.support import Support, learn_support


def line(n):
    x = np.linspace(0, 1, n)
    return np.column_stack([x, x, np.zeros(n)])


def test_a_pair_of_values_that_never_met_is_outside_though_each_is_known():
    support = learn_support(line(800), (0, 1), {})
    rows = np.array([[0.1, 0.1, 0.0], [0.1, 0.9, 0.0], [1.1, 1.0, 0.0], [0.1, np.nan, 0.0], [0.5, 0.5, 9.0]])
    assert support.outside(rows).tolist() == [False, True, True, True, False]


def test_a_missing_value_is_inside_only_where_the_reference_missed_it_beside_the_same_values():
    matrix = line(800)
    matrix[:100, 0] = np.nan
    support = learn_support(matrix, (0, 1), {})
    assert support.outside(np.array([[np.nan, 0.05, 0.0], [np.nan, 0.9, 0.0]])).tolist() == [False, True]


def test_a_new_level_is_outside_and_an_empty_support_knows_no_bounds():
    matrix = np.column_stack([np.arange(90) % 3, np.arange(90) % 3])
    assert learn_support(matrix, (0,), {0: 3}).outside(np.array([[2.0, 9.0], [3.0, 0.0]])).tolist() == [False, True]
    assert not Support().outside(matrix).any()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 12))
def test_rows_of_the_reference_are_never_outside(seed, rows, columns):
    rng = np.random.default_rng(seed)
    matrix = np.round(rng.normal(size=(rows, columns)), 1).astype(np.float32)
    matrix[rng.random(matrix.shape) < 0.1] = np.nan
    assert not learn_support(matrix, tuple(range(columns)), {}).outside(matrix).any()
