from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daytwo.core.schema import Feature, Schema, Task
from daytwo.explain.curves import Curve, curve_of
from daytwo.explain.trees import parse_trees
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.training.additive import grow_additive
from daytwo.training.conversion.grown_tree import join_trees, part_trees
from daytwo.training.conversion.tree_text import tree_text
from daytwo.training.curve_tree import curve_tree
from daytwo.training.dataset import TrainingData
from daytwo.training.fit import bin_rows
from daytwo.training.recipe import Binning

SCHEMA = Schema((Feature("wind"), Feature("age"), Feature("carrier", ("a", "b", "c", "d"))))
N = 6_000


def rows_of(seed=1):
    draw = np.random.default_rng(seed)
    matrix = np.column_stack([draw.normal(size=N), draw.integers(0, 9, N), draw.integers(0, 4, N)])
    matrix[draw.random(N) < 0.1, 0] = np.nan
    matrix[draw.random(N) < 0.05, 2] = np.nan
    return matrix.astype(np.float32)


def additive_truth(matrix):
    wind, age, carrier = matrix.T
    worth = np.array([0.0, 0.5, -1.0, 2.0, 0.3])
    return (
        np.where(np.isnan(wind), 0.7, np.tanh(2 * np.nan_to_num(wind)))
        + 0.1 * (age > 4)
        + worth[np.where(np.isnan(carrier), 4, np.nan_to_num(carrier)).astype(int)]
    )


def grown(truth, matrix):
    data = TrainingData(SCHEMA, matrix, truth(matrix))
    binned = bin_rows(data, Task.REGRESSION, Binning(), seed=1, threads=1)
    answers = truth(matrix).astype(np.float64)
    return grow_additive(binned, matrix, answers, SCHEMA, sums=answers, weights=np.ones(len(matrix)))


@pytest.fixture(scope="module")
def both():
    return grown(additive_truth, rows_of())


def test_a_sum_of_curves_is_found_again_missing_values_and_categories_included(both):
    matrix = rows_of(2)
    said = LightgbmScorer(both[0].text, 3).many(matrix)
    truth = additive_truth(matrix)
    assert np.std(said - truth) < 0.03 * truth.std()


def test_a_glass_box_has_one_tree_a_column_and_asks_it_for_nothing_else(both):
    trees = part_trees(parse_trees(both[0].text))
    asked = [set(tree.feature[tree.left >= 0].tolist()) for tree in trees]
    assert sorted(asked, key=min) == [{0}, {1}, {2}]
    assert all((tree.left < 0).sum() <= 32 for tree in trees)


VALUE = st.one_of(st.floats(-4, 4, width=32), st.just(float("nan")))
CODE = st.sampled_from([0.0, 1.0, 2.0, 3.0, 4.0, float("nan")])
ROW = st.tuples(VALUE, VALUE, CODE)


@settings(max_examples=60, deadline=None)
@given(ROW, ROW, st.integers(0, 2), VALUE, CODE)
def test_what_a_column_adds_does_not_depend_on_the_others(both, one, other, column, value, code):
    scorer = LightgbmScorer(both[0].text, 3)
    new = code if column == 2 else value

    def moved(row):
        changed = [*row]
        changed[column] = new
        return scorer.raw(np.array([changed], dtype=np.float32))[0] - scorer.raw(np.array([row], dtype=np.float32))[0]

    same = tuple(one[i] if i == column else other[i] for i in range(3))
    assert moved(one) == pytest.approx(moved(same), abs=1e-9)


def test_trees_of_two_columns_learn_what_columns_do_together():
    def truth(matrix):
        return np.where((np.nan_to_num(matrix[:, 0]) > 0) ^ (matrix[:, 1] > 4), 1.0, -1.0)

    alone, paired = (LightgbmScorer(one.text, 3).many(rows_of(2)) for one in grown(truth, rows_of()))
    right = truth(rows_of(2))
    assert np.corrcoef(alone, right)[0, 1] < 0.3
    assert np.corrcoef(paired, right)[0, 1] > 0.95


@settings(max_examples=60, deadline=None)
@given(ROW, ROW)
def test_no_three_columns_do_anything_together(both, one, other):
    scorer = LightgbmScorer(both[1].text, 3)
    chosen = list(product((0, 1), repeat=3))
    rows = np.array([[(one, other)[which][i] for i, which in enumerate(pick)] for pick in chosen], dtype=np.float32)
    signs = np.array([(-1) ** sum(pick) for pick in chosen])
    assert (signs * scorer.raw(rows)).sum() == pytest.approx(0.0, abs=1e-9)


