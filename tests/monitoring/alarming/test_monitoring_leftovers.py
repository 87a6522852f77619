import numpy as np
import pytest

from daytwo.core.schema import Feature, Schema
from daytwo.monitoring.alarming.leftovers import leftovers
from daytwo.monitoring.judging.layout import build_layout
from daytwo.monitoring.profiles.profile import empty_profile, profile

SCHEMA = Schema((Feature("a"), Feature("b"), Feature("c")))


def rows(seed, n=500, season=0.0):
    draw = np.random.default_rng(seed)
    a = draw.normal(season, 1, n)
    return np.column_stack([a, a + 0.3 * draw.normal(size=n), draw.normal(size=n)]).astype(np.float32)


REFERENCE = np.concatenate([rows(seed, season=np.sin(seed)) for seed in range(40)])
LAYOUT = build_layout(REFERENCE, np.zeros(len(REFERENCE)), SCHEMA)
WHOLE = profile(REFERENCE, np.zeros(len(REFERENCE)), LAYOUT)


def heard(matrix):
    return leftovers(profile(matrix, np.zeros(len(matrix)), LAYOUT), WHOLE, LAYOUT)


def test_they_are_the_residuals_of_a_regression_on_the_other_columns():
    codes = np.column_stack([np.asarray(LAYOUT.codes[i])[LAYOUT.columns[i].codes(REFERENCE[:, i])] for i in range(3)])
    x = np.column_stack([np.ones(len(codes)), codes[:, 1:]])
    weights, *_ = np.linalg.lstsq(x, codes[:, 0], rcond=None)
    usual = np.std(codes[:, 0] - x @ weights)
    new = rows(100)
    coded = np.column_stack([np.asarray(LAYOUT.codes[i])[LAYOUT.columns[i].codes(new[:, i])] for i in range(3)])
    left = coded[:, 0] - np.column_stack([np.ones(500), coded[:, 1:]]) @ weights
    found = heard(new)
    assert found["leftover:a"] == pytest.approx(abs(left.mean()) / usual * np.sqrt(500), rel=0.03, abs=0.05)
    assert found["unfit:a"] == pytest.approx(np.log(left.var() / usual**2) * np.sqrt(250), rel=0.05, abs=0.2)


def test_a_season_is_explained_by_the_other_column_and_a_small_shift_of_one_is_not():
    assert heard(rows(101, season=0.8))["leftover:b"] < 4
    shifted = rows(101, season=0.8)
    shifted[:, 1] += 0.25
    assert heard(shifted)["leftover:b"] > 10


def test_a_column_that_no_longer_belongs_to_its_rows_does_not_fit():
    broken = rows(102)
    broken[:, 1] = np.roll(broken[:, 1], 7)
    assert heard(rows(102))["unfit:b"] < 4
    assert heard(broken)["unfit:b"] > 20


def test_nothing_is_said_from_too_few_rows_or_a_reference_without_code_sums():
    part = profile(rows(1), np.zeros(500), LAYOUT)
    assert leftovers(part, profile(rows(2, n=20), np.zeros(20), LAYOUT), LAYOUT) == {}
    assert leftovers(part, empty_profile(LAYOUT), LAYOUT) == {}
