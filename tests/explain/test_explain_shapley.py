import itertools
import math

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daytwo.explain.shapley import ReferenceShapley
from daytwo.explain.trees import parse_trees

PARAMETERS = {"num_threads": 1, "verbosity": -1, "min_data_per_group": 5, "deterministic": True, "num_leaves": 10}


def make_rows(n, d_numbers, seed=0):
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(n, d_numbers)).round(1)
    numbers[rng.random(numbers.shape) < 0.15] = np.nan
    codes = rng.integers(0, [3, 40], size=(n, 2)).astype(float)
    codes[rng.random(codes.shape) < 0.1] = np.nan
    return np.hstack([numbers, codes]).astype(np.float32)


def train(d_numbers, rounds, objective="binary", **parameters):
    x = make_rows(3000, d_numbers)
    filled = np.nan_to_num(x)
    value = filled[:, 0] * filled[:, 1] + (filled[:, -1] % 3 == 1) + np.random.default_rng(1).normal(size=len(x))
    y = (value > 0.3).astype(float) if objective == "binary" else value
    data = lightgbm.Dataset(x, y, categorical_feature=[d_numbers, d_numbers + 1])
    return lightgbm.train(PARAMETERS | {"objective": objective} | parameters, data, rounds)


def brute_force(booster, row, reference):
    """The definition: every subset of features taken from the row, the others from the reference."""
    d = len(row)
    subsets = list(itertools.product([False, True], repeat=d))
    raw = booster.predict(np.where(subsets, row, reference).astype(np.float32), raw_score=True)
    worth = dict(zip(subsets, raw, strict=True))
    values = np.zeros(d)
    for subset in subsets:
        size = sum(subset)
        for feature in range(d):
            if not subset[feature]:
                weight = math.factorial(size) * math.factorial(d - size - 1) / math.factorial(d)
                joined = (*subset[:feature], True, *subset[feature + 1 :])
                values[feature] += weight * (worth[joined] - worth[subset])
    return values


CASES = {
    "binary": train(4, 12),
    "regression": train(4, 12, "regression"),
    "zero as missing": train(4, 12, zero_as_missing=True),
    "no missing": train(4, 12, use_missing=False),
    "stumps": train(4, 12, num_leaves=2),
}


@pytest.mark.parametrize("name", CASES)
def test_contributions_equal_the_definition_over_all_subsets(name):
    booster = CASES[name]
    trees = parse_trees(booster.model_to_string().encode())
    rows = make_rows(25, 4, seed=3)
    rows[0] = np.nan
    rows[1, -1] = 1000  # a level that no training row had
    rows[2, :4] = 0
    for reference in rows[:3].tolist():
        explained = ReferenceShapley(trees, reference)
        for row in rows.tolist():
            expected = brute_force(booster, np.array(row), np.array(reference))
            assert explained.contributions(row) == pytest.approx(expected, abs=1e-12)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_contributions_sum_to_the_difference_of_the_raw_scores(data):
    booster = BIG
    value = st.one_of(st.just(math.nan), st.floats(-3, 3, width=32), st.sampled_from(ON_THRESHOLDS))
    numbers = st.lists(value, min_size=6, max_size=6)
    codes = st.lists(st.one_of(st.just(math.nan), st.integers(0, 41).map(float)), min_size=2, max_size=2)
    row, reference = (data.draw(numbers) + data.draw(codes) for _ in range(2))
    explained = ReferenceShapley(BIG_TREES, reference)
    raw = booster.predict(np.array([row, reference], dtype=np.float32), raw_score=True)
    assert explained.reference_score == pytest.approx(raw[1], abs=1e-12)
    assert explained.contributions(row).sum() == pytest.approx(raw[0] - raw[1], abs=1e-11)


BIG = train(6, 60, num_leaves=31)
BIG_TREES = parse_trees(BIG.model_to_string().encode())
ON_THRESHOLDS = [float(np.float32(t)) for t in BIG_TREES.threshold[BIG_TREES.feature < 6][:50]]


def test_the_reference_itself_needs_no_reason():
    reference = make_rows(1, 6)[0].tolist()
    assert not ReferenceShapley(BIG_TREES, reference).contributions(reference).any()


def test_a_feature_that_does_not_differ_or_is_not_used_contributes_exactly_nothing():
    rows = make_rows(2, 6, seed=4)
    rows[1, 3] = rows[0, 3]
    assert ReferenceShapley(BIG_TREES, rows[0].tolist()).contributions(rows[1].tolist())[3] == 0
    stump = parse_trees(train(4, 1, num_leaves=2).model_to_string().encode())
    contributions = ReferenceShapley(stump, [0.0] * 6).contributions([9.0] * 6)
    assert np.count_nonzero(contributions) <= 1


def test_swapping_row_and_reference_turns_every_sign():
    one, other = make_rows(2, 6, seed=5).tolist()
    there = ReferenceShapley(BIG_TREES, one).contributions(other)
    back = ReferenceShapley(BIG_TREES, other).contributions(one)
    assert there == pytest.approx(-back, abs=1e-12)


def test_a_model_without_a_split_has_no_reasons():
    data = lightgbm.Dataset(np.zeros((50, 2)), np.arange(50) % 2)
    booster = lightgbm.train({"objective": "binary", "verbosity": -1, "num_threads": 1}, data, 1)
    explained = ReferenceShapley(parse_trees(booster.model_to_string().encode()), [0.0, 0.0])
    assert explained.contributions([1.0, 2.0]).tolist() == [0.0, 0.0]
    assert explained.reference_score == pytest.approx(booster.predict([[0.0, 0.0]], raw_score=True)[0], abs=1e-12)
