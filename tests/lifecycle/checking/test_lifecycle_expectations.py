"""Invariance and direction: known answers, on both sides of every limit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from daytwo.core.settings import ExpectSettings
from daytwo.lifecycle.checking.expectations import FEWEST_ROWS, behaved, expectation_name

BEFORE = np.full(100, 0.5)


def expected(expect, **more):
    return ExpectSettings(column="wind", change="+10", expect=expect, **more)


def moved(*, up=0, down=0, by=0.1):
    """A hundred answers of which some go up and some down."""
    after = BEFORE.copy()
    after[:up] += by
    after[up : up + down] -= by
    return after


@pytest.mark.parametrize(
    ("expect", "after", "passed", "held"),
    [
        (expected("same"), moved(), True, 1.0),
        (expected("same"), moved(up=1), False, 0.99),
        (expected("same", holds=0.99), moved(up=1), True, 0.99),
        (expected("same", tolerance=0.2), moved(up=50, down=50), True, 1.0),
        (expected("same", tolerance=0.05), moved(down=50), False, 0.5),
        (expected("up"), moved(up=30), True, 1.0),
        (expected("up"), moved(up=99, down=1), False, 0.99),
        (expected("up", tolerance=0.2), moved(down=1), True, 1.0),
        (expected("down"), moved(down=100), True, 1.0),
        (expected("down"), moved(up=100), False, 0.0),
        (expected("up", at_least=0.05), moved(up=30), False, 1.0),
        (expected("up", at_least=0.05), moved(up=60), True, 1.0),
        (expected("down", at_least=0.05), moved(down=60), True, 1.0),
        (expected("down", at_least=0.05), moved(), False, 1.0),
    ],
)
def test_answers_that_move_are_judged(expect, after, passed, held):
    found = behaved(expect, BEFORE, after)
    assert (found.passed, found.held, found.rows) == (passed, held, 100)
    assert (found.worst is None) == (held == 1)


def test_the_words_say_what_was_asked_for_and_what_came():
    found = behaved(expected("up", holds=0.95), BEFORE, moved(down=30))
    assert found.words == ("answers must not fall: 70.0% of 100 do, 95.0% are asked for; they move by -0.03 on average")
    short = behaved(expected("up", at_least=0.5), BEFORE, moved(up=100))
    assert short.words.endswith("they move by +0.1 on average, and at least 0.5 is asked for")
    assert found.worst == 0


def test_too_few_rows_show_nothing():
    few = FEWEST_ROWS - 1
    found = behaved(expected("same"), [0.5] * few, [0.5] * few)
    assert not found.passed
    assert "only 19 rows could be changed so" in found.words
    assert behaved(expected("same"), [0.5] * FEWEST_ROWS, [0.5] * FEWEST_ROWS).passed


def test_an_answer_that_is_no_number_is_wrong():
    after = BEFORE.copy()
    after[3] = np.nan
    found = behaved(expected("up"), BEFORE, after)
    assert not found.passed
    assert found.worst == 3


def test_answers_must_be_as_many_after_as_before():
    with pytest.raises(ValueError, match="100 answers before and 1 after"):
        behaved(expected("same"), BEFORE, [0.5])


@given(arrays.arrays(np.float64, st.integers(20, 60), elements=st.floats(-5, 5)))
def test_up_is_down_mirrored(after):
    before = np.zeros(after.size)
    up = behaved(expected("up", tolerance=0.5, holds=0.7, at_least=0.1), before, after)
    down = behaved(expected("down", tolerance=0.5, holds=0.7, at_least=0.1), before, -after)
    assert (up.passed, up.held, up.worst) == (down.passed, down.held, down.worst)


def test_an_expectation_has_a_name():
    assert expectation_name(expected("up")) == "wind +10: up"
    assert expectation_name(expected("up", name="storms delay")) == "storms delay"
