"""Estimators of other libraries become model text that gives the same scores, on rows chosen to part them."""

import json
from dataclasses import replace
from pathlib import Path

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
from daytwo.training.conversion.boosted import catboost_told, catboost_trees
from daytwo.training.conversion.estimators import estimator_text
from daytwo.training.conversion.hard_rows import hard_rows
from daytwo.training.conversion.tree_text import tree_text

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


@pytest.mark.parametrize("seen", [(0, 1), (1, 2), (0, 3), (2,), (4, 5), (0, 1, 2, 3, 4, 5)])
@pytest.mark.parametrize("holes", [False, True])
def test_categories_that_training_never_saw_go_where_scikit_learn_sends_them(seen, holes):
    made = make_data(6_000)
    data = made.take(np.isin(made.matrix[:, 3], seen))
    matrix = data.matrix.copy()
    matrix[::7, 3] = np.nan if holes else matrix[::7, 3]
    data = replace(data, matrix=matrix)
    model = HistGradientBoostingClassifier(max_iter=25, categorical_features=[3], random_state=1)
    text = estimator_text(model.fit(data.matrix, data.labels), data, Task.BINARY)
    # Each level of the contract, the code of a level that it does not know, and a missing one, on many rows.
    codes = [*range(len(data.schema.features[3].levels) + 1), np.nan]
    rows = np.repeat(made.matrix[:300], len(codes), axis=0)
    rows[:, 3] = np.tile(codes, 300)
    expected = model.predict_proba(rows)[:, 1]
    for engine in (TreeScorer(text, 4), LightgbmScorer(text, 4)):
        assert np.allclose(engine.many(rows), expected, rtol=1e-6, atol=1e-9)


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

    def wrong(estimator, schema):
        trees, odds = real(estimator, schema)
        return [replace(trees[0], threshold=trees[0].threshold + 0.01), *trees[1:]], odds

    monkeypatch.setattr(estimators, "scikit_trees", wrong)
    with pytest.raises(Refused, match=r"\d+ of 20000 rows do not get the score that they had before \(row \d+"):
        estimator_text(model, data, Task.BINARY)


# What a CatBoost 1.2.10 classifier of three trees, nan_mode "Max", wrote of itself, and what it answered.
CATBOOST = {
    "scale_and_bias": [1, [0]],
    "features_info": {
        "float_features": [
            {"feature_index": place, "flat_feature_index": place, "nan_value_treatment": treatment}
            for place, treatment in enumerate(("AsTrue", "AsTrue", "AsTrue", "AsIs"))
        ]
    },
    "oblivious_trees": [
        {
            "leaf_values": values,
            "splits": [
                {"border": border, "float_feature_index": place, "split_type": "FloatFeature"}
                for border, place in splits
            ],
        }
        for values, splits in (
            (
                [
                    0.1111111111111111,
                    0,
                    0.4153846153846154,
                    0.717391304347826,
                    -0.7973856209150327,
                    0,
                    -0.40711462450592883,
                    0.1891891891891892,
                ],
                [(0.2245347499847412, 0), (-0.6639589667320251, 0), (-1.4627562761306763, 1)],
            ),
            (
                [
                    -0.5129633562919834,
                    0,
                    -0.04083577038485796,
                    0,
                    -0.26968239829502805,
                    0.22983151212868533,
                    0.34195426408758633,
                    0.37348044826909094,
                ],
                [(0.6223003268241882, 0), (1.2833093404769897, 1), (-0.5907813906669617, 0)],
            ),
            (
                [
                    0.3535894468141817,
                    -0.17869729022416328,
                    0,
                    0.1591237640155254,
                    0.3947385611465626,
                    -0.1872831520776271,
                    0,
                    0.17138745277638234,
                ],
                [(-1.3366737365722656, 1), (1.094663143157959, 1), (-0.5485416054725647, 2)],
            ),
        )
    ],
}
CATBOOST_ROWS = [
    [np.nan, np.nan, np.nan, np.nan],
    [0.22453475, -0.5356694, 0.36159506, 2],
    [0.6223003, 0.94708097, -0.70373523, 1],
    [-1.2654215, -1.3366737, 0.04132598, 1],
    [-2.3250308, -0.21879166, -1.245911, 3],
    [-0.7322674, -0.544259, -0.31630015, 6],
]
CATBOOST_ANSWERS = [
    0.6756949409342475,
    0.2964875856829054,
    0.43556271179354195,
    0.28585314591422206,
    0.18406492061230018,
    0.1827789489243406,
]


class Written:
    """Writes what CatBoost wrote."""

    def __init__(self, told):
        self.told = told

    def save_model(self, path, format):  # noqa: A002
        Path(path).write_text(json.dumps(self.told))


def test_catboost_answers_as_it_did_on_thresholds_and_nulls():
    trees = catboost_trees(catboost_told(Written(CATBOOST)))
    text = tree_text(trees, make_data(10).schema, objective="binary sigmoid:1")
    assert np.allclose(LightgbmScorer(text, 4).many(CATBOOST_ROWS), CATBOOST_ANSWERS, rtol=0, atol=1e-12)


def test_categories_of_catboost_are_refused():
    split = {"border": 1.0, "split_type": "OnlineCtr"}
    told = CATBOOST | {"oblivious_trees": [{"leaf_values": [0, 1], "splits": [split]}]}
    with pytest.raises(Refused, match="counts categories in its own way"):
        catboost_trees(told)
