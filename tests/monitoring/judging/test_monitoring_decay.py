"""The decay line against closed forms, an independent fit and simulation."""

from datetime import UTC, datetime

import numpy as np
import pytest
from scipy import stats

from daytwo.monitoring.judging.decay import MIN_WINDOWS, Level, decay, decay_finding

SINCE = datetime(2013, 5, 1, tzinfo=UTC)
GIVEN = {"since": SINCE, "source": "realised", "rows_per_day": 100.0}


def line(values, errors=None, step=7.0):
    errors = np.full(len(values), 0.01) if errors is None else errors
    return [Level(step * i, float(v), float(e)) for i, (v, e) in enumerate(zip(values, errors, strict=True))]


def test_a_straight_loss_is_found_exactly_with_the_error_that_its_weights_give():
    found = decay(line(0.8 - 0.002 * 7 * np.arange(6)), metric="roc_auc", limit=0.7)
    assert found.per_day == pytest.approx(0.002)
    assert (found.now, found.day, found.windows) == (pytest.approx(0.73), 35.0, 6)
    assert found.days_left == pytest.approx(15.0)
    error = 0.01 / np.sqrt(np.sum((7 * np.arange(6) - 17.5) ** 2))
    assert found.high - found.per_day == pytest.approx(stats.t(4).ppf(0.975) * error)
    assert found.chance == pytest.approx(stats.t(4).sf(0.002 / error))


def test_equal_weights_and_honest_scatter_agree_with_an_independent_fit():
    rng = np.random.default_rng(4)
    levels = line(rng.normal(5, 1, 12), np.full(12, 1e-3))
    found = decay(levels, metric="mae")
    other = stats.linregress([one.day for one in levels], [one.value for one in levels], alternative="greater")
    assert found.per_day == pytest.approx(other.slope)
    assert found.high - found.per_day == pytest.approx(stats.t(10).ppf(0.975) * other.stderr)
    assert found.chance == pytest.approx(other.pvalue)


def test_weights_agree_with_polyfit():
    rng = np.random.default_rng(5)
    errors = rng.uniform(0.5, 3, 9)
    levels = line(rng.normal(0, 1, 9), errors)
    found = decay(levels, metric="mae")
    slope = np.polyfit([one.day for one in levels], [one.value for one in levels], 1, w=1 / errors)[0]
    assert found.per_day == pytest.approx(slope)


def test_worse_is_up_for_errors_and_down_for_scores_and_money():
    rising = line(np.arange(6.0))
    assert decay(rising, metric="mae").per_day > 0
    assert decay(rising, metric="roc_auc").per_day < 0
    assert decay(rising, metric="money", limit=0.0).days_left is None
    assert decay(rising, metric="mae", limit=3.0).days_left == 0.0


def test_too_few_windows_say_nothing():
    assert decay(line(np.arange(MIN_WINDOWS - 1.0)), metric="mae") is None
    assert decay([Level(3.0, float(i), 1.0) for i in range(8)], metric="mae") is None
    unknown = [Level(float(i), 1.0, float("inf")) for i in range(8)]
    assert decay(unknown, metric="mae") is None


@pytest.mark.parametrize("scatter", [1.0, 4.0])
def test_without_decay_it_speaks_no_more_often_than_allowed(scatter):
    """Windows that scatter four times as much as their errors say are no decay either."""
    rng = np.random.default_rng(6)
    runs = 2000
    spoken = sum(
        decay_finding(decay(line(rng.normal(0, scatter, 10), np.ones(10)), metric="mae"), chance=0.05, **GIVEN)
        is not None
        for _ in range(runs)
    )
    assert spoken <= stats.binom(runs, 0.05).ppf(0.999)
    assert spoken > 0


def test_the_interval_holds_the_truth():
    rng = np.random.default_rng(7)
    inside = 0
    for _ in range(1000):
        found = decay(line(0.05 * 7 * np.arange(10) + rng.normal(0, 1, 10), np.ones(10)), metric="mae")
        inside += found.low <= 0.05 <= found.high
    assert inside >= stats.binom(1000, 0.95).ppf(0.001)


def test_the_finding_says_how_fast_and_how_long_it_lasts():
    found = decay(line(5.0 - 0.1 * 7 * np.arange(6), np.full(6, 0.02)), metric="money", limit=0.0)
    told = decay_finding(found, chance=0.001, currency="USD", **GIVEN)
    assert (told.kind, told.subject) == ("performance.decay", "money")
    assert "gets worse by 0.1 USD a day" in told.summary
    assert "reaches the limit of 0 USD in 15 days" in told.summary
    assert told.money_per_day == pytest.approx(0.1 * 35 * 100)
    assert decay_finding(found, chance=0.0, **GIVEN) is None
    beyond = decay(line(0.8 - 0.01 * np.arange(6.0)), metric="roc_auc", limit=0.79)
    assert "beyond the limit of 0.79 already" in decay_finding(beyond, chance=0.05, **GIVEN).summary
