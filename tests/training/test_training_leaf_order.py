"""Leaves in order, held against brute force: every row there can be, on every side of every threshold."""

from itertools import product

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.training.conftest import make_contract, make_data

from daytwo.core.schema import Feature, Schema, Task
from daytwo.explain.trees import parse_trees
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.training.dataset import TrainingData, divide
from daytwo.training.fit import bin_rows, fit_reference, grow
from daytwo.training.front import ADDITIVE
from daytwo.training.leaf_order import in_order, leaf_orders
from daytwo.training.recipe import Binning, Recipe, Shape, challenger_recipe, reference_recipe
from daytwo.training.trained import grown
from daytwo.training.variants import grow_students

DIRECTIONS = (1, -1, 0, 0)


def grid_of(trees, width):
    """A value between any two thresholds, every code and one more, and missing, for each feature."""
    axes = []
    for place in range(width):
        nodes = np.flatnonzero(trees.feature == place)
        asked = [trees.categories[node] for node in nodes]
        if any(one is not None for one in asked):
            axes.append([*range(int(max(one.max(initial=0) for one in asked)) + 2), np.nan])
        else:
            cuts = np.unique(trees.threshold[nodes])
            # Between thresholds, not on them: one of LightGBM's is 1e-35, which it reads as 0 in a row.
            between = [*(cuts[:1] - 1), *(cuts[1:] + cuts[:-1]) / 2, *(cuts[-1:] + 1)]
            axes.append([*between, np.nan] if between else [0.0])
    return axes


def brute_force(leaves_of, axes, directions, count):
    """Which leaf a row is in before and after one value rises, for all rows: then all that lies further on."""
    rows = np.array(list(product(*axes)))
    leaf = dict(zip(map(str, rows.tolist()), leaves_of(rows).tolist(), strict=True))
    order = np.eye(count, dtype=bool)
    for place in np.flatnonzero(directions):
        numbers = [one for one in axes[place] if not np.isnan(one)]
        for row in rows:
            if np.isnan(row[place]):
                continue
            for higher in numbers:
                if higher > row[place]:
                    other = row.copy()
                    other[place] = higher
                    a, b = leaf[str(row.tolist())], leaf[str(other.tolist())]
                    order[(a, b) if directions[place] > 0 else (b, a)] = True
    for middle in range(count):
        order |= order[:, [middle]] & order[[middle], :]
    return order


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([(1, 0, 0), (1, -1, 0), (-1, 0, 0)]))
def test_the_order_is_that_of_all_rows_there_can_be(seed, directions):
    chance = np.random.default_rng(seed)
    matrix = np.column_stack([chance.integers(0, 5, 300), chance.normal(size=300), chance.integers(0, 4, 300)])
    matrix[chance.random(matrix.shape) < 0.1] = np.nan
    labels = chance.normal(size=300) + np.nan_to_num(matrix[:, 0]) * np.nan_to_num(matrix[:, 1])
    rows = lightgbm.Dataset(matrix, labels, categorical_feature=[2], params={"min_data_per_group": 5})
    options = {"num_leaves": 8, "min_data_in_leaf": 5, "verbosity": -1, "num_threads": 1, "cat_smooth": 1}
    booster = lightgbm.train(options, rows, 2)
    trees = parse_trees(booster.model_to_string().encode())
    ends = [*trees.first_leaf.tolist(), len(trees.leaf_value)]
    for tree, order in enumerate(leaf_orders(trees, directions)):
        expected = brute_force(
            lambda asked, tree=tree: booster.predict(asked, pred_leaf=True)[:, tree].astype(int),
            grid_of(trees, 3),
            np.array(directions),
            ends[tree + 1] - ends[tree],
        )
        assert np.array_equal(order, expected)


@given(st.integers(0, 10_000), st.integers(1, 12))
def test_values_put_in_order_keep_it_and_those_that_kept_it_stay(seed, count):
    chance = np.random.default_rng(seed)
    place = chance.permutation(count)
    order = (chance.random((count, count)) < 0.3) & (place[:, None] < place) | np.eye(count, dtype=bool)
    for middle in range(count):
        order |= order[:, [middle]] & order[[middle], :]
    found = in_order(chance.normal(size=count), order)
    assert not (order & (found[:, None] > found)).any()
    assert np.array_equal(in_order(found, order), found)


def bound(data):
    pairs = zip(data.schema.features, DIRECTIONS, strict=True)
    features = tuple(Feature(one.name, one.levels, direction) for one, direction in pairs)
    return TrainingData(Schema(features), data.matrix, data.labels, data.times, data.money)


def against(data):
    """The same rows with labels that go the other way than the promise: it must bind, or it would be kept by luck."""
    labels = 1 - data.labels if set(np.unique(data.labels)) == {0, 1} else -data.labels
    return TrainingData(data.schema, data.matrix, labels, data.times, data.money)


