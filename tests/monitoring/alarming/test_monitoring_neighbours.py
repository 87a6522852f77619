import numpy as np

from daytwo.monitoring.alarming.neighbours import resembling


def runs(length):
    return np.repeat(np.random.default_rng(1).normal(size=(40, 20)), length, axis=0)[:120]


def test_runs_of_equal_blocks_are_kept_apart_by_about_their_length():
    assert resembling(runs(1)) == 1
    assert 2 <= resembling(runs(3)) <= 3
    assert 9 <= resembling(runs(12)) <= 12


def test_a_trend_resembles_itself_as_far_as_is_looked_and_an_alternation_not_at_all():
    assert resembling(np.arange(60.0)[:, None]) == 15
    assert resembling(np.arange(20.0)[:, None]) == 15
    assert resembling(np.tile([0.0, 1.0], 30)[:, None]) == 1


def test_ties_show_no_order():
    found = [resembling((np.random.default_rng(i).random((60, 40)) < 0.1).astype(float)) for i in range(50)]
    assert sum(apart > 1 for apart in found) <= 4


def test_channels_that_move_together_are_not_taken_for_many_witnesses():
    found = [resembling(np.repeat(np.random.default_rng(i).normal(size=(60, 1)), 50, axis=1)) for i in range(100)]
    assert sum(apart > 1 for apart in found) <= 6


def test_too_few_blocks_or_none_that_move_are_not_kept_apart():
    assert resembling(np.zeros((60, 3))) == 1
    assert resembling(np.zeros((0, 3))) == 1
    assert resembling(np.arange(6.0)[:, None]) == 1
