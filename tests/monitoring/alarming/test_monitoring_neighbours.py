import numpy as np

from daytwo.monitoring.alarming.neighbours import resemblance, resembling


def runs(length):
    return np.repeat(np.random.default_rng(1).normal(size=(40, 20)), length, axis=0)[:120]


def test_runs_of_equal_blocks_are_kept_apart_by_about_their_length():
    assert resembling(runs(1)) == 1
    assert 2 <= resembling(runs(3)) <= 3
    assert resembling(runs(12)) == 7


def test_a_trend_resembles_itself_as_far_as_is_looked_and_an_alternation_not_at_all():
    assert resemblance(np.arange(60.0)) == 7
    assert resemblance(np.tile([0.0, 1.0], 30) + np.arange(60) * 1e-6) == 1
