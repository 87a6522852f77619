"""One small model with everything in it: missing values, categories, an unseen level, values on thresholds."""

import lightgbm
import numpy as np
import pytest

PARAMETERS = {
    "num_leaves": 15,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
    "min_data_per_group": 5,
    "seed": 7,
}
CATEGORIES = (4, 5)


def make_matrix(n, seed=0):
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(n, 4)).round(2)
    numbers[rng.random(numbers.shape) < 0.1] = np.nan
    codes = rng.integers(0, [4, 41], size=(n, 2)).astype(float)
    codes[rng.random(codes.shape) < 0.05] = np.nan
    return np.hstack([numbers, codes]).astype(np.float32)


def train(objective, rounds=30, **parameters):
    x = make_matrix(3000)
    rng = np.random.default_rng(1)
    value = np.nan_to_num(x[:, 0]) + (x[:, 5] % 3 == 1) + np.nan_to_num(x[:, 1] * x[:, 2]) + rng.normal(size=len(x))
    y = value if objective == "regression" else (value > 0.5).astype(float)
    data = lightgbm.Dataset(x, y, categorical_feature=list(CATEGORIES))
    return lightgbm.train(PARAMETERS | {"objective": objective} | parameters, data, rounds)


@pytest.fixture(scope="session")
def matrix():
    return make_matrix(2000, seed=5)


@pytest.fixture(scope="session")
def boosters():
    return {one: train(one) for one in ("binary", "regression", "cross_entropy")}
