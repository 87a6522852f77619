import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics as independent

from daytwo.core.schema import Task
from daytwo.lifecycle.gating import gates
from daytwo.lifecycle.gating.gate_calibration import calibration_beside, calibration_gate, calibration_of_first
from daytwo.lifecycle.gating.gates import GateResult, Paired, verdict
from daytwo.lifecycle.gating.sequential import cluster_means, confidence_sequence, e_value
from daytwo.lifecycle.words import metric as metric_name
from daytwo.monitoring.estimating.metrics import DECISION_METRICS, HIGHER_IS_BETTER, VALUE_METRICS


def paired(better=0.0, days=20, per_day=400, seed=0, noise=0.5):
    rng = np.random.default_rng(seed)
    n = days * per_day
    day = np.repeat(np.arange(days), per_day)
    z = rng.normal(size=n) + np.repeat(rng.normal(0, 0.3, days), per_day)
    y = (rng.random(n) < 1 / (1 + np.exp(-1.5 * z + 1))).astype(float)
    champion = 1 / (1 + np.exp(-(z + rng.normal(0, noise, n)) + 1))
    candidate = 1 / (1 + np.exp(-(z + rng.normal(0, max(noise - better, 0.01), n)) + 1))
    return Paired(y, candidate, champion, day)


def test_looking_every_day_promotes_by_chance_at_most_as_often_as_stated():
    rng = np.random.default_rng(1)
    above = below = evidence = 0
    lives = 400
    for _ in range(lives):
        days = rng.standard_t(5, size=60)
        looks = [confidence_sequence(days[:t]) for t in range(5, 61)]
        above += any(look.low > 0 for look in looks)
        below += any(look.high < 0 for look in looks)
        evidence += any(e_value(days[:t]) >= 20 for t in range(5, 61))
    assert max(above, below, evidence) / lives <= 0.05


def test_limits_tighten_and_too_few_days_claim_nothing():
    rng = np.random.default_rng(2)
    x = rng.normal(1, 1, 100)
    wide, tight = confidence_sequence(x[:10]), confidence_sequence(x)
    assert wide.high - wide.low > tight.high - tight.low
    assert tight.low < 1 < tight.high
    assert confidence_sequence(x[:4]).low == -np.inf
    assert e_value(x[:4]) == 1.0


def test_day_sums_keep_the_mean():
    rng = np.random.default_rng(3)
    values, days = rng.normal(size=500), rng.integers(0, 9, 500)
    assert cluster_means(values, days).mean() == pytest.approx(values.mean())


def test_a_better_candidate_passes_and_a_worse_one_does_not():
    better = gates.quality_gate(paired(0.45), task=Task.BINARY, metric="roc_auc", margin=0.005)
    worse = gates.quality_gate(paired(-1.0), task=Task.BINARY, metric="roc_auc", margin=0.005)
    assert better.passed
    assert better.evidence["superior"]
    assert not worse.passed
    assert worse.evidence["high"] < 0
    same = paired()
    equal = gates.quality_gate(
        Paired(same.labels, same.champion, same.champion, same.clusters),
        task=Task.BINARY,
        metric="roc_auc",
        margin=0.005,
    )
    assert equal.passed
    assert not equal.evidence["superior"]
    few = gates.quality_gate(paired(0.45, days=3), task=Task.BINARY, metric="roc_auc", margin=0.005)
    assert not few.passed
    json.dumps([dict(r.evidence) for r in (better, worse, few)], allow_nan=False)


@pytest.mark.parametrize("metric", ["mae", "rmse"])
def test_regressions_are_held_to_their_errors(metric):
    rng = np.random.default_rng(4)
    y, day = rng.normal(100, 10, 4_000), np.repeat(np.arange(20), 200)
    close, far = y + rng.normal(0, 1, 4_000), y + rng.normal(0, 2, 4_000)

    def quality(new, old):
        return gates.quality_gate(Paired(y, new, old, day), task=Task.REGRESSION, metric=metric, margin=0.1)

    def baseline(new):
        beside = Paired(y, new, np.full(4_000, y.mean()), day)
        return gates.baseline_gate(beside, task=Task.REGRESSION, metric=metric)

    assert quality(close, far).evidence["superior"]
    assert not quality(far, close).passed
    assert baseline(close).passed
    assert not baseline(rng.permutation(y)).passed


def test_a_first_version_must_beat_the_base_rate():
    data = paired()
    rate = np.full(data.labels.size, data.labels.mean())
    noise = np.random.default_rng(5).random(data.labels.size)
    for scores, beats in ((data.champion, True), (noise, False)):
        beside = Paired(data.labels, scores, rate, data.clusters)
        for metric in ("roc_auc", "average_precision", "log_loss", "brier"):
            assert gates.baseline_gate(beside, task=Task.BINARY, metric=metric).passed is beats


def difference_of(metric, measure, data, rows):
    """Return how much better the candidate is by scikit-learn's metric on some rows."""
    y = data.labels[rows]
    if metric in DECISION_METRICS:
        new, old = data.candidate_acts[rows], data.champion_acts[rows]
    else:
        new, old = data.candidate[rows], data.champion[rows]
    sign = 1 if metric in HIGHER_IS_BETTER else -1
    return sign * (measure(y, new) - measure(y, old))


