"""Influence values against scikit-learn's metrics with one row left out, for every metric that a gate may be given."""

import numpy as np
import pytest
from sklearn import metrics as independent

from daytwo.core.schema import Task
from daytwo.monitoring.estimating.metrics import DECISION_METRICS, SCORE_METRICS, VALUE_METRICS
from daytwo.monitoring.estimating.performance import Answers, influence, standard_error

INDEPENDENT = {
    "roc_auc": independent.roc_auc_score,
    "average_precision": independent.average_precision_score,
    "log_loss": independent.log_loss,
    "brier": independent.brier_score_loss,
    "accuracy": independent.accuracy_score,
    "f1": independent.f1_score,
    "rmse": independent.root_mean_squared_error,
    "mae": independent.mean_absolute_error,
}
ROWS = 400


def rows_for(metric):
    """Return labels, answers and what scikit-learn is given, with scores that tie often."""
    rng = np.random.default_rng(7)
    z = rng.normal(size=ROWS)
    if metric in VALUE_METRICS:
        y = 100 + 10 * z
        said = y + rng.normal(0, 3, ROWS)
        return Task.REGRESSION, y, Answers(said), said
    y = (rng.random(ROWS) < 1 / (1 + np.exp(1 - 2 * z))).astype(float)
    scores = np.round(1 / (1 + np.exp(1 - z)), 2).clip(0.01, 0.99)
    acts = (scores >= 0.3).astype(float)
    return Task.BINARY, y, Answers(scores, acts), acts if metric in DECISION_METRICS else scores


@pytest.mark.parametrize("metric", [*SCORE_METRICS, *DECISION_METRICS, *VALUE_METRICS])
def test_a_rows_influence_is_what_the_metric_loses_without_it(metric):
    task, y, answers, said = rows_for(metric)
    measure = INDEPENDENT[metric]
    value, found = influence(metric, answers, y, task=task)
    whole = measure(y, said)
    assert value == pytest.approx(whole, rel=1e-9)
    assert found.mean() == pytest.approx(0, abs=1e-9)
    without = np.array([measure(np.delete(y, i), np.delete(said, i)) for i in range(ROWS)])
    left_out = (ROWS - 1) * (whole - without)
    assert np.abs(found - left_out).max() < 0.03 * np.abs(left_out).max()
    jackknife = float(np.sqrt((ROWS - 1) / ROWS * ((without - without.mean()) ** 2).sum()))
    assert standard_error(found, None) == pytest.approx(jackknife, rel=0.01)


def test_every_metric_has_an_influence_and_no_task_has_the_others():
    _, y, answers, _ = rows_for("roc_auc")
    with pytest.raises(ValueError, match="regression has no metric 'roc_auc'"):
        influence("roc_auc", answers, y, task=Task.REGRESSION)
    with pytest.raises(ValueError, match="binary has no metric 'mae'"):
        influence("mae", answers, y, task=Task.BINARY)
    assert set(INDEPENDENT) == {*SCORE_METRICS, *DECISION_METRICS, *VALUE_METRICS}


def test_decisions_that_nobody_took_are_taken_at_one_half():
    _, y, answers, _ = rows_for("accuracy")
    value, _ = influence("accuracy", Answers(answers.scores), y, task=Task.BINARY)
    assert value == independent.accuracy_score(y, answers.scores >= 0.5)
