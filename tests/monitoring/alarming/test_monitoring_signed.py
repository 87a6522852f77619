import numpy as np
import pytest

from daytwo.core.schema import Feature, Schema
from daytwo.monitoring.alarming.channels import Moments, correlations
from daytwo.monitoring.alarming.signed import leans, learn_expected, strongest_pair
from daytwo.monitoring.judging.reference import build_layout
from daytwo.monitoring.profiles.profile import profile


def windows(count, seed=0):
    draw = np.random.default_rng(seed)
    for _ in range(count):
        season = draw.normal()
        yield np.column_stack([draw.normal(season, 1, 300) for _ in range(3)]).astype(np.float32)


@pytest.fixture(scope="module")
def learnt():
    blocks = list(windows(40))
    whole = np.concatenate(blocks)
    layout = build_layout(whole, np.zeros(len(whole)), Schema(tuple(Feature(name) for name in "abc")))
    parts = [profile(block, np.zeros(len(block)), layout) for block in blocks]
    return layout, parts, *learn_expected(parts, layout)


def test_the_references_errors_are_those_of_a_fit_without_the_window(learnt):
    layout, parts, _, errors = learnt
    for out in (0, 17):
        expected, others = learn_expected(parts[:out] + parts[out + 1 :], layout)
        strays = expected.strays(parts[out], layout)
        assert strays["up:a"] == pytest.approx(errors[out, 0], rel=0.15, abs=0.1)
        assert others.shape == (39, 6)


def test_a_season_of_all_columns_is_expected_and_a_shift_of_one_is_not(learnt):
    layout, _, expected, _ = learnt
    block = next(windows(1, seed=5))
    calm = expected.strays(profile(block, np.zeros(300), layout), layout)
    block[:, 0] += 0.7
    moved = expected.strays(profile(block, np.zeros(300), layout), layout)
    assert max(calm.values()) < 4
    assert moved["up:a"] > calm["up:a"] + 2
    assert moved["down:a"] == -moved["up:a"]


def test_leans_are_the_mean_code_and_mean_squared_code(learnt):
    _layout, parts, *_ = learnt
    assert sum(leans(part)[:3] * part.rows for part in parts) == pytest.approx(np.zeros(3), abs=1e-2)
    assert np.mean([leans(part)[3:] for part in parts], axis=0) == pytest.approx(np.ones(3), abs=1e-3)


def test_the_pair_that_broke_most_is_measured_in_its_usual_spreads(learnt):
    _layout, parts, *_ = learnt
    matrices = np.array([correlations(part) for part in parts])
    moments = Moments(40, matrices.sum(axis=0), (matrices**2).sum(axis=0))
    a, b = np.triu_indices(3, 1)
    z = (matrices[3][a, b] - matrices.mean(axis=0)[a, b]) / np.maximum(
        matrices.std(axis=0, ddof=1)[a, b], 1 / np.sqrt(300)
    )
    assert strongest_pair(parts[3], moments) == pytest.approx(np.abs(z).max())
