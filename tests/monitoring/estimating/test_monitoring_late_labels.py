"""The bias filter against its own definition solved at once, and against worlds whose truth is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.monitoring.estimating.late_labels import DRIFT, Bias, Level, Miss, bias, corrected, follow
from daytwo.monitoring.estimating.performance import Estimate

WINDOWS = 80


def solved_at_once(values, errors):
    """Posterior of the last bias of a random walk from all looks together, by conditioning one joint normal."""
    steps = DRIFT * np.square(errors)
    walk = np.cumsum(steps)
    covariance = np.minimum.outer(walk, walk)
    gain = covariance[-1] @ np.linalg.inv(covariance + np.diag(np.square(errors)))
    return gain @ values, walk[-1] - gain @ covariance[-1]


@given(
    st.lists(st.tuples(st.floats(-1, 1), st.floats(0.7, 2.0)), min_size=1, max_size=12),
)
def test_the_filter_agrees_with_all_looks_solved_at_once(looks):
    values, errors = (np.array(part) for part in zip(*looks, strict=True))
    level = Level()
    for i, (value, error) in enumerate(looks):
        level = follow(level, Miss(i, value, error))
    mean, variance = solved_at_once(values, errors)
    assert level.mean == pytest.approx(mean, abs=1e-9)
    assert level.variance == pytest.approx(variance, rel=1e-9)


def test_windows_without_labels_widen_what_is_known():
    level = follow(Level(0.0, 1.0, 3), Miss(6, 1.0, 1.0))
    assert level.variance == pytest.approx((1 + 3 * DRIFT) / (2 + 3 * DRIFT))
    soon = bias([Miss(0, 1.0, 1.0)], window=1)
    late = bias([Miss(0, 1.0, 1.0)], window=6)
    assert late.value == soon.value
    assert late.standard_error**2 - soon.standard_error**2 == pytest.approx(5 * DRIFT)


def test_after_a_break_the_past_says_nothing():
    level = Level()
    for i in range(20):
        level = follow(level, Miss(i, 0.0, 1.0))
    after = follow(level, Miss(20, 50.0, 1.0))
    assert after.mean == pytest.approx(50.0, rel=1e-3)
    assert after.variance == pytest.approx(1.0, rel=1e-3)


def worlds(make, delay, runs=25, seed=0):
    """Mean absolute errors of the plain estimate, the last realised figure and the corrected estimate; share applied.

    One unit is the standard error of one realised figure. The plain estimate sees what inputs do, not the bias.
    """
    rng = np.random.default_rng(seed)
    errors, applied, count = np.zeros(3), 0, 0
    for _ in range(runs):
        seen = np.cumsum(rng.normal(0, 1, WINDOWS))
        truth = seen + make(rng) + rng.normal(0, 1, WINDOWS)
        misses = [Miss(t, truth[t] - seen[t], 1.0) for t in range(WINDOWS)]
        for t in range(delay, WINDOWS):
            found = bias(misses[: t - delay + 1], window=t)
            shown = corrected(Estimate(seen[t], seen[t], seen[t], "CBPE", 1.0), "money", found)
            errors += np.abs(np.array([seen[t], truth[t - delay], shown.value]) - truth[t])
            applied += found.applies
            count += 1
    return errors / count, applied / count


@pytest.mark.parametrize("delay", [1, 5])
def test_without_a_bias_it_is_hardly_ever_applied(delay):
    (plain, _, shown), applied = worlds(lambda rng: np.zeros(WINDOWS), delay)
    assert applied < 0.05
    assert shown < 1.02 * plain


def jump(size):
    return lambda rng: np.where(np.arange(WINDOWS) < WINDOWS // 4, 0.0, size)


DRIFTS = {
    "constant, slight": lambda rng: np.full(WINDOWS, 1.0),
    "constant": lambda rng: np.full(WINDOWS, 4.0),
    "jump": jump(5.0),
    "large jump": jump(250.0),
    "slow": lambda rng: np.linspace(0, 5, WINDOWS),
    "fast": lambda rng: np.linspace(0, 20, WINDOWS),
    "wandering": lambda rng: np.cumsum(rng.normal(0, 0.3, WINDOWS)),
    "season": lambda rng: 3 * np.sin(np.arange(WINDOWS) / 4),
}


@pytest.mark.parametrize("delay", [1, 5])
@pytest.mark.parametrize("drift", DRIFTS)
def test_on_concept_drift_it_is_never_far_worse_than_the_better_of_estimate_and_last_realised(drift, delay):
    (plain, last, shown), _ = worlds(DRIFTS[drift], delay)
    assert shown <= 1.1 * min(plain, last)


def test_a_large_jump_is_followed_at_once():
    (plain, _, shown), _ = worlds(jump(250.0), delay=1)
    assert plain > 180
    assert shown < 34


def test_one_strange_window_that_is_no_proof_is_left_alone():
    calm = [Miss(i, 0.1 * (-1) ** i, 1.0) for i in range(10)]
    assert not bias([*calm, Miss(10, 4.0, 1.0)], window=11).applies
    assert bias([*calm, Miss(10, 4.0, 1.0), Miss(11, 4.0, 1.0)], window=12).applies


def test_a_bias_that_changes_faster_than_labels_come_is_not_applied():
    misses = [Miss(i, 6.0 if (i // 6) % 2 else -6.0, 1.0) for i in range(36)]
    assert bias(misses, window=36).applies
    assert not bias(misses, window=40).applies


def test_nothing_is_made_of_looks_that_weigh_nothing():
    assert bias([], window=1) is None
    assert bias([Miss(0, 1.0, math.inf), Miss(1, math.nan, 1.0), Miss(2, 1.0, 0.0)], window=3) is None


def test_a_corrected_share_stays_one_and_money_scales_with_rows():
    guess = Estimate(0.95, 0.93, 0.97, "boosted CBPE", 0.01)
    moved = corrected(guess, "roc_auc", Bias(0.2, 0.01, True, 4, 3))
    assert (moved.value, moved.high) == (1.0, 1.0)
    assert moved.low == pytest.approx(1 - 1.96 * math.hypot(0.01, 0.01), abs=1e-4)
    assert moved.method == "boosted CBPE, corrected by late labels"
    assert corrected(guess, "roc_auc", Bias(0.2, 0.01, False, 4, 3)) is guess
    assert corrected(guess, "roc_auc", None) is guess
    money = corrected(Estimate(500.0, 480.0, 520.0, "CBPE", 10.0), "money", Bias(-0.4, 0.03, True, 4, 3), rows=1000)
    assert money.value == pytest.approx(100.0)
    assert money.standard_error == pytest.approx(math.hypot(10.0, 30.0))


def test_how_much_comes_and_goes_is_told_by_the_looks_themselves():
    steady = [Miss(i, 3.0 + 0.5 * (-1) ** i, 1.0, beyond=6.0) for i in range(12)]
    restless = [Miss(i, 3.0 + 8.0 * (-1) ** i, 1.0, beyond=6.0) for i in range(12)]
    assert not bias(steady[:2], window=2).applies
    assert bias(steady, window=12).applies
    assert not bias(restless, window=12).applies
    assert bias(restless, window=12).standard_error > 2 * bias(steady, window=12).standard_error


def test_the_unrest_found_is_right_where_it_is_known():
    rng = np.random.default_rng(3)
    looks = [Miss(i, value, 1.0, beyond=9.0) for i, value in enumerate(rng.normal(0, math.hypot(1, 2), 400))]
    # A filter in its steady state: what it foresees is wrong by so much, from its own recursion.
    noise, foreseen = 5.0, 1.0
    for _ in range(100):
        foreseen = foreseen * noise / (foreseen + noise) + DRIFT * noise
    assert bias(looks, window=400).standard_error == pytest.approx(math.sqrt(foreseen), rel=0.15)