def models(task, recipe=None):
    data = bound(make_data(2_500, task=task))
    kept = []
    for rows in (data, against(data)):
        parts = divide(rows, task=task)
        binned = bin_rows(parts.fit, task, Binning(), seed=3, threads=1)
        reference = fit_reference(binned, parts.fit, parts.tune, recipe or reference_recipe(parts.fit.rows, task))
        teacher = LightgbmScorer(reference.text, 4).many
        shapes = [Shape(14, 31, 0.5), Shape(4, 31, 0.65)]
        matrices = parts.fit.matrix, parts.tune.matrix
        students = grow_students(binned, *matrices, teacher, shapes, schema=data.schema, seed=3)
        # What a teacher of other convictions says must not lead a student astray.
        free = grow_students(
            binned, *matrices, lambda x: turned(x, task), [Shape(9, 31, 0.5)], schema=data.schema, seed=3
        )
        challenger = grow(binned, parts.fit.labels, challenger_recipe(parts.fit.rows, task), soft=False)
        for name, fitted in {
            "reference": reference,
            **students,
            "astray": free["9x31"],
            "glass": free[ADDITIVE],
            "quick": challenger,
        }.items():
            ready = grown(name, fitted, parts, task, threads=1)
            kept.append((name, ready))
    return kept


def turned(matrix, task):
    sums = np.sin(3 * np.nan_to_num(matrix[:, 0])) - np.nan_to_num(matrix[:, 0]) + np.nan_to_num(matrix[:, 1])
    return 1 / (1 + np.exp(-sums)) if task is Task.BINARY else sums


@pytest.fixture(scope="module", params=list(Task))
def kept(request):
    return models(request.param)


VALUES = st.one_of(st.floats(-4, 4, width=32), st.floats(allow_nan=False, width=32), st.just(0.0))
ROWS = st.tuples(
    st.one_of(VALUES, st.just(float("nan"))),
    st.one_of(VALUES, st.just(float("nan"))),
    st.one_of(VALUES, st.just(float("nan"))),
    st.sampled_from([*map(float, range(7)), float("nan")]),
)


@settings(max_examples=150, deadline=None)
@given(ROWS, st.lists(VALUES, min_size=2, max_size=40), st.sampled_from([0, 1]))
def test_a_bound_value_that_rises_never_moves_a_score_the_wrong_way(kept, row, values, place):
    rows = np.tile(np.array(row, dtype=np.float32), (len(values), 1))
    rows[:, place] = np.sort(np.array(values, dtype=np.float32))
    for name, ready in kept:
        scores = ready.calibration.many(ready.scorer.many(rows))
        least = (np.diff(scores) * DIRECTIONS[place]).min()
        # The last bits are those of the exponential and of the line between two points of the calibration.
        assert least >= -1e-12 * max(1.0, np.abs(scores).max()), name


def test_across_every_threshold_of_every_tree_no_step_goes_the_wrong_way(kept):
    chance = np.random.default_rng(4)
    for name, ready in kept:
        trees = ready.scorer.trees
        for place in (0, 1):
            cuts = np.unique(trees.threshold[trees.feature == place])
            cuts = cuts[np.abs(cuts) < np.finfo(np.float32).max].astype(np.float32)  # one may part the missing
            values = np.sort(np.concatenate([cuts, np.nextafter(cuts, np.float32(np.inf)), [-1, 0, 1]]))
            for _ in range(20):
                rows = np.tile(chance.normal(size=4).astype(np.float32), (len(values), 1))
                rows[:, 3] = chance.integers(0, 7)
                rows[:, place] = values
                raw = ready.scorer.raw(rows)
                assert (np.diff(raw) * DIRECTIONS[place]).min(initial=0) >= -1e-12 * np.abs(raw).max(), name


def test_the_promise_binds_and_a_free_model_breaks_it():
    data = against(make_data(2_500))
    parts = divide(data, task=Task.BINARY)
    binned = bin_rows(parts.fit, Task.BINARY, Binning(), seed=3, threads=1)
    free = grow(binned, parts.fit.labels, challenger_recipe(parts.fit.rows, Task.BINARY), soft=False)
    rows = np.zeros((50, 4), dtype=np.float32)
    rows[:, 0] = np.linspace(-3, 3, 50)
    assert np.diff(LightgbmScorer(free.text, 4).many(rows)).min() < -0.01


def test_without_a_promise_the_bytes_are_those_of_ever():
    data = make_data(1_000)
    parts = divide(data, task=Task.BINARY)
    recipe = Recipe(trees=5, leaves=7, rate=0.1)
    text = grow(
        bin_rows(parts.fit, Task.BINARY, Binning(), seed=1, threads=1), parts.fit.labels, recipe, soft=False
    ).text
    assert b"[monotone_constraints: ]" in text
    assert data.schema == bound(data).schema == make_contract().features