@pytest.mark.parametrize(
    ("metric", "measure"),
    [
        ("roc_auc", independent.roc_auc_score),
        ("average_precision", independent.average_precision_score),
        ("log_loss", independent.log_loss),
        ("brier", independent.brier_score_loss),
        ("accuracy", independent.accuracy_score),
        ("f1", independent.f1_score),
        ("mae", independent.mean_absolute_error),
        ("rmse", independent.root_mean_squared_error),
    ],
)
def test_the_gate_judges_by_the_metric_it_was_given(metric, measure):
    data = paired(0.3, days=40, per_day=60, seed=11)
    task = Task.BINARY
    if metric in VALUE_METRICS:
        task, y = Task.REGRESSION, 10 * data.champion
        rng = np.random.default_rng(11)
        data = Paired(y, y + rng.normal(0, 1, y.size), y + rng.normal(0, 1.5, y.size), data.clusters)
    else:
        acts = [(scores >= 0.3).astype(float) for scores in (data.candidate, data.champion)]
        data = replace(data, candidate_acts=acts[0], champion_acts=acts[1])
    interval = gates.quality_difference(data, task=task, metric=metric)
    assert interval.mean == pytest.approx(difference_of(metric, measure, data, slice(None)), rel=1e-6)
    assert metric_name(metric) in gates.quality_gate(data, task=task, metric=metric, margin=1.0).words

    # The reach is a known multiple of the standard error between days, which days drawn anew show by themselves.
    rng = np.random.default_rng(12)
    days = np.split(np.arange(data.labels.size), 40)
    drawn = [
        difference_of(metric, measure, data, np.concatenate([days[i] for i in rng.integers(0, 40, 40)]))
        for _ in range(200)
    ]
    unit = np.repeat([1.0, -1.0], 20)
    scale = confidence_sequence(unit)
    reach = (scale.high - scale.mean) / (unit.std(ddof=1) / np.sqrt(40))
    assert (interval.high - interval.mean) / reach == pytest.approx(np.std(drawn), rel=0.2)


def test_a_metric_that_does_not_exist_claims_nothing():
    data = replace(paired(0.3), candidate_acts=np.zeros(8_000), champion_acts=np.zeros(8_000))
    nobody = replace(data, labels=np.zeros(8_000))
    assert gates.quality_difference(nobody, task=Task.BINARY, metric="f1").low == -np.inf
    assert not gates.quality_gate(nobody, task=Task.BINARY, metric="roc_auc", margin=0.5).passed


def test_money_is_compared_day_by_day():
    rng = np.random.default_rng(6)
    day = np.repeat(np.arange(14), 300)
    base = rng.normal(0, 5, 4_200)
    result = gates.money_gate(base + 1 + rng.normal(0, 1, 4_200), base, day, margin=0.0, currency="USD")
    assert result.passed
    assert "USD" in result.words
    assert not gates.money_gate(base - 1, base + rng.normal(0, 1, 4_200), day, margin=0.1, currency="USD").passed


def test_one_bad_slice_among_many_is_found_and_chance_is_not():
    rng = np.random.default_rng(7)
    day = np.repeat(np.arange(14), 600)
    origin = rng.integers(0, 12, day.size)
    slices = {f"origin={k}": origin == k for k in range(12)} | {"tiny": origin == 99}
    false = 0
    for _ in range(40):
        gain = rng.normal(0, 1, day.size)
        false += not gates.slice_gate(gain, slices, day, margin=0.0).passed
    assert false <= 4
    gain = rng.normal(0, 1, day.size) - 1.0 * (origin == 3)
    result = gates.slice_gate(gain, slices, day, margin=0.05)
    assert not result.passed
    assert "origin=3" in result.words
    assert result.evidence["too_small"] == 1
    assert gates.slice_gate(gain, {}, day, margin=0.0).passed


def test_calibration_refuses_what_is_off_for_sure():
    rng = np.random.default_rng(8)
    p = rng.beta(1, 3, 6_000)
    y = (rng.random(6_000) < p).astype(float)
    day = np.repeat(np.arange(20), 300)
    assert calibration_gate(y, p, day).passed
    off = calibration_gate(y, np.clip(p * 1.8, 0, 1), day)
    assert not off.passed
    assert "observed" in off.words


def test_a_first_version_that_is_off_passes_only_where_it_is_nearer_to_the_truth_than_the_base_rate():
    rng = np.random.default_rng(9)
    day = np.repeat(np.arange(20), 300)
    truth = rng.beta(1, 1, 6_000)
    y = (rng.random(6_000) < truth).astype(float)
    base = np.full(6_000, y.mean())
    shifted = np.clip(truth - 0.15, 0, 1)
    refused = calibration_gate(y, shifted, day)
    assert not refused.passed
    passed = calibration_of_first(refused, y, shifted, base, day)
    assert passed.passed
    assert "for sure over" in passed.words
    assert "base rate" in passed.words
    useless = np.clip(rng.permutation(truth) - 0.15, 0, 1)
    assert not calibration_of_first(calibration_gate(y, useless, day), y, useless, base, day).passed


def test_a_candidate_that_is_off_no_more_than_the_champion_passes():
    rng = np.random.default_rng(10)
    day = np.repeat(np.arange(20), 300)
    truth = rng.beta(1, 1, 6_000)
    y = (rng.random(6_000) < truth).astype(float)
    little, much = (calibration_gate(y, np.clip(truth - by, 0, 1), day) for by in (0.1, 0.2))
    assert calibration_beside(little, much).passed
    assert not calibration_beside(much, little).passed


def test_latency():
    assert gates.latency_gate(3.0, max_p99_ms=20).passed
    assert not gates.latency_gate(21.0, max_p99_ms=20).passed


def test_the_verdict_names_every_gate_that_said_no():
    results = [
        GateResult("quality", False, "worse"),
        GateResult("latency", True, "fine"),
        GateResult("money", False, "less"),
    ]
    assert verdict(results) == gates.Verdict(False, ("quality: worse", "money: less"))
    assert verdict(results[1:2]).passed
