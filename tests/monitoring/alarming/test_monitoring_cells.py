import numpy as np

from daytwo.monitoring.alarming.cells import coarse_groups, telling_cells
from daytwo.monitoring.profiles.bins import Bins


def test_frequent_levels_have_groups_of_their_own_and_missing_values_one():
    bins = Bins("c", 8, level_bins=tuple(range(7)))
    codes = np.repeat(np.arange(9), [3, 50, 2, 40, 30, 20, 1, 0, 5])
    assert coarse_groups(bins, codes).tolist() == [4, 0, 4, 1, 2, 3, 4, 4, 5]


def test_the_cell_that_is_never_filled_is_told_and_independent_columns_have_none():
    draw = np.random.default_rng(0)
    first, alone = draw.integers(0, 2, 20_000), draw.integers(0, 3, 20_000)
    second = np.where(first == 0, draw.integers(0, 2, 20_000), 1)
    found = telling_cells([first, second, alone])
    # By hand: P(first 1) = .5 and P(second 0) = .25 never meet, first 0 and second 0 meet in .25 of rows, and both
    # are .125 / sqrt(.125) = .35 from independence, the furthest of all.
    assert sorted(found[:2].tolist()) == [[0, 0, 1, 0], [0, 1, 1, 0]]
    assert set(found[:, 2].tolist()) == {1}


def test_one_column_alone_has_no_cells():
    assert telling_cells([np.zeros(5, dtype=np.intp)]).shape == (0, 4)
