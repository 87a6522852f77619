"""Ranges follow the tail and the movement of a column."""

import numpy as np
import pytest

from daytwo.contracts.proposing.ranges import movement, propose_range

RANDOM = np.random.default_rng(5)


def test_movement_is_nothing_for_chance_and_all_for_a_trend() -> None:
    assert movement(RANDOM.normal(size=5_000)) == pytest.approx(0.0, abs=0.01)
    assert movement(np.linspace(0, 1, 5_000)) == pytest.approx(0.9975, abs=0.001)
    halves = np.repeat([0.0, 1.0], 2_500) + RANDOM.normal(0, 0.5, 5_000)
    assert movement(halves) == pytest.approx(0.5, abs=0.03)
    assert movement(np.ones(5_000)) == movement(np.arange(10.0)) == 0.4


@pytest.mark.parametrize(
    "draw",
    [
        lambda random, n: random.normal(50, 10, n),
        lambda random, n: random.uniform(-1, 1, n),
        lambda random, n: random.exponential(3, n),
        lambda random, n: random.lognormal(0, 1, n),
        lambda random, n: random.poisson(2, n).astype(float),
        lambda random, n: np.where(random.random(n) < 0.9, 0.0, random.exponential(1, n)),
    ],
)
def test_the_next_period_of_the_same_column_is_never_rejected_and_seldom_warned(draw: object) -> None:
    rejected = warned = 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        seen, later = draw(random, 5_000), draw(random, 5_000)
        found = propose_range(seen, name="x", whole=False, ordered=True)
        rejected += sum(found.rejected_share(later)) * 5_000
        warned += int(np.count_nonzero((later < found.expected_minimum) | (later > found.expected_maximum)))
    assert rejected == 0
    # 1e-4 is the aim; a lognormal tail, heavier than the exponential it is taken for, comes to 1.7e-4.
    assert warned / (20 * 5_000) <= 2e-4


def test_a_column_that_is_never_negative_stays_so() -> None:
    assert propose_range(RANDOM.exponential(1, 1_000), name="rain", whole=False, ordered=True).minimum == 0.0


def test_shares_and_percentages_stay_within_theirs() -> None:
    some = RANDOM.uniform(0.2, 0.6, 1_000)
    share = propose_range(some, name="late_share", whole=False, ordered=True)
    assert (share.minimum, share.maximum) == (0.0, 1.0)
    percent = propose_range(some * 100, name="humidity", whole=False, ordered=True)
    assert (percent.minimum, percent.maximum) == (0.0, 100.0)
    other = propose_range(some, name="weight", whole=False, ordered=True)
    assert other.maximum != 1.0


def test_a_flag_is_zero_or_one() -> None:
    flags = (RANDOM.random(1_000) < 0.1).astype(float)
    found = propose_range(flags, name="holiday", whole=True, ordered=True)
    assert (found.minimum, found.maximum) == (0.0, 1.0)


def test_a_slow_column_is_bounded_by_its_size_only() -> None:
    rate = np.repeat(np.linspace(4.86, 4.97, 30), 200)
    found = propose_range(rate, name="euribor", whole=False, ordered=True)
    assert found.minimum is not None
    assert found.minimum < 0.6
    assert found.maximum is not None
    assert found.maximum < 100 * 4.9


def test_widening_and_infinity_open_an_end() -> None:
    values = RANDOM.normal(0, 1, 1_000)
    usual = propose_range(values, name="x", whole=False, ordered=True)
    wide = propose_range(values, name="x", whole=False, ordered=True, high_widening=4.0)
    assert wide.maximum > usual.maximum
    assert wide.minimum == usual.minimum
    opened = propose_range(values, name="x", whole=False, ordered=True, high_widening=np.inf)
    assert opened.maximum is None
    assert opened.expected_maximum == usual.expected_maximum


def test_whole_numbers_get_whole_ends() -> None:
    found = propose_range(RANDOM.poisson(30, 2_000).astype(float), name="n", whole=True, ordered=True)
    assert all(float(end).is_integer() for end in (found.minimum, found.maximum, found.expected_maximum))


def test_what_lies_far_above_zero_or_counts_from_one_never_comes_below_zero() -> None:
    slow = np.repeat(np.arange(10.0), 300)
    pressure = propose_range(1_000.0 + slow, name="pressure", whole=False, ordered=True)
    month = propose_range(1.0 + slow, name="month", whole=True, ordered=True)
    warmth = propose_range(15.0 + slow, name="warmth", whole=False, ordered=True)
    assert (pressure.minimum, month.minimum) == (0.0, 0.0)
    assert warmth.minimum is not None
    assert warmth.minimum < 0.0
