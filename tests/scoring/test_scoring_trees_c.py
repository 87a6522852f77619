"""The tree engine is held against LightGBM's own library, to the last bit."""

import gc
import threading
from pathlib import Path

import lightgbm
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daytwo.core.errors import DataError
from daytwo.scoring.forest import Unsuited, forest_bytes
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.scoring.trees_c import TreeScorer, missing_engine, open_forest

pytestmark = pytest.mark.skipif(bool(missing_engine()), reason="no tree engine was compiled here")

OBJECTIVES = (
    "binary", "regression", "regression_l1", "huber", "fair", "quantile", "mape", "poisson", "gamma", "tweedie",
    "cross_entropy", "cross_entropy_lambda", "lambdarank", "rank_xendcg",
)  # fmt: skip
ODD = [
    np.nan,
    np.inf,
    -np.inf,
    0.0,
    -0.0,
    1e-40,
    -1e-40,
    1e-35,
    -1e-35,
    3.4e38,
    -3.4e38,
    -0.5,
    1.5,
    -1,
    31,
    32,
    70,
    1e9,
]


def made(seed, *, rounds=12, rows=400, codes=70, **parameters):
    """Return a booster of two numbers, a sparse number and two categories, grown on random labels."""
    rng = np.random.default_rng(seed)
    x = np.column_stack(
        [
            rng.normal(size=(rows, 2)),
            np.where(rng.random(rows) < 0.7, 0, rng.normal(size=rows)),
            rng.integers(0, codes, size=rows),
            rng.integers(0, 3, size=rows),
        ]
    )
    x[rng.random(x.shape) < parameters.pop("gone", 0.1)] = np.nan
    y = rng.random(rows) + np.nan_to_num(x[:, 0] > 0) + (np.nan_to_num(x[:, 3]) % 3 == 1)
    objective = parameters.setdefault("objective", "binary")
    ranks = objective in ("lambdarank", "rank_xendcg")
    y = (y > 1).astype(float) if ranks or objective == "binary" else y / y.max()
    if objective in ("lambdarank", "rank_xendcg"):
        parameters["lambdarank_truncation_level"] = 5
    data = lightgbm.Dataset(x, y, categorical_feature=[3, 4], group=[rows // 4] * 4 if ranks else None)
    fixed = {"num_threads": 1, "verbosity": -1, "min_data_per_group": 5, "cat_smooth": 1, "min_data_in_leaf": 3}
    return lightgbm.train({"seed": seed, **fixed, **parameters}, data, rounds)


def hard_rows_of(text, seed, rows=300, width=5):
    """Rows of odd numbers, some on a threshold of the model and some one float32 beside it."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, width)).astype(np.float32)
    x[:, 3:] = rng.integers(-1, 80, size=(rows, width - 3))
    trees = LightgbmScorer(text, width).trees
    for row in x[:150]:
        if len(trees.feature):
            node = rng.integers(len(trees.feature))
            near = np.float32(trees.threshold[node])
            steps = {0: near, 1: np.nextafter(near, np.float32(np.inf)), 2: np.nextafter(near, np.float32(-np.inf))}
            row[trees.feature[node]] = steps[int(rng.integers(3))]
    odd = rng.random(x.shape) < 0.25
    odd[:100] = False
    x[odd] = rng.choice(np.array(ODD, dtype=np.float32), size=int(odd.sum()))
    return x


def same(text, rows):
    """Hold the engine against LightGBM on `rows`: alone, in blocks of many sizes, and as plain sums."""
    width = rows.shape[1]
    ours, theirs = TreeScorer(text, width), LightgbmScorer(text, width)
    expected = theirs.many(rows)
    assert np.array_equal(ours.many(rows), expected)
    assert [ours.one(row) for row in rows.tolist()] == [theirs.one(row) for row in rows.tolist()] == expected.tolist()
    assert np.array_equal(ours.raw(rows), theirs.raw(rows))
    for size in (0, 1, 3, 8, 9, 63, 257):
        assert np.array_equal(ours.many(rows[:size]), expected[:size])
    assert np.array_equal(np.signbit(ours.raw(rows)), np.signbit(theirs.raw(rows)))


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 2**20),
    leaves=st.sampled_from([2, 3, 7, 31, 255]),
    rounds=st.sampled_from([1, 5, 9, 24]),
    codes=st.sampled_from([2, 31, 33, 300]),
    parameters=st.fixed_dictionaries(
        {
            "objective": st.sampled_from(["binary", "regression", "poisson"]),
            "boosting": st.sampled_from(["gbdt", "dart"]),
            "use_missing": st.booleans(),
            "zero_as_missing": st.booleans(),
            "boost_from_average": st.booleans(),
            "max_cat_to_onehot": st.sampled_from([1, 4]),
            "max_cat_threshold": st.sampled_from([4, 64]),
            "gone": st.sampled_from([0.0, 0.3]),
            "path_smooth": st.sampled_from([0.0, 2.0]),
            "extra_trees": st.booleans(),
            "max_depth": st.sampled_from([-1, 1, 4]),
        }
    ),
)
def test_any_model_gives_the_bits_of_lightgbm(seed, leaves, rounds, codes, parameters):
    booster = made(seed, rounds=rounds, codes=codes, num_leaves=leaves, **parameters)
    text = booster.model_to_string().encode()
    same(text, hard_rows_of(text, seed + 1))


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize(
    "more", [{}, {"reg_sqrt": True}, {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}]
)
def test_every_objective_is_turned_into_a_score_as_lightgbm_does(objective, more):
    text = made(3, objective=objective, num_leaves=7, **more).model_to_string().encode()
    same(text, hard_rows_of(text, 4))


@pytest.mark.parametrize(
    "more",
    [
        {"monotone_constraints": [1, -1, 0, 0, 0]},
        {"interaction_constraints": [[0, 1], [2, 3, 4]]},
        {"num_leaves": 300, "rows": 3000, "codes": 1500, "min_data_in_leaf": 1},
        {"data_sample_strategy": "goss"},
        {"rounds": 137, "num_leaves": 4},
        {"use_quantized_grad": True},
    ],
)
def test_other_ways_to_grow_change_nothing(more):
    text = made(5, **more).model_to_string().encode()
    same(text, hard_rows_of(text, 6))


def test_a_model_of_one_leaf_and_trees_of_one_leaf_among_others():
    data = lightgbm.Dataset(np.zeros((50, 1)), np.arange(50) % 2)
    alone = lightgbm.train({"objective": "binary", "verbosity": -1, "num_threads": 1}, data, 9)
    same(alone.model_to_string().encode(), np.array(ODD, dtype=np.float32).reshape(-1, 1))
    text = made(8, num_leaves=2).model_to_string().encode()
    start, end = text.index(b"Tree=4\n"), text.index(b"Tree=5\n")
    leaf = b"Tree=4\nnum_leaves=1\nnum_cat=0\nsplit_feature=\nsplit_gain=\nthreshold=\ndecision_type=\nleft_child=\n"
    leaf += b"right_child=\nleaf_value=0.25\nleaf_weight=\nleaf_count=\ninternal_value=\ninternal_weight=\n"
    leaf += b"internal_count=\nis_linear=0\nshrinkage=1\n\n\n"
    head, sizes = text[:start], text[text.index(b"tree_sizes=") + 11 :].split(b"\n")[0]
    changed = sizes.split()
    changed[4] = str(len(leaf)).encode()
    mixed = head.replace(sizes, b" ".join(changed)) + leaf + text[end:]
    same(mixed, hard_rows_of(mixed, 9))


def test_custom_objectives_give_plain_sums():
    text = made(2).model_to_string().encode().replace(b"objective=binary sigmoid:1\n", b"")
    same(text, hard_rows_of(text, 3))


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"sigmoid": 0.7}, "objective is 'binary sigmoid:0.7'"),
        ({"objective": "multiclass", "num_class": 3}, "several scores"),
    ],
)
def test_what_the_engine_does_not_know_is_left_to_lightgbm(more, why):
    x = np.random.default_rng(0).normal(size=(300, 2))
    y = np.arange(300) % (3 if "num_class" in more else 2)
    settled = {"objective": "binary", "verbosity": -1, "num_threads": 1} | more
    text = lightgbm.train(settled, lightgbm.Dataset(x, y), 2).model_to_string().encode()
    with pytest.raises(Unsuited, match=why):
        TreeScorer(text, 2)


def test_models_too_wide_for_a_node_are_left_to_lightgbm(boosters):
    scorer = LightgbmScorer(boosters["binary"].model_to_string().encode(), 6)
    huge = tuple(None if one is None else np.array([1 << 26]) for one in scorer.trees.categories)
    trees = type(scorer.trees)(
        **{name: getattr(scorer.trees, name) for name in scorer.trees.__slots__} | {"categories": huge}
    )
    with pytest.raises(Unsuited, match="too many codes"):
        forest_bytes(boosters["binary"].model_to_string().encode(), trees)


def test_a_model_or_rows_of_another_width_are_refused(boosters):
    text = boosters["binary"].model_to_string().encode()
    with pytest.raises(DataError, match="trained on 6 features, the contract has 5"):
        TreeScorer(text, 5)
    scorer = TreeScorer(text, 6)
    with pytest.raises(ValueError, match="6 columns"):
        scorer.many(np.zeros((2, 5)))
    with pytest.raises(ValueError, match="a row of 6 numbers"):
        scorer.one([1.0] * 5)


def test_a_block_that_does_not_fit_together_is_refused_and_no_walk_leaves_it(boosters):
    """What is refused is harmless; what is not, has only other numbers in it. A sanitizer shows the rest."""
    text = boosters["binary"].model_to_string().encode()
    block = forest_bytes(text, LightgbmScorer(text, 6).trees)
    rows = hard_rows_of(text, 1, width=6)
    scorer, chance = TreeScorer(text, 6), np.random.default_rng(4)
    whole = scorer._forest
    refused = 0
    for number in range(600):
        spoilt = bytearray(block)
        for place in chance.integers(len(block) if number % 2 else 80, size=chance.integers(1, 6)).tolist():
            spoilt[place] = int(chance.integers(256))
        cut = bytes(spoilt[: chance.integers(len(spoilt))] if number % 10 == 0 else spoilt)
        try:
            scorer._forest = open_forest(cut)
        except Unsuited:
            refused += 1
            continue
        if int.from_bytes(cut[8:16], "little") == 6:
            scorer.many(rows), scorer.one(rows[0].tolist())
    scorer._forest = whole
    assert refused > 200
    for lie in (b"", block[:-1], block + b"\0", block[:1]):
        with pytest.raises(Unsuited):
            open_forest(lie)


def test_threads_that_score_at_once_do_not_mix_rows_up(boosters, matrix):
    scorer = TreeScorer(boosters["binary"].model_to_string().encode(), 6)
    expected, lists = scorer.many(matrix), matrix.tolist()
    wrong = []

    def work(offset):
        for _ in range(5):
            wrong.extend(np.flatnonzero(scorer.many(matrix[offset:]) != expected[offset:]))
        wrong.extend(i for i, row in enumerate(lists) if scorer.one(row) != expected[i])

    threads = [threading.Thread(target=work, args=(offset,)) for offset in (0, 500, 1000, 1500)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_memory_is_given_back(boosters, matrix):
    text = boosters["binary"].model_to_string().encode()

    def cycle(n):
        for _ in range(n):
            TreeScorer(text, 6).one(matrix[0].tolist())
        gc.collect()
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    before = cycle(30)
    assert cycle(100) - before < 100 * len(text) / 4
