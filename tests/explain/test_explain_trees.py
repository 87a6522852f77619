import lightgbm
import numpy as np
import pytest

from daytwo.core.errors import DataError
from daytwo.explain.trees import Missing, parse_trees


@pytest.fixture(scope="module")
def booster():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 3))
    x[rng.random(2000) < 0.2, 0] = np.nan
    x[:, 2] = rng.integers(0, 70, 2000)
    y = np.nan_to_num(x[:, 0]) + (x[:, 2] % 5 == 1) + x[:, 1]
    data = lightgbm.Dataset(x, y, categorical_feature=[2])
    return lightgbm.train(
        {"objective": "regression", "num_leaves": 12, "num_threads": 1, "verbosity": -1, "min_data_per_group": 5},
        data,
        8,
    )


def walk(trees, row):
    """Follow one row down every tree, slowly and plainly."""
    leaves = []
    for root in trees.roots.tolist():
        place = root
        while place >= 0:
            value = row[trees.feature[place]]
            if trees.categories[place] is not None:
                left = not np.isnan(value) and int(value) in trees.categories[place]
            elif np.isnan(value) and trees.missing[place] == Missing.NAN:
                left = trees.default_left[place]
            else:
                left = (0.0 if np.isnan(value) else value) <= trees.threshold[place]
            place = (trees.left if left else trees.right)[place]
        leaves.append(-1 - place)
    return leaves


def test_a_walk_down_the_arrays_reaches_the_librarys_leaves_and_values(booster):
    trees = parse_trees(booster.model_to_string().encode())
    rng = np.random.default_rng(1)
    rows = np.column_stack([rng.normal(size=(200, 2)), rng.integers(-1, 80, 200)])
    rows[::7, 0] = rows[::5, 1] = rows[::11, 2] = np.nan
    leaves = np.array([walk(trees, row) for row in rows])
    assert np.array_equal(leaves - trees.first_leaf, booster.predict(rows, pred_leaf=True))
    assert trees.leaf_value[leaves].sum(axis=1) == pytest.approx(booster.predict(rows), rel=1e-12)


def test_leaf_depths_count_the_decisions(booster):
    trees = parse_trees(booster.model_to_string().encode())
    table = booster.trees_to_dataframe()
    expected = {
        (tree, int(index.split("L")[1])): depth - 1
        for tree, index, depth in zip(table.tree_index, table.node_index, table.node_depth, strict=True)
        if "L" in index
    }
    depths = trees.leaf_depths()
    assert len(expected) == len(depths)
    assert all(depths[trees.first_leaf[tree] + leaf] == depth for (tree, leaf), depth in expected.items())


def test_linear_leaves_are_refused():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 2))
    data = lightgbm.Dataset(x, x[:, 0], params={"linear_tree": True, "verbosity": -1})
    booster = lightgbm.train(
        {"objective": "regression", "linear_tree": True, "verbosity": -1, "num_threads": 1}, data, 2
    )
    with pytest.raises(DataError, match="linear"):
        parse_trees(booster.model_to_string().encode())


def test_a_text_cut_anywhere_is_refused(booster):
    text = booster.model_to_string().encode()
    end = text.index(b"end of trees") + len(b"end of trees")
    for length in [*range(0, end, 997), end - 1]:
        with pytest.raises(DataError, match=r"no LightGBM model|damaged"):
            parse_trees(text[:length])
    parse_trees(text[:end])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"left_child=1", b"left_child=0"),
        (b"right_child=", b"right_child=9 "),
        (b"split_feature=", b"split_feature=7 "),
        (b"cat_boundaries=0 ", b"cat_boundaries=5 "),
        (b"leaf_value=", b"leaf_valve="),
        (b"num_cat=", b"num_cat=1"),
    ],
)
def test_an_edited_text_is_refused(booster, old, new):
    text = booster.model_to_string().encode()
    start = next(i for i in range(100) if old in text.split(b"\nTree=")[i + 1])
    parts = text.split(b"\nTree=")
    parts[start + 1] = parts[start + 1].replace(old, new, 1)
    with pytest.raises(DataError, match="damaged"):
        parse_trees(b"\nTree=".join(parts))
    # Even where the sizes in the head fit.
    grown = len(new) - len(old)
    sizes = [int(size) for size in parts[0].split(b"tree_sizes=")[1].split()]
    changed = [size + grown * (i == start) for i, size in enumerate(sizes)]
    parts[0] = parts[0].replace(b" ".join(b"%d" % size for size in sizes), b" ".join(b"%d" % size for size in changed))
    with pytest.raises(DataError, match="damaged"):
        parse_trees(b"\nTree=".join(parts))
