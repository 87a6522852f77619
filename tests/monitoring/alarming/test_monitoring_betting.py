from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from daytwo.monitoring.alarming.betting import EXPECTED, STAKED, Book, play, win


@given(st.integers(2, 300), st.integers(0, 299))
def test_every_style_is_a_fair_bet_on_the_rank(blocks, age):
    ranks = np.arange(1.0, blocks + 1)
    mean = win(ranks, np.full(blocks, float(blocks)), np.full(blocks, float(min(age, blocks - 1)))).mean(axis=0)
    assert np.allclose(mean, 1.0)


def test_the_second_block_after_a_change_wins_though_the_first_ranks_before_it():
    sure = 3  # the style that expects a change beyond all others
    assert win(np.array(2.0), np.array(62.0), np.array(1.0))[sure] > 0.6 * 31
    assert win(np.array(2.0), np.array(62.0), np.array(0.0))[sure] < 10
    assert win(np.array(30.0), np.array(62.0), np.array(0.0))[sure] == pytest.approx(1 - STAKED[sure], abs=1e-4)


@pytest.mark.parametrize("age", [1, 2, 5])
def test_a_rank_is_paid_by_its_chance_among_the_changed_blocks(age):
    # By hand: all sets of so many changed blocks, each as likely as the product of its blocks' odds.
    blocks = 12
    odds = np.exp(EXPECTED[1] * norm.ppf(1 - (np.arange(1, blocks + 1) - 0.5) / blocks))
    chance = np.zeros(blocks)
    for chosen in combinations(range(blocks), age + 1):
        chance[list(chosen)] += odds[list(chosen)].prod()
    paid = win(np.arange(1.0, blocks + 1), np.full(blocks, blocks), np.full(blocks, age))[:, 1]
    assert np.abs(paid - chance / chance.mean()).max() < 0.5
    assert (np.diff(paid) < 0).all()


def test_without_change_the_bets_are_worth_the_number_of_blocks_on_average():
    draw = np.random.default_rng(0)
    worth = []
    for _ in range(3_000):
        book, values = Book(), list(draw.normal(size=20))
        for _ in range(4):
            values.append(draw.normal())
            book = play(book.older(), {"a": (int((np.array(values) >= values[-1]).sum()), len(values))}, {"a": 1.0})
        worth.append(book.worth()["a"])
    assert np.mean(worth) == pytest.approx(4.0, abs=4 * np.std(worth) / np.sqrt(len(worth)))


def test_starts_are_kept_up_to_a_number_the_newest_always():
    book = Book()
    for _ in range(30):
        book = play(book.older(), {"a": (10, 40)}, {"a": 1.0}, most=6)
    assert len(book.ages) == 6
    assert book.ages[-4:] == (3, 2, 1, 0)


def test_a_listener_that_joins_has_won_nothing_before():
    book = play(Book(), {"a": (1, 40)}, {"a": 0.5, "b": 0.5})
    book = play(book.older(), {"a": (1, 41), "b": (1, 41)}, {"a": 0.5, "b": 0.5})
    assert book.stakes["b"][0] == (0.0,) * 5
    assert book.stakes["b"][1][3] > 30
