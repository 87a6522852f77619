import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from daytwo.core.errors import SettingsError
from daytwo.core.schema import Task
from daytwo.core.settings import ValueSettings
from daytwo.monitoring.estimating.performance import Answers
from daytwo.scoring.payoff import Payoff
from daytwo.training.evaluate import check_metric, evaluate, paired_loss, reliability, student_factor


@pytest.fixture(scope="module")
def two():
    rng = np.random.default_rng(4)
    labels = (rng.random(3_000) < 0.3).astype(float)
    good = 1 / (1 + np.exp(-(labels * 2 - 1.5 + rng.normal(size=3_000))))
    bad = 1 / (1 + np.exp(-(labels * 1.5 - 1.5 + rng.normal(size=3_000))))
    return labels, good, bad


def test_the_paired_loss_and_its_interval_agree_with_a_bootstrap(two):
    labels, good, bad = two
    loss = paired_loss("roc_auc", Answers(good), Answers(bad), labels, task=Task.BINARY)
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(250):
        rows = rng.integers(0, labels.size, labels.size)
        drawn.append(roc_auc_score(labels[rows], good[rows]) - roc_auc_score(labels[rows], bad[rows]))
    assert loss.value == pytest.approx(roc_auc_score(labels, good) - roc_auc_score(labels, bad), abs=1e-12)
    assert (loss.high - loss.low) / (2 * 1.96) == pytest.approx(np.std(drawn), rel=0.15)


def test_a_model_loses_nothing_against_itself_on_any_metric(two):
    labels, good, _ = two
    for metric in ("roc_auc", "average_precision", "log_loss", "brier", "accuracy", "f1"):
        loss = paired_loss(metric, Answers(good), Answers(good.copy()), labels, task=Task.BINARY)
        assert (loss.value, loss.low, loss.high) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(("metric", "task"), [("brier", Task.BINARY), ("log_loss", Task.BINARY)])
def test_losses_are_positive_for_the_worse_model_where_less_is_better(two, metric, task):
    labels, good, bad = two
    assert paired_loss(metric, Answers(good), Answers(bad), labels, task=task).low > 0
    assert paired_loss(metric, Answers(bad), Answers(good), labels, task=task).high < 0


def test_rows_of_one_day_count_as_one_where_they_move_together(two):
    labels, _, _ = two
    days = np.arange(labels.size) // 100
    together = np.random.default_rng(1).normal(size=days.max() + 1)[days]
    truth = together * 3
    old, new = (
        Answers(truth + offset, money_per_error=np.full(labels.size, -1.0), clusters=days) for offset in (0.0, together)
    )
    clustered = paired_loss("mae", old, new, truth, task=Task.REGRESSION)
    alone = paired_loss("mae", Answers(old.scores), Answers(new.scores), truth, task=Task.REGRESSION)
    assert clustered.value == alone.value
    assert clustered.high - clustered.low > 5 * (alone.high - alone.low)


def test_one_class_gives_no_number_rather_than_a_wrong_one():
    scores = Answers(np.array([0.1, 0.9]))
    loss = paired_loss("roc_auc", scores, scores, np.ones(2), task=Task.BINARY)
    assert np.isnan(loss.value)
    assert not loss.high <= 1.0


def test_the_interval_is_students_with_a_degree_less_than_there_are_days():
    assert student_factor(1000, np.arange(1000) // 100) == pytest.approx(2.262157, abs=1e-6)
    assert student_factor(1_000_000, None) == pytest.approx(1.959966, abs=1e-5)


def test_a_metric_of_the_other_task_is_refused_with_the_ones_to_choose_from():
    with pytest.raises(SettingsError, match=r"'roc_auc' is no metric for regression.*rmse, mae"):
        check_metric("roc_auc", Task.REGRESSION)


def test_money_is_that_of_the_best_decisions_beside_those_that_need_no_model(made):
    payoff = Payoff.from_settings(ValueSettings(true_positive="seats", false_positive=-50), Task.BINARY)
    perfect = np.clip(made.labels, 0.001, 0.999)
    found = evaluate(perfect, made, payoff, metric="roc_auc", fit_labels=made.labels, calibration="identity")
    seats = made.money["seats"]
    assert found.money.value == pytest.approx((made.labels * seats).mean())
    assert found.never_act == 0.0
    assert found.always_act == pytest.approx(np.where(made.labels == 1, seats, -50).mean())
    assert found.figures["roc_auc"].value == 1.0
    assert found.trivial["roc_auc"] == 0.5
    assert found.trivial_answer == pytest.approx(made.labels.mean())
    assert found.act_share == pytest.approx(made.labels.mean())


def test_reliability_bins_hold_equal_rows_and_their_shares(two):
    labels, good, _ = two
    bins = reliability(good, labels)
    assert [rows for _, _, rows in bins] == [300] * 10
    assert [mean for mean, _, _ in bins] == sorted(mean for mean, _, _ in bins)
    assert sum(share * rows for _, share, rows in bins) == labels.sum()


def test_the_typical_value_answers_a_regression_by_its_metric(data_of):
    data = data_of(500, task=Task.REGRESSION)
    payoff = Payoff.from_settings(ValueSettings(error_cost=2), Task.REGRESSION)
    for metric, answer in (("mae", np.median(data.labels)), ("rmse", data.labels.mean())):
        found = evaluate(data.labels + 1, data, payoff, metric=metric, fit_labels=data.labels, calibration="identity")
        assert found.trivial_answer == pytest.approx(answer)
        assert found.money.value == pytest.approx(-2.0)
        assert found.figures["mae"].value == pytest.approx(1.0)
