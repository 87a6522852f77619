"""How much rows count while a model learns, against answers that are known beforehand."""

import math
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from daytwo.core.errors import DataError
from daytwo.core.schema import Feature, Schema, Task
from daytwo.registry.bundle import BundleStore
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.scoring.model import Model
from daytwo.training.candidate import TrainingRequest, train_candidate
from daytwo.training.challenger import train_challenger
from daytwo.training.dataset import TrainingData, divide, join, split
from daytwo.training.fit import bin_rows, fit_reference, grow
from daytwo.training.recipe import Binning, Recipe
from daytwo.training.weights import Weighting, checked_weights, weighting_of

ONE = Schema((Feature("x"),))
PLAIN = Recipe(trees=200, leaves=2, rate=0.3, min_rows=1, penalty=0.0)


def two_groups(weights=None):
    """x = 0: 40 of 400 rows are positive; x = 1: 240 of 400."""
    x = np.repeat([0.0, 1.0], 400)
    labels = np.concatenate([np.arange(400) < 40, np.arange(400) < 240]).astype(float)
    return TrainingData(ONE, x[:, None].astype(np.float32), labels, weights=weights)


def learned(data, class_weight=""):
    weights = weighting_of(data, class_weight, Task.BINARY).of(data)
    binned = bin_rows(data, Task.BINARY, Binning(), seed=1, threads=1, weights=weights)
    fitted = grow(binned, data.labels, PLAIN, soft=False)
    return LightgbmScorer(fitted.text, 1).many([[0.0], [1.0]])


def test_a_class_weight_moves_the_log_odds_by_its_logarithm():
    assert learned(two_groups()) == pytest.approx([0.1, 0.6], abs=1e-4)
    for given, ratio in ((5.0, 5.0), ("balanced", 520 / 280)):
        expected = [ratio * p / (ratio * p + 1 - p) for p in (0.1, 0.6)]
        assert learned(two_groups(), given) == pytest.approx(expected, abs=1e-4)
        assert weighting_of(two_groups(), given, Task.BINARY).shift == pytest.approx(math.log(ratio))


def test_rows_count_by_their_weight():
    heavy = np.where(two_groups().labels == 1, 3.0, 1.0)
    assert learned(two_groups(heavy)) == pytest.approx([120 / 480, 720 / 880], abs=1e-4)
    # By the rows' own weights both classes count alike here: 280 * 3 against 520 becomes even.
    assert weighting_of(two_groups(heavy), "balanced", Task.BINARY).ratio == pytest.approx(520 / 840)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_the_unit_of_a_weight_means_nothing(unit):
    data = two_groups(np.linspace(1, 2, 800))
    scaled = replace(data, weights=data.weights * unit)
    for one in (data, scaled):
        assert weighting_of(one, "", Task.BINARY).of(one).mean() == pytest.approx(1.0)
    assert learned(scaled) == pytest.approx(learned(data), abs=1e-9)


def test_rows_that_weigh_nothing_teach_nothing_and_do_not_stop_the_growing(made):
    wrong = np.arange(made.rows) % 3 == 0
    labels = np.where(wrong, 1 - made.labels, made.labels)
    weighted = TrainingData(made.schema, made.matrix, labels, made.times, {}, np.where(wrong, 0.0, 1.0))
    recipe = Recipe(trees=80, leaves=15, rate=0.1, min_rows=20, patience=20)
    losses = []
    for data in (weighted, replace(weighted, weights=None)):
        parts = divide(data, task=Task.BINARY)
        weighting = weighting_of(parts.fit, "", Task.BINARY)
        binned = bin_rows(parts.fit, Task.BINARY, Binning(), seed=1, threads=1, weights=weighting.of(parts.fit))
        fitted = fit_reference(binned, parts.fit, parts.tune, recipe, tune_weights=weighting.of(parts.tune))
        p = LightgbmScorer(fitted.text, 4).many(made.matrix[-parts.select.rows :])
        truth = made.labels[-parts.select.rows :]
        losses.append(-np.mean(truth * np.log(p) + (1 - truth) * np.log1p(-p)))
    assert losses[0] < losses[1] - 0.05


