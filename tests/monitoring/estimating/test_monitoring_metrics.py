import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from daytwo.core.schema import Task
from daytwo.monitoring.estimating import metrics
from daytwo.monitoring.estimating.performance import Answers, realised, standard_error


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10_000), st.integers(20, 300), st.sampled_from([0, 1, 3]))
def test_every_metric_agrees_with_scikit_learn_ties_included(seed, n, digits):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    y[:2] = 0, 1
    s = np.clip(np.round(rng.random(n), digits or 12), 0.001, 0.999)
    d = (s > 0.4).astype(int)
    assert metrics.roc_auc(y, s) == pytest.approx(sk.roc_auc_score(y, s))
    assert metrics.average_precision(y, s) == pytest.approx(sk.average_precision_score(y, s))
    assert metrics.log_loss(y, s) == pytest.approx(sk.log_loss(y, s))
    assert metrics.brier(y, s) == pytest.approx(sk.brier_score_loss(y, s))
    assert metrics.accuracy(y, d) == pytest.approx(sk.accuracy_score(y, d))
    assert metrics.f1(y, d) == pytest.approx(sk.f1_score(y, d))
    assert metrics.rmse(y, s) == pytest.approx(sk.root_mean_squared_error(y, s))
    assert metrics.mae(y, s) == pytest.approx(sk.mean_absolute_error(y, s))
    assert metrics.midranks(s) == pytest.approx(stats.rankdata(s))


def test_a_metric_that_does_not_exist_is_nan_and_left_out_of_a_window():
    assert np.isnan(metrics.roc_auc([0, 0], [0.1, 0.2]))
    assert np.isnan(metrics.average_precision([0, 0], [0.1, 0.2]))
    assert np.isnan(metrics.f1([0, 0], [0, 0]))
    found = realised(Answers(np.array([0.1, 0.2, 0.3])), [0, 0, np.nan], task=Task.BINARY)
    assert "roc_auc" not in found
    assert found["brier"].maturity == pytest.approx(2 / 3)


def _delong_variance(y, s):
    """DeLong's variance from all pairs, as in the paper: an independent, slow implementation."""
    pos, neg = s[y == 1], s[y == 0]
    kernel = (pos[:, None] > neg) + 0.5 * (pos[:, None] == neg)
    return kernel.mean(1).var(ddof=1) / len(pos) + kernel.mean(0).var(ddof=1) / len(neg)


def test_auc_influence_gives_delongs_variance():
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 2_000)
    s = np.round(rng.normal(size=2_000) + y, 1)
    influence = metrics.auc_influence(y, s)
    assert influence.mean() == pytest.approx(0, abs=1e-12)
    assert standard_error(influence, None) == pytest.approx(np.sqrt(_delong_variance(y, s)), rel=2e-3)


@pytest.mark.parametrize("name", ["roc_auc", "average_precision", "f1", "accuracy", "log_loss", "brier", "event_rate"])
def test_standard_errors_match_a_bootstrap(name):
    rng = np.random.default_rng(2)
    p = rng.beta(1, 3, 1_500)
    y = (rng.random(1_500) < p).astype(float)
    d = (p > 0.3).astype(float)
    answers = Answers(p, act=d)
    found = realised(answers, y, task=Task.BINARY)[name]
    plain = {**metrics.SCORE_METRICS, "event_rate": lambda y, s: float(np.mean(y))}
    draws = []
    for _ in range(300):
        rows = rng.integers(0, y.size, y.size)
        use = metrics.DECISION_METRICS.get(name) or plain[name]
        draws.append(use(y[rows], (d if name in metrics.DECISION_METRICS else p)[rows]))
    assert found.standard_error == pytest.approx(np.std(draws), rel=0.15)
    assert found.low < found.value < found.high


def test_days_whose_rows_belong_together_widen_the_interval():
    rng = np.random.default_rng(3)
    day = np.repeat(np.arange(40), 50)
    p = np.full(2_000, 0.5)
    y = (rng.random(2_000) < np.repeat(rng.choice([0.2, 0.8], 40), 50)).astype(float)
    alone = realised(Answers(p), y, task=Task.BINARY)["event_rate"].standard_error
    together = realised(Answers(p, clusters=day), y, task=Task.BINARY)["event_rate"].standard_error
    assert together > 3 * alone


def test_money_is_what_the_decisions_brought():
    answers = Answers(
        np.array([0.9, 0.1, 0.8]), money_if_one=np.array([5.0, 0, 5]), money_if_zero=np.array([-1.0, 0, -1])
    )
    assert realised(answers, [1, 1, 0], task=Task.BINARY)["money"].value == 4.0
    costs = Answers(np.array([1.0, 2.0]), money_per_error=np.array([-2.0, -2.0]))
    assert realised(costs, [3.0, 2.0], task=Task.REGRESSION)["money"].value == -4.0
