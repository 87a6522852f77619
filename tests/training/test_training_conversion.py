"""Estimators of other libraries become model text that gives the same scores, on rows chosen to part them."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from tests.training.conftest import make_data
from xgboost import DMatrix, XGBClassifier, XGBRegressor, train

from daytwo.core.errors import Refused
from daytwo.core.schema import Task
from daytwo.explain.trees import parse_trees
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.scoring.trees_c import TreeScorer
from daytwo.training.conversion import estimators
from daytwo.training.conversion.estimators import estimator_text
from daytwo.training.conversion.hard_rows import hard_rows

KINDS = ["float", "float", "float", "c"]
CLASSIFIERS = {
    "tree": DecisionTreeClassifier(max_depth=6, random_state=1),
    "forest": RandomForestClassifier(15, max_depth=8, random_state=1),
    "extra": ExtraTreesClassifier(15, max_depth=8, random_state=1),
    "boosting": make_pipeline(SimpleImputer(), GradientBoostingClassifier(n_estimators=15, random_state=1)),
    "median": make_pipeline(SimpleImputer(strategy="median"), RandomForestClassifier(5, random_state=1)),
    "histogram": HistGradientBoostingClassifier(max_iter=15, random_state=1),
    "categories": HistGradientBoostingClassifier(max_iter=15, categorical_features=[3], random_state=1),
    "xgboost": XGBClassifier(n_estimators=15, max_depth=5, n_jobs=1),
    "xgboost with categories": XGBClassifier(
        n_estimators=15, enable_categorical=True, feature_types=KINDS, max_cat_to_onehot=1, n_jobs=1
    ),
}
REGRESSORS = {
    "forest": RandomForestRegressor(15, max_depth=8, random_state=1),
    "boosting": make_pipeline(SimpleImputer(), GradientBoostingRegressor(n_estimators=15, random_state=1)),
    "histogram": HistGradientBoostingRegressor(max_iter=15, categorical_features=[3], random_state=1),
    "xgboost": XGBRegressor(n_estimators=15, n_jobs=1),
}


def same(estimator, data, task):
    text = estimator_text(estimator, data, task)
    rows = hard_rows(parse_trees(text), data.schema, data.matrix, seed=3)
    expected = estimator.predict_proba(rows)[:, 1] if task is Task.BINARY else estimator.predict(rows)
    for engine in (TreeScorer(text, 4), LightgbmScorer(text, 4)):
        assert np.allclose(engine.many(rows), expected, rtol=1e-6, atol=1e-6)
    return text


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_answers_as_at_home_in_both_engines(name):
    data = make_data(2_500)
    same(CLASSIFIERS[name].fit(data.matrix, data.labels), data, Task.BINARY)


@pytest.mark.parametrize("name", REGRESSORS)
def test_a_regressor_answers_as_at_home_in_both_engines(name):
    data = make_data(2_500, task=Task.REGRESSION)
    same(REGRESSORS[name].fit(data.matrix, data.labels), data, Task.REGRESSION)


def test_a_booster_that_stopped_early_keeps_what_its_estimator_answers_with():
    data = make_data(2_500)
    model = XGBClassifier(n_estimators=60, learning_rate=0.8, early_stopping_rounds=3, n_jobs=1)
    model.fit(
        data.matrix[:2000], data.labels[:2000], eval_set=[(data.matrix[2000:], data.labels[2000:])], verbose=False
    )
    text = same(model, data, Task.BINARY)
    assert len(parse_trees(text).roots) == model.best_iteration + 1


def test_a_bare_booster_is_taken_with_its_exponential():
    data = make_data(2_500, task=Task.REGRESSION)
    booster = train({"objective": "count:poisson", "nthread": 1}, DMatrix(data.matrix, np.abs(data.labels)), 8)
    text = estimator_text(booster, data, Task.REGRESSION)
    expected = booster.predict(DMatrix(data.matrix))
    assert np.allclose(LightgbmScorer(text, 4).many(data.matrix), expected, rtol=1e-6)


def test_leaves_and_nodes_tell_how_many_rows_reached_them():
    data = make_data(2_500)
    model = DecisionTreeClassifier(max_depth=3, random_state=1).fit(data.matrix, data.labels)
    text = estimator_text(model, data, Task.BINARY).decode()
    counts = next(line for line in text.splitlines() if line.startswith("internal_count=")).split("=")[1].split()
    assert sorted(map(int, counts)) == sorted(model.tree_.n_node_samples[model.tree_.children_left >= 0])
    # Contributions of LightGBM need them; they add up to the score.
    scorer = LightgbmScorer(text.encode(), 4)
    assert np.allclose(scorer.contributions(data.matrix).sum(axis=1), model.predict_proba(data.matrix)[:, 1])


@pytest.mark.parametrize(
    ("model", "match"),
    [
        (LogisticRegression(), "LogisticRegression has no trees"),
        (make_pipeline(SimpleImputer(), StandardScaler(), RandomForestClassifier(3)), "StandardScaler does more"),
        (make_pipeline(SimpleImputer(add_indicator=True), RandomForestClassifier(3)), "SimpleImputer does more"),
        (GradientBoostingClassifier(n_estimators=3), "cannot answer rows with missing"),
    ],
)
def test_what_cannot_be_taken_over_exactly_is_refused_with_a_way_out(model, match):
    data = make_data(600)
    with pytest.raises(Refused, match=match) as caught:
        estimator_text(model.fit(np.nan_to_num(data.matrix), data.labels), data, Task.BINARY)
    assert caught.value.hint


def test_several_classes_and_other_columns_are_refused():
    data = make_data(600)
    many = RandomForestClassifier(3).fit(data.matrix, np.arange(600) % 3)
    with pytest.raises(Refused, match="other classes than 0 and 1"):
        estimator_text(many, data, Task.BINARY)
    with pytest.raises(Refused, match="reads 2 features"):
        estimator_text(RandomForestClassifier(3).fit(data.matrix[:, :2], data.labels), data, Task.BINARY)


def test_a_conversion_that_is_wrong_names_the_rows(monkeypatch):
    data = make_data(600)
    model = RandomForestClassifier(3, random_state=1).fit(data.matrix, data.labels)
    real = estimators.scikit_trees

    def wrong(estimator):
        trees, odds = real(estimator)
        return [replace(trees[0], threshold=trees[0].threshold + 0.01), *trees[1:]], odds

    monkeypatch.setattr(estimators, "scikit_trees", wrong)
    with pytest.raises(Refused, match=r"\d+ of 20000 rows do not get the score that they had before \(row \d+"):
        estimator_text(model, data, Task.BINARY)
