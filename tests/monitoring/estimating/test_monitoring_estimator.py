import itertools

import lightgbm as lgb
import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from daytwo.core.schema import Feature, Schema, Task
from daytwo.monitoring.estimating import metrics
from daytwo.monitoring.estimating.estimator import Estimator, estimated, probabilities
from daytwo.monitoring.estimating.estimator_fit import fit_estimator
from daytwo.monitoring.estimating.expected import expected_metrics
from daytwo.monitoring.estimating.performance import Answers, realised

SCHEMA = Schema((Feature("a"), Feature("b"), Feature("c", ("x", "y"))))


def truth(matrix):
    return 1 / (1 + np.exp(-(1.5 * matrix[:, 0] - 2 * matrix[:, 1] * (matrix[:, 2] == 1) - 0.5)))


def rows(n, seed, shift=0.0):
    rng = np.random.default_rng(seed)
    matrix = np.column_stack([rng.normal(0, 1, n), rng.normal(shift, 1, n), rng.integers(0, 2, n)]).astype(np.float32)
    scores = 1 / (1 + np.exp(-(1.1 * matrix[:, 0].astype(float) - 0.6)))
    labels = (rng.random(n) < truth(matrix)).astype(float)
    return matrix, scores, labels


def test_expected_metrics_equal_the_mean_over_all_possible_labels():
    rng = np.random.default_rng(0)
    p = rng.random(7)
    s = np.round(rng.random(7), 1)
    answers = Answers(np.clip(s, 0.05, 0.95), money_if_one=rng.normal(size=7), money_if_zero=rng.normal(size=7))
    found = expected_metrics(p, answers)
    means = dict.fromkeys(("brier", "log_loss", "accuracy", "money", "event_rate"), 0.0)
    squares = dict(means)
    for labels in itertools.product((0, 1), repeat=7):
        y = np.array(labels, dtype=float)
        chance = float(np.prod(np.where(y == 1, p, 1 - p)))
        outcome = {
            "brier": metrics.brier(y, answers.scores),
            "log_loss": metrics.log_loss(y, answers.scores),
            "accuracy": metrics.accuracy(y, answers.decisions),
            "money": float(np.sum(np.where(y == 1, answers.money_if_one, answers.money_if_zero))),
            "event_rate": float(y.mean()),
        }
        for name, value in outcome.items():
            means[name] += chance * value
            squares[name] += chance * value**2
    for name, mean in means.items():
        assert found[name][0] == pytest.approx(mean), name
        assert found[name][1] == pytest.approx(np.sqrt(squares[name] - mean**2)), name


@pytest.mark.parametrize("name", ["roc_auc", "average_precision", "f1"])
def test_ranking_metrics_match_simulated_labels(name):
    rng = np.random.default_rng(1)
    p = rng.beta(1, 4, 3_000)
    s = np.clip(p + rng.normal(0, 0.1, 3_000), 0.01, 0.99)
    value, error = expected_metrics(p, Answers(s, act=(s > 0.25).astype(float)))[name]
    use = metrics.DECISION_METRICS.get(name) or metrics.SCORE_METRICS[name]
    x = (s > 0.25).astype(float) if name == "f1" else s
    draws = [use((rng.random(3_000) < p).astype(float), x) for _ in range(300)]
    assert value == pytest.approx(np.mean(draws), abs=0.3 * np.std(draws))
    assert error == pytest.approx(np.std(draws), rel=0.15)


def test_the_boosted_estimator_beats_plain_cbpe_under_covariate_shift():
    matrix, scores, labels = rows(12_000, 2)
    text, estimator = fit_estimator(matrix, scores, labels, schema=SCHEMA, task=Task.BINARY, seed=1)
    assert estimator.kind == "boosted"
    assert text is not None
    assert fit_estimator(matrix, scores, labels, schema=SCHEMA, task=Task.BINARY, seed=1) == (text, estimator)
    assert Estimator.from_json(estimator.to_json()) == estimator
    model = lgb.Booster(model_str=text).predict
    boosted, plain = [], []
    for seed in range(8):
        x, s, y = rows(3_000, 100 + seed, shift=1.0)
        real = realised(Answers(s), y, task=Task.BINARY)
        ours = estimated(estimator, x, Answers(s), model)
        cbpe = expected_metrics(s, Answers(s))
        for name in ("roc_auc", "accuracy", "f1"):
            boosted.append(abs(ours[name].value - real[name].value) / real[name].standard_error)
            plain.append(abs(cbpe[name][0] - real[name].value) / real[name].standard_error)
    assert np.median(boosted) < 1.0
    assert np.median(plain) > 1.5