def test_no_weight_at_all_is_no_weighting_and_a_regression_has_no_classes(data_of):
    assert weighting_of(two_groups(), "", Task.BINARY) == Weighting()
    data = data_of(300, task=Task.REGRESSION)
    assert weighting_of(data, "balanced", Task.REGRESSION).of(data) is None


def test_weights_go_with_their_rows(data_of):
    data = replace(data_of(800, timed=False), weights=np.arange(800.0))
    parts = split(data, test_share=0.25, seed=3)
    for one in (parts.train, join([parts.train, parts.test]), data.take(slice(5, 9))):
        assert one.weights.shape == (one.rows,)
    assert sorted(join([parts.train, parts.test]).weights.tolist()) == data.weights.tolist()
    with pytest.raises(ValueError, match="weights"):
        two_groups(np.ones(3))


def test_a_missing_weight_is_the_mean_and_a_wrong_one_is_told():
    assert checked_weights(np.array([1.0, np.nan, 4.0]), "w").tolist() == [1.0, 2.5, 4.0]
    with pytest.raises(DataError, match="of 2 rows is negative or infinite, first -1"):
        checked_weights(np.array([1.0, -1.0, np.inf]), "w")
    for nothing in ([np.nan, np.nan], [0.0, np.nan]):
        with pytest.raises(DataError, match="missing or 0 in every row"):
            checked_weights(np.array(nothing), "w")


def truth_of(data):
    numbers, codes = np.nan_to_num(data.matrix[:, :2]), data.matrix[:, 3]
    return 1 / (1 + np.exp(-(1.5 * numbers[:, 0] + numbers[:, 1] ** 2 + codes % 2 - 2.0)))


@pytest.mark.parametrize("class_weight", ["balanced", 20.0])
def test_probabilities_stay_those_of_the_world(made, settings_of, contract_of, tmp_path, class_weight):
    plain = settings_of()
    settings = msgspec.structs.replace(plain, train=msgspec.structs.replace(plain.train, class_weight=class_weight))
    candidate = train_candidate(TrainingRequest(contract_of(), settings, seed=5), made)
    model = Model.load(BundleStore(tmp_path).put(candidate.files, candidate.manifest))
    newest = made.take(slice(made.rows - 600, made.rows))
    found = model.score_many(newest.matrix)
    assert abs(found.mean() - truth_of(newest).mean()) < 0.03
    assert np.abs(found - truth_of(newest)).mean() < 0.08
    raw = model.engine.many(newest.matrix)
    assert (raw.mean() - found.mean() > 0.2) == (class_weight == 20.0)
    quick = train_challenger(made.take(slice(0, 5_000)), settings, seed=1)
    assert abs(quick.score_many(newest.matrix).mean() - truth_of(newest).mean()) < 0.04
    assert candidate.manifest.lineage.parameters["settings"]["train"]["class_weight"] == class_weight
    assert "calibration takes that back" in candidate.files["card.md"].decode()


def test_probabilities_stay_those_of_the_world_where_rows_are_too_few_to_calibrate(settings_of, contract_of, data_of):
    """80 positives among 880 rows: a fifth of them calibrates nothing, and the weight is known all the same."""
    data = data_of(4_000)
    ones, zeros = np.flatnonzero(data.labels == 1), np.flatnonzero(data.labels == 0)
    data = data.take(np.sort(np.concatenate([ones[:: len(ones) // 80][:80], zeros[:: len(zeros) // 800][:800]])))
    assert divide(data, task=Task.BINARY).tune.labels.sum() < 20
    plain = settings_of()
    settings = msgspec.structs.replace(plain, train=msgspec.structs.replace(plain.train, class_weight=15.0))
    candidate = train_candidate(TrainingRequest(contract_of(), settings, seed=5), data)
    assert candidate.evaluation.calibration == "sigmoid"
    act = candidate.evaluation.reliability
    assert sum(mean * rows for mean, _, rows in act) / sum(rows for _, _, rows in act) < 0.2
