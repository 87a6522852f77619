"""What a model leans on: means, intervals that hold, and an order that is told to be steady only where it is."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import spearmanr

from daytwo.explain.importance import leaning

NAMES = ("a", "b", "c", "d")


def drawn(n=2000, scales=(1.0, 3.0, 0.5, 0.0), seed=1):
    return np.random.default_rng(seed).normal(size=(n, 4)) * np.array(scales)


def test_weights_are_mean_sizes_the_heaviest_first_and_shares_add_up():
    given = drawn()
    found = leaning(given, NAMES)
    assert [one.name for one in found.weights] == ["b", "a", "c", "d"]
    means = np.abs(given).mean(axis=0)
    assert [one.mean for one in found.weights] == pytest.approx([means[1], means[0], means[2], 0.0])
    assert sum(one.share for one in found.weights) == pytest.approx(1)
    assert (found.rows, found.blocks) == (2000, 20)


def test_a_group_weighs_what_its_sum_weighs_and_columns_that_undo_each_other_weigh_nothing():
    given = drawn()
    given[:, 1] = -given[:, 0]
    found = {one.name: one for one in leaning(given, NAMES, {"a": "both", "b": "both"}).weights}
    assert found["both"].mean == 0
    assert found["both"].columns == ("a", "b")


def test_the_order_of_stretches_is_compared_as_scipy_does():
    given = drawn(500)
    found = leaning(given, NAMES, top=2)
    by_block = [np.abs(block).mean(axis=0) for block in np.array_split(given, 20)]
    expected = [spearmanr(one, other).statistic for one, other in pairwise(by_block)]
    assert found.agreement == pytest.approx(np.mean(expected))
    assert found.least == pytest.approx(min(expected))
    in_top = {name: np.mean([name in np.array(NAMES)[np.argsort(-one)[:2]] for one in by_block]) for name in NAMES}
    assert {one.name: one.in_top for one in found.weights} == pytest.approx(in_top)


def test_an_order_that_turns_over_is_told_to_be_unsteady():
    given = drawn(scales=(1, 1, 1, 1))
    for block in range(20):
        given[100 * block : 100 * (block + 1)] *= (1, 2, 3, 4) if block % 2 else (4, 3, 2, 1)
    found = leaning(given, NAMES, top=1)
    assert found.agreement < -0.9
    assert max(one.in_top for one in found.weights) == 0.5


def test_intervals_hold_the_true_mean_in_19_of_20_where_stretches_of_time_have_moods():
    held, times = 0, 200
    random = np.random.default_rng(5)
    for _ in range(times):
        moods = np.repeat(np.exp(0.5 * random.normal(size=(20, 1)) - 0.125), 50, axis=0)
        given = moods * random.exponential(size=(1000, 1))
        one = leaning(given, ("a",)).weights[0]
        held += one.low <= 1 <= one.high
    # 20 stretches are few: a percentile interval holds a little less often than it says.
    assert 0.86 <= held / times <= 0.99


def test_of_few_rows_no_interval_is_told():
    found = leaning(drawn(124), NAMES)
    assert found.agreement is None
    assert {(one.low, one.in_top) for one in found.weights} == {(None, None)}


def test_the_same_rows_give_the_same_figures():
    assert leaning(drawn(), NAMES) == leaning(drawn(), NAMES)
