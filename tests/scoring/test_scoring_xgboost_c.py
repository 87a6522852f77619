import importlib.util
import json

import numpy as np
import pytest
import xgboost
from tests.scoring.conftest import make_matrix
from tests.scoring.model_makers import D, boost, by_package, ubj

from daytwo.core.errors import DataError, Mistake
from daytwo.explain.shapley import ReferenceShapley
from daytwo.scoring import xgboost_c
from daytwo.scoring.ubjson import read_ubjson
from daytwo.scoring.xgboost_c import XgboostScorer
from daytwo.scoring.xgboost_model import read_trees

SHAPES = {
    "probability": {},
    "value": {"objective": "reg:squarederror"},
    "count": {"objective": "count:poisson", "base_score": 0.3},
    "own base score": {"base_score": 0.17},
    "forest": {"num_parallel_tree": 3, "subsample": 0.5, "rounds": 5},
    "pruned": {"gamma": 3.0},
    "deep": {"max_leaves": 31, "grow_policy": "lossguide", "max_depth": 0},
    "one leaf": {"max_depth": 1, "gamma": 1e9, "rounds": 2},
}


@pytest.fixture(scope="module", params=list(SHAPES))
def pair(request):
    booster = boost(**SHAPES[request.param])
    return booster, XgboostScorer(ubj(booster), D)


def on_thresholds(scorer, matrix):
    """Rows moved onto the float32 that each node still sends left, and onto the next, which it sends right."""
    hard, trees = np.resize(matrix, (400, D)), scorer.trees
    numeric = [node for node, codes in enumerate(trees.categories) if codes is None]
    for row, node in zip(hard, numeric * 2, strict=False):
        row[trees.feature[node]] = trees.threshold[node]
    hard[200:] = np.nextafter(hard[200:], np.float32(np.inf))
    hard[:, 5] = np.arange(400) % 60
    return np.concatenate([matrix, hard])


def test_scores_equal_those_of_the_python_package_bit_for_bit(pair):
    booster, scorer = pair
    rows = on_thresholds(scorer, make_matrix(800, seed=9))
    expected = by_package(booster, rows)
    assert np.array_equal(scorer.many(rows), expected)
    assert [scorer.one(row) for row in rows.tolist()] == expected.tolist()
    assert np.array_equal(scorer.raw(rows), by_package(booster, rows, output_margin=True))


def test_the_trees_that_reasons_use_are_the_trees_that_score(pair):
    booster, scorer = pair
    rows = on_thresholds(scorer, make_matrix(300, seed=3))
    rows[np.abs(rows) < 1e-30] = 0.0  # reasons take what is this small for zero
    reference = np.float32([0.1, -0.2, np.nan, 0.4, 2.0, 7.0]).tolist()
    shapley = ReferenceShapley(scorer.trees, reference)
    raw, base = (
        by_package(booster, rows, output_margin=True),
        by_package(booster, np.float32([reference]), output_margin=True),
    )
    found = [shapley.contributions(row).sum() for row in rows.tolist()]
    assert np.abs(found - (raw - base)).max() < 1e-4 * max(1.0, np.abs(raw).max())


def test_more_rows_than_a_block_and_several_threads_change_nothing():
    content = ubj(boost())
    one, two = XgboostScorer(content, D), XgboostScorer(content, D, threads=2)
    rows = np.resize(make_matrix(2000, seed=5), (70_000, D))
    assert np.array_equal(one.many(rows), two.many(rows))
    assert np.array_equal(one.many(rows)[-2000:], one.many(rows[-2000:]))


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"booster": "dart"}, "of the kind dart.*gbtree"),
        ({"booster": "gblinear", "updater": "coord_descent"}, "of the kind gblinear"),
    ],
)
def test_a_model_that_is_not_of_plain_trees_is_refused(parameters, told):
    rows = xgboost.DMatrix(np.random.default_rng(0).normal(size=(200, D)), np.arange(200) % 2)
    booster = xgboost.train({"objective": "binary:logistic", "nthread": 1, "max_depth": 2} | parameters, rows, 2)
    with pytest.raises(DataError, match=told):
        XgboostScorer(ubj(booster), D)


def test_a_model_of_many_classes_is_refused():
    rows = xgboost.DMatrix(np.random.default_rng(0).normal(size=(300, 2)), np.arange(300) % 3)
    booster = xgboost.train({"objective": "multi:softprob", "num_class": 3, "nthread": 1}, rows, 2)
    with pytest.raises(DataError, match="several scores a row"):
        XgboostScorer(ubj(booster), 2)


def test_what_is_told_of_damage_names_it():
    content = ubj(boost(rounds=2))
    for spoilt, told in [
        (b"", "ends before byte 1"),
        (content[:-1], "ends before byte"),
        (content + b"}", "1 bytes follow its end"),
        (b"[" * 50, "nests deeper"),
        (b"{L\x00\x00\x00\x00\x00\x00\x00\x01aT}", "learner"),
        (content.replace(b"left_children", b"left_childrem"), "left_children"),
    ]:
        with pytest.raises(DataError, match=told):
            read_trees(spoilt, D)


def test_a_file_says_what_xgboost_wrote():
    booster = boost(rounds=3)
    read = read_ubjson(ubj(booster))
    told = json.loads(bytes(booster.save_raw("json")))

    def plain(value):
        if isinstance(value, dict):
            return {name: plain(one) for name, one in value.items()}
        if isinstance(value, list | np.ndarray):
            return [plain(one) for one in value]
        return np.float32(value) if isinstance(value, float | np.floating) else value

    assert plain(read) == plain(told)


def test_without_the_package_the_message_says_what_to_install(monkeypatch):
    content = ubj(boost(rounds=1))
    xgboost_c._library.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Mistake, match=r"pip install 'daytwo\[xgboost\]'"):
        XgboostScorer(content, D)
    xgboost_c._library.cache_clear()
