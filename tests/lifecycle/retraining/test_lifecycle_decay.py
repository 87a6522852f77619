"""What age costs, learnt from all versions: known lines, an independent least squares, what is left out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daytwo.lifecycle.retraining.decay import Evidence, decay


def seen(n, trained, excess, *, own=0, noise=0.0, seed=0):
    rng = np.random.default_rng(seed)
    ages = np.arange(n)[None, :] - np.array(trained)[:, None]
    losses = 1.0 + excess(ages) + rng.normal(0, 0.1, n)[None, :] + rng.normal(0, noise, ages.shape)
    return Evidence(n + 1, tuple(trained), np.where(ages >= 0, losses, np.nan), own)


def test_a_line_is_found_and_carried_on_to_now():
    found = decay(seen(20, range(0, 20, 2), lambda age: 0.01 * age, own=6))
    assert found.rate == pytest.approx(0.01, rel=0.05)
    assert found.excess == pytest.approx(0.01 * (21 - 12), rel=0.1)


def test_a_jump_is_the_old_ones_alone():
    jumped = seen(20, range(0, 20, 2), lambda age: 0.0 * age, noise=0.005)
    losses = jumped.losses.copy()
    losses[:6, 12:] += 0.5
    old = decay(Evidence(21, jumped.trained, losses, own=2))
    new = decay(Evidence(21, jumped.trained, losses, own=8))
    assert old.excess > 0.4
    assert new.excess < 0.1


def test_more_windows_make_surer():
    errors = [decay(seen(n, (0, 4), lambda age: 0.0 * age, noise=0.05, seed=3)).standard_error for n in (8, 80)]
    assert decay(seen(8, (0, 4), lambda age: 0.0 * age, noise=0.2, seed=3)).standard_error > errors[0]


def test_errors_are_about_as_large_as_said():
    off = []
    for seed in range(200):
        found = decay(seen(24, range(0, 24, 3), lambda age: 0.005 * age, own=2, noise=0.02, seed=seed))
        off.append((found.excess - 0.005 * 19) / found.standard_error)
    assert np.mean(np.square(off)) < 1.3


def test_a_long_history_reads_the_newest_and_the_champion():
    long = seen(80, range(80), lambda age: 0.01 * age, own=3)
    assert decay(long).excess == pytest.approx(0.01 * 78, rel=0.1)


def test_nothing_known_is_nothing_said():
    nothing = decay(Evidence(0, (0,), np.full((1, 0), np.nan), own=0))
    assert (nothing.excess, nothing.scale) == (0.0, 0.0)
    assert np.isinf(nothing.standard_error)


def test_a_champion_without_windows_of_its_own_is_judged_by_the_others():
    told = seen(12, (0, 4, 8, 12), lambda age: 0.02 * age, own=3)
    assert decay(told).excess == pytest.approx(0.02, rel=0.3)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 20), st.integers(0, 10_000), st.floats(-0.02, 0.05), st.floats(0, 0.1))
def test_windows_that_are_harder_for_everybody_tell_nothing(n, seed, rate, noise):
    told = seen(n, range(0, n, 2), lambda age: rate * age, noise=noise, seed=seed)
    # Only the scale may notice; it is made the same.
    harder = told.losses.copy()
    shift = np.random.default_rng(seed).normal(0, 0.2, n)
    harder += shift - shift[-8:].mean()
    if (harder[0] > 0).all() and (told.losses[0] > 0).all():
        found = decay(Evidence(told.now, told.trained, harder, told.own))
        assert found.excess == pytest.approx(decay(told).excess, rel=1e-4, abs=1e-6)
