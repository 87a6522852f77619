import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.monitoring.alarming.betting import Book, play, win


@given(st.integers(2, 300), st.integers(0, 299))
def test_every_style_is_a_fair_bet_on_the_rank(blocks, age):
    ranks = np.arange(1.0, blocks + 1)
    mean = win(ranks, np.full(blocks, float(blocks)), np.full(blocks, float(min(age, blocks - 1)))).mean(axis=0)
    assert np.allclose(mean, 1.0)


def test_the_second_block_after_a_change_wins_though_the_first_ranks_before_it():
    assert win(np.array(2.0), np.array(62.0), np.array(1.0))[0] == pytest.approx(0.95 * 31)
    assert win(np.array(2.0), np.array(62.0), np.array(0.0))[0] == pytest.approx(0.05 / (1 - 1 / 62))


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
    assert book.stakes["b"][1][0] > 30