def test_a_reference_that_says_the_same_to_all_has_a_flat_curve():
    alone, paired = grown(lambda matrix: np.full(len(matrix), 3.0), rows_of())
    assert LightgbmScorer(alone.text, 3).many(rows_of(2)) == pytest.approx(3.0)
    assert LightgbmScorer(paired.text, 3).many(rows_of(2)) == pytest.approx(3.0)


def curve_values(curve, schema, rows):
    text = tree_text(join_trees([curve_tree(curve, bearable=0.0, most=1_000)]), schema, objective="regression")
    return LightgbmScorer(text, len(schema.features)).many(rows)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(-800, 800).map(lambda eighths: eighths / 8), max_size=12, unique=True),
    st.data(),
)
def test_a_curve_of_numbers_as_a_tree_says_what_the_curve_says(ends, data):
    ends = np.sort(np.array(ends))
    numbers = st.floats(-5, 5)
    values = np.array(data.draw(st.lists(numbers, min_size=len(ends) + 1, max_size=len(ends) + 1)))
    weights = np.array(
        data.draw(st.lists(st.integers(0, 50), min_size=len(ends) + 1, max_size=len(ends) + 1)), dtype=float
    )
    curve = Curve(0, values, weights, 7.0, 1.0, ends)
    asked = np.array([*ends, *(ends + 1e-3), -1e6, 1e6], dtype=np.float32)
    said = curve_values(curve, Schema((Feature("x"),)), asked[:, None])
    assert said == pytest.approx(values[np.searchsorted(ends, asked.astype(np.float64), side="left")], abs=1e-9)
    assert curve_values(curve, Schema((Feature("x"),)), np.array([[np.nan]])) == pytest.approx([7.0])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-4, 4), min_size=3, max_size=9), st.integers(-4, 4))
def test_a_curve_of_categories_as_a_tree_knows_missing_and_unknown_levels(values, missing):
    levels = tuple("abcdefgh"[: len(values) - 1])
    curve = Curve(0, np.array(values, dtype=float), np.ones(len(values)), float(missing), 1.0)
    asked = np.array([*range(len(values)), np.nan], dtype=np.float32)
    said = curve_values(curve, Schema((Feature("x", levels),)), asked[:, None])
    assert said == pytest.approx([*values, missing])


def test_frequent_values_take_fewer_decisions_than_rare_ones():
    weights = np.array([1000.0, *np.ones(15)])
    curve = Curve(0, np.arange(16.0), weights, 0.0, 0.0, ends=np.arange(15.0))
    trees = join_trees([curve_tree(curve, bearable=0.0)])
    depths = dict(zip(trees.leaf_value.tolist(), trees.leaf_depths().tolist(), strict=True))
    assert depths[0.0] == 1
    assert max(depths.values()) <= 6


def test_steps_are_put_together_where_it_matters_least():
    values = np.array([0.0, 0.01, 5.0, 5.01])
    curve = Curve(0, values, np.array([10.0, 10.0, 10.0, 10.0]), 0.0, 0.0, ends=np.arange(3.0))
    tree = curve_tree(curve, bearable=0.0, most=2)
    assert sorted(tree.value[tree.left < 0].tolist()) == pytest.approx([0.005, 5.005])


def test_trees_taken_out_and_joined_are_the_same_model(both):
    matrix = rows_of(3)
    for one in both:
        trees = parse_trees(one.text)
        again = tree_text(join_trees(part_trees(trees)), SCHEMA, objective="regression")
        assert LightgbmScorer(again, 3).many(matrix) == pytest.approx(LightgbmScorer(one.text, 3).many(matrix))


def test_a_curve_of_boosted_trees_is_what_they_add(both):
    trees = parse_trees(both[0].text)
    matrix = rows_of(4)
    total = sum(added(trees, place, matrix) for place in range(3))
    assert total == pytest.approx(LightgbmScorer(both[0].text, 3).raw(matrix))


def added(trees, place, matrix):
    curve = curve_of(trees, place, SCHEMA.features[place], matrix[:, place], np.ones(N))
    x = matrix[:, place].astype(np.float64)
    where = (
        np.nan_to_num(x).astype(int) if curve.ends is None else np.searchsorted(curve.ends, np.nan_to_num(x), "left")
    )
    return np.where(np.isnan(x), curve.missing, curve.values[where])