def test_a_calibrated_score_that_says_all_keeps_plain_cbpe_and_its_interval_covers():
    matrix, _, labels = rows(6_000, 3)
    text, estimator = fit_estimator(matrix, truth(matrix), labels, schema=SCHEMA, task=Task.BINARY, seed=1)
    assert (text, estimator.kind) == (None, "plain")
    covered = []
    for seed in range(30):
        x, _, y = rows(1_000, 200 + seed)
        answers = Answers(truth(x))
        real = realised(answers, y, task=Task.BINARY)["roc_auc"].value
        guess = estimated(estimator, x, answers)["roc_auc"]
        covered.append(guess.low <= real <= guess.high)
    assert np.mean(covered) >= 0.85


def test_rows_outside_the_reference_are_answered_by_the_plain_score_and_said_so():
    matrix, scores, labels = rows(12_000, 2)
    text, estimator = fit_estimator(matrix, scores, labels, schema=SCHEMA, task=Task.BINARY, seed=1)
    x, s, _ = rows(500, 4)
    x[:250, 0] = 1e6
    found = estimated(estimator, x, Answers(s), lgb.Booster(model_str=text).predict)
    assert "plain for 50" in found["roc_auc"].method
    assert estimated(estimator, x[:0], Answers(s[:0])) == {}


def test_direct_loss_estimation_follows_the_size_of_errors():
    rng = np.random.default_rng(5)
    matrix = np.column_stack([rng.random(8_000), rng.random(8_000), rng.integers(0, 2, 8_000)]).astype(np.float32)
    values = np.zeros(8_000)
    labels = rng.normal(0, 1 + 4 * matrix[:, 0])
    text, estimator = fit_estimator(matrix, values, labels, schema=SCHEMA, task=Task.REGRESSION, seed=1)
    assert estimator.kind == "error"
    hard = matrix[:, 0] > 0.7
    answers = Answers(values[hard], money_per_error=np.full(hard.sum(), -2.0))
    guess = estimated(estimator, matrix[hard], answers, lgb.Booster(model_str=text).predict)
    real = realised(answers, labels[hard], task=Task.REGRESSION)
    for name in ("mae", "rmse", "money"):
        assert guess[name].value == pytest.approx(real[name].value, rel=0.08), name
    constant = fit_estimator(matrix[:100], values[:100], labels[:100], schema=SCHEMA, task=Task.REGRESSION, seed=1)[1]
    assert constant.kind == "constant"
    assert estimated(constant, matrix[:9], Answers(values[:9]))["mae"].value == pytest.approx(constant.error_mean)


def test_the_average_precision_of_tied_scores_is_that_of_drawn_labels():
    rng = np.random.default_rng(4)
    s = np.repeat([0.1, 0.3, 0.5, 0.8], 100)
    p = rng.random(s.size) * s * 1.2
    drawn = [average_precision_score(rng.random(s.size) < p, s) for _ in range(400)]
    value, error = expected_metrics(p, Answers(s))["average_precision"]
    assert value == pytest.approx(np.mean(drawn), abs=0.006)
    assert error == pytest.approx(np.std(drawn), rel=0.2)


def test_precision_and_recall_match_drawn_labels():
    rng = np.random.default_rng(6)
    p = rng.beta(1, 3, 2_000)
    answers = Answers(np.round(p, 1))
    d = answers.decisions
    drawn = [(rng.random(2_000) < p).astype(float) for _ in range(300)]
    figures = {
        "precision": [(y * d).sum() / d.sum() for y in drawn],
        "recall": [(y * d).sum() / y.sum() for y in drawn],
    }
    for name, values in figures.items():
        value, error = expected_metrics(p, answers, [name])[name]
        assert value == pytest.approx(np.mean(values), abs=0.3 * np.std(values)), name
        assert error == pytest.approx(np.std(values), rel=0.15), name


