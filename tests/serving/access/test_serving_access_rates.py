"""Rates: what a token may ask for in a time, and how long it has to wait."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.serving.access.rates import Bucket


def test_a_second_s_worth_may_come_at_once_and_then_one_at_a_time():
    bucket = Bucket(5.0, now=100.0)
    for _ in range(5):
        assert bucket.wait_s(100.0) == 0.0
        bucket.take(1)
    assert bucket.wait_s(100.0) == pytest.approx(0.2)
    assert bucket.wait_s(100.2) == 0.0


def test_a_large_request_passes_and_is_paid_for_afterwards():
    bucket = Bucket(10.0, now=0.0)
    bucket.take(1000)
    assert bucket.wait_s(0.0) == pytest.approx(99.1)
    assert bucket.wait_s(99.0) > 0.0
    assert bucket.wait_s(99.2) == 0.0


def test_a_rate_below_one_a_second_lets_one_through():
    bucket = Bucket(0.5, now=0.0)
    assert bucket.wait_s(0.0) == 0.0
    bucket.take(1)
    assert bucket.wait_s(0.0) == pytest.approx(2.0)


def test_no_more_than_a_second_is_saved_up():
    bucket = Bucket(3.0, now=0.0)
    bucket.wait_s(1e6)
    bucket.take(3)
    assert bucket.wait_s(1e6) > 0.0


@given(
    st.floats(0.01, 1000),
    st.lists(st.tuples(st.floats(0, 3), st.integers(1, 50)), max_size=60),
)
def test_over_any_time_no_more_comes_through_than_the_rate_the_burst_and_one_request(rate, asked):
    bucket, now, rows, largest = Bucket(rate, now=0.0), 0.0, 0, 0
    for pause, size in asked:
        now += pause
        if not bucket.wait_s(now):
            bucket.take(size)
            rows, largest = rows + size, max(largest, size)
    assert rows <= max(1.0, rate) + rate * now + largest + 1e-6


@given(st.floats(0.01, 1000), st.integers(1, 200))
def test_who_waits_as_told_is_let_in(rate, rows):
    bucket = Bucket(rate, now=0.0)
    bucket.take(rows)
    wait = bucket.wait_s(0.0)
    assert bucket.wait_s(wait * (1 + 1e-9) + 1e-9) == 0.0
