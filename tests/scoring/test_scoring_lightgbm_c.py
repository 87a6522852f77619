import gc
import subprocess
import sys
import threading
from pathlib import Path

import lightgbm
import numpy as np
import pytest

from daytwo.core.errors import DataError
from daytwo.scoring.lightgbm_c import LightgbmScorer

OBJECTIVES = ("binary", "regression", "cross_entropy")


@pytest.fixture(params=OBJECTIVES)
def pair(request, boosters):
    booster = boosters[request.param]
    return booster, LightgbmScorer(booster.model_to_string().encode(), 6)


def on_thresholds(booster, matrix):
    """Rows moved onto, and one step beside, the model's thresholds; and categories that it never saw."""
    hard = matrix[:300].copy()
    nodes = booster.trees_to_dataframe().dropna(subset="threshold")
    nodes = nodes[nodes.decision_type == "<="]
    for row, (name, threshold) in zip(hard, zip(nodes.split_feature, nodes.threshold, strict=True), strict=False):
        row[int(name.removeprefix("Column_"))] = np.float32(float(threshold))
    hard[100:200] = np.nextafter(hard[100:200], np.float32(np.inf))
    hard[200:, 5] = np.arange(100)
    return np.concatenate([matrix, hard])


def test_scores_equal_those_of_the_python_package_bit_for_bit(pair, matrix):
    booster, scorer = pair
    rows = on_thresholds(booster, matrix)
    expected = booster.predict(rows, num_threads=1)
    assert np.array_equal(scorer.many(rows), expected)
    assert [scorer.one(row) for row in rows.tolist()] == expected.tolist()
    assert np.array_equal(scorer.raw(rows), booster.predict(rows, raw_score=True))
    assert np.array_equal(scorer.leaves(rows), booster.predict(rows, pred_leaf=True))
    assert np.array_equal(scorer.contributions(rows), booster.predict(rows, pred_contrib=True))


def test_a_block_may_be_strided_double_or_empty(pair, matrix):
    booster, scorer = pair
    expected = booster.predict(matrix)
    assert np.array_equal(scorer.many(matrix.astype(np.float64)), expected)
    assert np.array_equal(scorer.many(np.asfortranarray(matrix)), expected)
    assert np.array_equal(scorer.many(matrix[::-1]), expected[::-1])
    assert scorer.many(matrix[:0]).shape == (0,)


def test_several_threads_in_the_library_change_nothing(boosters, matrix):
    text = boosters["binary"].model_to_string().encode()
    one, two = LightgbmScorer(text, 6), LightgbmScorer(text, 6, threads=2)
    assert np.array_equal(one.many(matrix), two.many(matrix))


def test_more_rows_than_a_block_are_scored_in_order(boosters, matrix):
    scorer = LightgbmScorer(boosters["binary"].model_to_string().encode(), 6)
    many = np.resize(matrix, (70_000, 6))
    assert np.array_equal(scorer.many(many), np.resize(scorer.many(matrix), 70_000))


def test_threads_that_score_rows_at_once_do_not_mix_them_up(pair, matrix):
    booster, scorer = pair
    rows, expected = matrix.tolist(), booster.predict(matrix).tolist()
    wrong = []

    def work(offset):
        order = [(offset + i) % len(rows) for i in range(len(rows))]
        wrong.extend(i for i in order if scorer.one(rows[i]) != expected[i])

    threads = [threading.Thread(target=work, args=(offset,)) for offset in (0, 500, 1000, 1500)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_nodes_per_row_is_the_depth_of_the_leaves_that_are_reached(pair, matrix):
    booster, scorer = pair
    table = booster.trees_to_dataframe()
    depth = {
        (tree, int(node.split("L")[1])): level - 1
        for tree, node, level in zip(table.tree_index, table.node_index, table.node_depth, strict=True)
        if "-L" in node
    }
    leaves = booster.predict(matrix, pred_leaf=True)
    expected = np.mean([sum(depth[tree, leaf] for tree, leaf in enumerate(row)) for row in leaves])
    assert scorer.nodes_per_row(matrix) == pytest.approx(expected, rel=1e-12)


def test_a_model_without_a_split_costs_no_node_and_scores_its_mean():
    data = lightgbm.Dataset(np.zeros((50, 1)), np.arange(50) % 2)
    booster = lightgbm.train({"objective": "binary", "verbosity": -1, "num_threads": 1}, data, 1)
    scorer = LightgbmScorer(booster.model_to_string().encode(), 1)
    assert scorer.nodes_per_row([[1.0]]) == 0
    assert scorer.one([3.0]) == pytest.approx(0.5)


def test_damaged_text_is_refused_before_the_library_sees_it(boosters):
    text = boosters["binary"].model_to_string().encode()
    damaged = [
        b"",
        b"tree\n",
        b"{}",
        text[: len(text) // 2],
        text[:-2000].replace(b"end of trees", b""),
        text.replace(b"num_leaves=15", b"num_leaves=150", 1),
        text.replace(b"num_leaves=15", b"num_leaves=14", 1),
        text.replace(b"left_child=", b"left_child=9", 1),
        text.replace(b"max_feature_idx=5", b"max_feature_idx=6"),
        b"\xff" * 100,
    ]
    for one in damaged:
        with pytest.raises(DataError):
            LightgbmScorer(one, 6)


def test_a_model_of_another_width_is_refused(boosters):
    with pytest.raises(DataError, match="trained on 6 features, the contract has 5"):
        LightgbmScorer(boosters["binary"].model_to_string().encode(), 5)


def test_rows_of_another_width_are_a_bug_of_the_caller(boosters):
    scorer = LightgbmScorer(boosters["binary"].model_to_string().encode(), 6)
    with pytest.raises(ValueError, match="6 columns"):
        scorer.many(np.zeros((2, 5)))
    with pytest.raises(ValueError, match="a row of 6 numbers"):
        scorer.one([1.0] * 5)


def test_a_model_of_many_classes_is_refused():
    x = np.random.default_rng(0).normal(size=(300, 2))
    parameters = {"objective": "multiclass", "num_class": 3, "verbosity": -1, "num_threads": 1}
    booster = lightgbm.train(parameters, lightgbm.Dataset(x, np.arange(300) % 3), 2)
    with pytest.raises(DataError, match="several scores a row"):
        LightgbmScorer(booster.model_to_string().encode(), 2)


def test_memory_is_given_back(boosters, matrix):
    text = boosters["binary"].model_to_string().encode()

    def cycle(n):
        for _ in range(n):
            LightgbmScorer(text, 6).one(matrix[0].tolist())
        gc.collect()
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    before = cycle(50)
    assert cycle(300) - before < 300 * len(text) / 4


_LIGHT = """
import sys
from daytwo.scoring.lightgbm_c import LightgbmScorer
LightgbmScorer(open(sys.argv[1], "rb").read(), 6).one([0.0] * 6)
import daytwo.scoring.model
heavy = {"lightgbm", "pandas", "sklearn", "scipy", "polars", "dbos", "sqlalchemy", "deltalake"}
print(sorted(heavy & set(sys.modules)))
"""


def test_scoring_loads_no_heavy_package(boosters, tmp_path):
    (tmp_path / "model.txt").write_text(boosters["binary"].model_to_string())
    environment = {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    done = subprocess.run(
        [sys.executable, "-c", _LIGHT, str(tmp_path / "model.txt")],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert done.stdout == "[]\n"
    assert done.stderr == ""