def test_the_correction_leaves_the_reference_as_its_scores_say():
    matrix, scores, labels = rows(8_000, 2)
    text, estimator = fit_estimator(matrix, scores, labels, schema=SCHEMA, task=Task.BINARY, seed=1)
    corrected, _ = probabilities(estimator, matrix, scores, lgb.Booster(model_str=text).predict)
    plain = estimator.calibration.many(scores)
    for rows_ in np.array_split(np.argsort(scores), 10):
        assert corrected[rows_].mean() == pytest.approx(plain[rows_].mean(), abs=0.015)
    assert np.std(corrected - plain) > 0.05


def test_how_far_accuracy_misses_is_measured_on_the_decisions_that_are_taken():
    """The chance of label 1 wanders at high scores only: an accuracy cut there wanders, one cut low does not."""
    rng = np.random.default_rng(7)
    n = 8_000
    scores = rng.random(n)
    tide = 0.35 * np.sin(np.arange(n) / n * 40)
    labels = (rng.random(n) < np.where(scores > 0.5, 0.5 + tide, 0.05)).astype(float)
    matrix = rng.normal(size=(n, 3)).astype(np.float32)

    def spread(act):
        return fit_estimator(matrix, scores, labels, schema=SCHEMA, task=Task.BINARY, seed=1, act=act)[1].spread

    high, never = spread(scores > 0.5), spread(np.zeros(n))
    assert high["f1"] > 0.02
    assert never["f1"] == 0.0
    assert spread(None) == high


def test_few_rows_are_calibrated_by_what_held_out_rows_say():
    rng = np.random.default_rng(8)
    s = rng.random(400)
    labels = (rng.random(400) < 0.2 * s).astype(float)
    matrix = np.zeros((400, 3), dtype=np.float32)
    _, estimator = fit_estimator(matrix, s, labels, schema=SCHEMA, task=Task.BINARY, seed=1)
    assert estimated(estimator, matrix, Answers(s))["event_rate"].value == pytest.approx(labels.mean(), abs=0.02)
    _, fewer = fit_estimator(matrix[:5], s[:5], labels[:5], schema=SCHEMA, task=Task.BINARY, seed=1)
    assert fewer.calibration.kind == "as_is"


def test_a_rate_that_comes_and_goes_does_not_hide_what_the_features_know():
    """Folds must follow each other in time, and calibration must not know the fold that is held out."""
    matrix, scores, _ = rows(8_000, 9)
    tide = np.sin(np.arange(8_000) / 8_000 * 7)
    rng = np.random.default_rng(9)
    matrix[:, 0] += tide
    scores = 1 / (1 + np.exp(-(1.1 * matrix[:, 0].astype(float) - 0.6)))
    labels = (rng.random(8_000) < truth(matrix)).astype(float)
    _, estimator = fit_estimator(matrix, scores, labels, schema=SCHEMA, task=Task.BINARY, seed=1)
    assert estimator.kind == "boosted"
    assert 0.6 < estimator.weight <= 0.8


def test_labels_in_order_are_no_reason_to_fail():
    matrix, scores, labels = rows(2_000, 9)
    order = np.argsort(labels, kind="stable")
    _, found = fit_estimator(matrix[order], scores[order], labels[order], schema=SCHEMA, task=Task.BINARY, seed=1)
    assert found.calibration.kind == "steps"


def test_an_estimator_of_an_older_bundle_is_read_without_its_correction():
    old = b'{"kind":"boosted","task":"binary","low":[0.0],"high":[1.0],"spread":{"roc_auc":0.01},"loss_plain":0.5}'
    read = Estimator.from_json(old)
    assert (read.kind, read.spread) == ("plain", {"roc_auc": 0.01})
