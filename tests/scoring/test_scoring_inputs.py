"""A model with columns and codes of its own gives, through its inputs, what it gives on its own rows."""

import lightgbm
import numpy as np
import pytest
from tests.scoring.conftest import PARAMETERS, make_matrix

from daytwo.core.errors import DataError
from daytwo.explain.shapley import ReferenceShapley
from daytwo.scoring.inputs import Inputs, MappedEngine
from daytwo.scoring.lightgbm_c import LightgbmScorer

# The model reads features 5, 0, 4 and 2 of the contract's six; its codes of feature 4 are turned round, and it does not
# know level 7 of feature 5.
TURNED = (3, 2, 1, 0)
SOME = tuple(None if level == 7 else level if level < 7 else level - 1 for level in range(41))
INPUTS = Inputs(6, (5, 0, 4, 2), (SOME, None, TURNED, None))


def at_home(matrix):
    """The rows as the model's own training rows were, written with plain loops."""
    rows = np.empty((len(matrix), 4), dtype=np.float32)
    for i, row in enumerate(matrix):
        five, four = row[5], row[4]
        rows[i, 0] = np.nan if np.isnan(five) or not 0 <= five < 41 or SOME[int(five)] is None else SOME[int(five)]
        rows[i, 1] = row[0]
        rows[i, 2] = np.nan if np.isnan(four) or not 0 <= four < 4 else TURNED[int(four)]
        rows[i, 3] = row[2]
    return rows


@pytest.fixture(scope="module")
def booster():
    matrix = make_matrix(3000)
    labels = (np.nan_to_num(matrix[:, 0]) + (matrix[:, 5] % 3 == 1) + (matrix[:, 4] == 2) > 0.7).astype(float)
    data = lightgbm.Dataset(at_home(matrix), labels, categorical_feature=[0, 2])
    return lightgbm.train(PARAMETERS | {"objective": "binary"}, data, 20)


@pytest.fixture(scope="module")
def engine(booster):
    return MappedEngine(LightgbmScorer(booster.model_to_string().encode(), 4), INPUTS)


@pytest.fixture(scope="module")
def rows():
    matrix = make_matrix(1000, seed=5)
    matrix[:50, 4], matrix[50:100, 5], matrix[100:200, 5] = 4, 41, 7
    return matrix


def test_scores_are_those_the_model_gives_at_home(booster, engine, rows):
    expected = booster.predict(at_home(rows))
    assert np.array_equal(engine.many(rows), expected)
    assert [engine.one(row) for row in rows.tolist()] == expected.tolist()


def test_reasons_speak_of_the_contracts_features_and_add_up(booster, engine, rows):
    reference = [0.1, 0.2, 0.3, 0.4, 1.0, 2.0]
    shapley = ReferenceShapley(engine.trees, reference)
    raw = booster.predict(at_home(rows), raw_score=True)
    start = booster.predict(at_home(np.array([reference])), raw_score=True)[0]
    for row, score in zip(rows[:300].tolist(), raw[:300], strict=True):
        given = shapley.contributions(row)
        assert sum(given) == pytest.approx(score - start, abs=1e-9)
        assert given[1] == given[3] == 0


def test_inputs_are_plain_only_where_nothing_changes():
    assert Inputs(2, (0, 1), (None, (0, 1, 2))).is_plain
    assert not Inputs(2, (1, 0), (None, None)).is_plain
    assert not Inputs(2, (0, 1), (None, (1, 0))).is_plain
    assert not Inputs(3, (0, 1), (None, None)).is_plain


def test_inputs_come_back_from_json_and_damage_is_told():
    assert Inputs.from_json(INPUTS.to_json()) == INPUTS
    for text in (
        b"",
        b"{}",
        b'{"features":1,"positions":[1],"codes":[null]}',
        b'{"features":1,"positions":[],"codes":[]}',
    ):
        with pytest.raises(DataError, match=r"inputs\.json is damaged"):
            Inputs.from_json(text)


def test_rows_of_another_width_are_refused(engine):
    with pytest.raises(ValueError, match="6 numbers"):
        engine.one([1.0] * 4)
    with pytest.raises(ValueError, match="6 columns"):
        engine.many(np.zeros((2, 4)))
