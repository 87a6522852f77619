"""Bursts: the tail is SciPy's and adds up; what is usual is learnt from days; false alarms are counted."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from daytwo.core.errors import DataError
from daytwo.monitoring.alarming.bursts import Usual, chance, usual

SHARES = st.floats(1e-4, 0.9)
CORRELATIONS = st.floats(1e-4, 0.9)


@given(st.integers(0, 400), st.integers(1, 400), SHARES, CORRELATIONS)
@settings(deadline=None)
def test_the_tail_is_that_of_scipy(bad, rows, share, correlation):
    bad = min(bad, rows)
    spread = 1 / correlation - 1
    expected = stats.betabinom.sf(bad - 1, rows, share * spread, (1 - share) * spread)
    assert chance(bad, rows, Usual(share, correlation)) == pytest.approx(expected, rel=1e-5, abs=1e-9)


@given(st.integers(1, 300), SHARES, CORRELATIONS)
@settings(deadline=None)
def test_more_bad_rows_are_never_more_likely(rows, share, correlation):
    tail = [chance(bad, rows, Usual(share, correlation)) for bad in range(rows + 1)]
    assert tail[0] == 1.0
    assert all(a >= b - 1e-9 for a, b in itertools.pairwise(tail))


def test_a_tail_of_millions_of_rows_is_that_of_the_beta_distribution():
    known = Usual(1e-3, 1e-3)
    spread = 1 / known.correlation - 1
    expected = stats.beta.sf(5e-3, known.share * spread, (1 - known.share) * spread)
    assert chance(15_000, 3_000_000, known) == pytest.approx(expected, rel=0.01)


def test_without_history_the_stated_share_is_usual_and_a_day_may_be_twice_it():
    found = usual([], [], expected=0.002)
    assert (found.share, found.correlation) == (0.002, 0.002)


def test_two_shares_far_apart_are_no_chance():
    steady = usual([10] * 20, [1000] * 20, expected=0.001)
    wild = usual([0, 20] * 10, [1000] * 20, expected=0.001)
    assert steady.share == wild.share == pytest.approx(0.01, rel=0.06)
    assert wild.correlation > 3 * steady.correlation
    assert chance(60, 1000, steady) < 1e-3 * chance(60, 1000, wild)


@pytest.mark.parametrize("spread", [20.0, 200.0])
def test_the_correlation_of_days_is_found(spread):
    random = np.random.default_rng(7)
    shares = random.beta(0.1 * spread, 0.9 * spread, 4000)
    bad = random.binomial(500, shares)
    found = usual(bad.tolist(), [500] * 4000, expected=0.001)
    assert found.share == pytest.approx(0.1, rel=0.05)
    assert found.correlation == pytest.approx(1 / (spread + 1), rel=0.1)


@pytest.mark.parametrize(("bad", "rows", "expected"), [([2], [1], 0.1), ([1], [1, 2], 0.1), ([], [], 0.0)])
def test_what_cannot_be_is_refused(bad, rows, expected):
    with pytest.raises(DataError):
        usual(bad, rows, expected=expected)


@pytest.mark.parametrize(
    ("days", "variation", "at_most"), [(0, 0.0, 0.0), (7, 0.0, 1e-3), (28, 0.0, 1e-3), (28, 1.0, 5e-3)]
)
def test_false_bursts_are_as_rare_as_told(days, variation, at_most):
    """At a level of 1 in 1000: kept where days differ by chance; where they differ by 100 %, missed by up to 5."""
    random = np.random.default_rng(days)
    false = 0
    for _ in range(4000):
        rows = random.integers(500, 1500, days + 1)
        shares = 0.001 if not variation else random.gamma(variation**-2, 0.001 * variation**2, days + 1)
        bad = random.binomial(rows, shares)
        known = usual(bad[:-1].tolist(), rows[:-1].tolist(), expected=0.001)
        false += chance(int(bad[-1]), int(rows[-1]), known) < 1e-3
    assert false / 4000 <= at_most
