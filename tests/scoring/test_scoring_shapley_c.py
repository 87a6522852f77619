"""Compiled reasons are held against the definition, against the numpy twin, and against the sums of the trees."""

import itertools
import math
import threading

import lightgbm
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daytwo.core.errors import Fault
from daytwo.explain.shapley import ReferenceShapley
from daytwo.explain.trees import parse_trees
from daytwo.scoring import shapley_c
from daytwo.scoring.forest import Unsuited, trees_bytes
from daytwo.scoring.shapley_c import LIBRARY, CompiledShapley, shapley_of

compiled = pytest.mark.skipif(not LIBRARY.is_file(), reason="no compiler was there when daytwo was installed")
ODD = np.array([np.nan, 0.0, -0.0, 1e-40, -1e-35, 3.4e38, -3.4e38, -0.5, 1.5, 31, 32, 70, 1e9], dtype=np.float32)


def grown(seed, *, rounds=8, codes=40, **parameters):
    """Return the trees and the booster of three numbers and two categories."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.normal(size=(500, 3)), rng.integers(0, codes, 500), rng.integers(0, 3, 500)])
    x[rng.random(x.shape) < 0.15] = np.nan
    filled = np.nan_to_num(x)
    y = filled[:, 0] * filled[:, 1] + (filled[:, 3] % 3 == 1) + rng.normal(size=500)
    data = lightgbm.Dataset(x, y, categorical_feature=[3, 4])
    fixed = {"num_threads": 1, "verbosity": -1, "min_data_per_group": 5, "cat_smooth": 1, "min_data_in_leaf": 3}
    booster = lightgbm.train({"objective": "regression", "seed": seed} | fixed | parameters, data, rounds)
    return parse_trees(booster.model_to_string().encode()), booster


def asked(trees, seed, count=40):
    """Rows of odd values, values on thresholds, and levels that no training row had."""
    rng = np.random.default_rng(seed)
    rows = np.column_stack([rng.normal(size=(count, 3)), rng.integers(0, 45, (count, 2))]).astype(np.float32)
    for row in rows[: count // 2]:
        node = rng.integers(len(trees.feature))
        row[trees.feature[node]] = trees.threshold[node] if trees.categories[node] is None else 1000
    odd = rng.random(rows.shape) < 0.2
    rows[odd] = rng.choice(ODD, size=int(odd.sum()))
    return rows


@compiled
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 2**20),
    codes=st.sampled_from([2, 33, 300]),
    parameters=st.fixed_dictionaries(
        {
            "num_leaves": st.sampled_from([2, 7, 31, 120]),
            "use_missing": st.booleans(),
            "zero_as_missing": st.booleans(),
            "max_cat_to_onehot": st.sampled_from([1, 4]),
            "extra_trees": st.booleans(),
            "boosting": st.sampled_from(["gbdt", "rf"]),
            "bagging_freq": st.just(1),
            "bagging_fraction": st.just(0.7),
        }
    ),
)
def test_any_trees_give_the_numbers_of_the_numpy_twin_and_sum_to_the_difference(seed, codes, parameters):
    trees, booster = grown(seed, codes=codes, **parameters)
    rows = asked(trees, seed + 1)
    raw = booster.predict(rows, raw_score=True) / trees.divisor  # LightGBM tells the sum of a random forest
    for place in (0, 30):
        ours = CompiledShapley(trees, rows[place].tolist())
        found = ours.many(rows)
        assert found == pytest.approx(ReferenceShapley(trees, rows[place].tolist()).many(rows), abs=1e-12)
        assert found.sum(axis=1) == pytest.approx(raw - raw[place], abs=1e-10)
        assert ours.reference_score == pytest.approx(raw[place], abs=1e-12)
        assert [ours.contributions(row).tolist() for row in rows.tolist()] == found.tolist()


@compiled
@pytest.mark.parametrize("seed", range(4))
def test_contributions_are_those_of_the_definition_over_all_subsets(seed):
    trees, booster = grown(seed, num_leaves=12)
    rows = asked(trees, seed, count=12)
    reference = rows[0]
    ours = CompiledShapley(trees, reference.tolist())
    subsets = np.array(list(itertools.product([False, True], repeat=5)))
    for row in rows:
        worth = booster.predict(np.where(subsets, row, reference), raw_score=True)
        expected = np.zeros(5)
        for feature in range(5):
            without = np.flatnonzero(~subsets[:, feature])
            sizes = subsets[without].sum(axis=1)
            weight = np.array([math.factorial(n) * math.factorial(4 - n) / 120 for n in sizes.tolist()])
            # Row numbers count in twos: taking feature k is 2^(4-k) rows further.
            expected[feature] = weight @ (worth[without + 2 ** (4 - feature)] - worth[without])
        assert ours.contributions(row.tolist()) == pytest.approx(expected, abs=1e-9)


@compiled
def test_very_deep_trees_and_a_single_leaf_are_explained_too():
    x = np.sort(np.random.default_rng(0).normal(size=3000)).reshape(-1, 1)
    y = 1.5 ** np.arange(3000.0).clip(max=60)
    data = lightgbm.Dataset(x, y)
    settled = {"num_threads": 1, "verbosity": -1, "min_data_in_leaf": 1, "num_leaves": 400, "max_bin": 3000}
    trees = parse_trees(lightgbm.train(settled, data, 3).model_to_string().encode())
    rows = x[::97].astype(np.float32)
    found = CompiledShapley(trees, [0.0]).many(rows)
    assert found == pytest.approx(ReferenceShapley(trees, [0.0]).many(rows), rel=1e-12)
    alone = parse_trees(lightgbm.train(settled, lightgbm.Dataset(x, 0 * y + 3), 1).model_to_string().encode())
    assert CompiledShapley(alone, [0.0]).contributions([9.0]).tolist() == [0.0]


@compiled
def test_a_row_of_another_width_is_refused():
    trees, _ = grown(1)
    ours = CompiledShapley(trees, [0.0] * 5)
    with pytest.raises(ValueError, match="a row of 5 numbers"):
        ours.contributions([1.0] * 4)
    with pytest.raises(ValueError, match="5 columns"):
        ours.many(np.zeros((2, 4)))
    with pytest.raises(Unsuited, match="do not fit"):
        CompiledShapley(trees, [0.0] * 3)  # trees that ask for a fifth feature


@compiled
def test_threads_that_ask_at_once_do_not_mix_rows_up():
    trees, _ = grown(2, num_leaves=31)
    rows = np.repeat(asked(trees, 3), 10, axis=0)
    ours = CompiledShapley(trees, rows[0].tolist())
    expected, wrong = ours.many(rows), []

    def work():
        wrong.extend(np.flatnonzero((ours.many(rows) != expected).any(axis=1)))
        wrong.extend(i for i, row in enumerate(rows.tolist()) if (ours.contributions(row) != expected[i]).any())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@compiled
def test_a_spoilt_block_is_refused_or_harmless():
    trees, _ = grown(4, num_leaves=31)
    block, chance = trees_bytes(trees, 5), np.random.default_rng(5)
    library, rows = shapley_c._library().long, asked(trees, 6)
    reference, room = bytes(20), np.empty(rows.shape)
    for number in range(400):
        spoilt = bytearray(block)
        for place in chance.integers(len(block) if number % 2 else 80, size=chance.integers(1, 6)).tolist():
            spoilt[place] = int(chance.integers(256))
        if int.from_bytes(spoilt[8:16], "little") != 5:
            continue
        handle = library.daytwo_shapley_open(bytes(spoilt), len(spoilt), reference)
        if handle:
            explained = shapley_c.ctypes.c_void_p(handle)
            library.daytwo_shapley_rows(explained, rows.ctypes.data, len(rows), room.ctypes.data)
            library.daytwo_shapley_close(explained)


def test_without_the_library_numpy_works_reasons_out(monkeypatch, tmp_path):
    trees, _ = grown(7)
    monkeypatch.setattr(shapley_c, "LIBRARY", tmp_path / "none.so")
    shapley_c._library.cache_clear()
    try:
        with pytest.raises(Fault):
            CompiledShapley(trees, [0.0] * 5)
        found = shapley_of(trees, [0.0] * 5)
    finally:
        shapley_c._library.cache_clear()
    assert isinstance(found, ReferenceShapley)
    assert found.many(np.zeros((0, 5))).shape == (0, 5)
    assert found.contributions([1.0] * 5).sum() == pytest.approx(found.many(np.ones((1, 5))).sum())
