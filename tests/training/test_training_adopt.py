"""Which of the contract's features an adopted model reads, and the proof that it is so."""

from dataclasses import replace

import lightgbm
import numpy as np
import pytest
from tests.training.conftest import LEVELS, make_contract, make_data, make_settings

from daytwo.core.errors import DataError, Refused
from daytwo.core.schema import Task
from daytwo.registry.bundle import BundleStore
from daytwo.scoring.model import Model
from daytwo.training.adopt import hold_against
from daytwo.training.candidate import TrainingRequest, train_candidate
from daytwo.training.foreign_model import read_foreign
from daytwo.training.same_scores import prove_scores

SCHEMA = make_contract().features
# The model's own order of columns, and of the carriers.
COLUMNS, CARRIERS = ["carrier", "noise", "wind"], tuple(reversed(LEVELS))


def at_home(data):
    wind, noise, codes = data.matrix[:, 0], data.matrix[:, 2], data.matrix[:, 3]
    return np.column_stack([len(LEVELS) - 1 - codes, noise, wind])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A model that learned elsewhere, its file, and the rows it is held against."""
    before = make_data(3000, seed=4)
    rows = lightgbm.Dataset(at_home(before), before.labels, feature_name=COLUMNS, categorical_feature=["carrier"])
    booster = lightgbm.train({"objective": "binary", "verbosity": -1, "num_threads": 1, "seed": 1}, rows, 40)
    path = tmp_path_factory.mktemp("model") / "model.txt"
    told = str(list(CARRIERS)).replace("'", '"')
    path.write_text(booster.model_to_string().replace("pandas_categorical:null", f"pandas_categorical:[{told}]"))
    return booster, path, make_data(6000, seed=9)


def test_columns_are_found_by_name_and_categories_by_their_values(made):
    booster, path, data = made
    adopted = hold_against(read_foreign(path), SCHEMA)
    assert adopted.inputs.positions == (3, 2, 0)
    assert adopted.inputs.codes == (tuple(range(len(LEVELS) - 1, -1, -1)), None, None)
    assert adopted.assumed == ()
    expected = booster.predict(at_home(data))
    assert np.array_equal(adopted.engine().many(data.matrix), expected)
    assert prove_scores(adopted.engine(), data.matrix, expected) == data.rows


def test_scores_that_do_not_come_again_are_refused_with_the_rows(made):
    booster, path, data = made
    wrong = hold_against(replace(read_foreign(path), ordered_levels=(LEVELS,)), SCHEMA)
    expected = booster.predict(at_home(data))
    with pytest.raises(Refused, match=r"\d+ of 6000 rows do not get the score that they had before \(row 1: 0\."):
        prove_scores(wrong.engine(), data.matrix, expected)
    with pytest.raises(DataError, match="no row bears an earlier score"):
        prove_scores(wrong.engine(), data.matrix, np.full(data.rows, np.nan))


def test_codes_that_the_file_does_not_tell_are_named(made):
    adopted = hold_against(replace(read_foreign(made[1]), ordered_levels=()), SCHEMA)
    assert adopted.assumed == ("carrier",)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"columns": ("carrier", "noise", "gust")}, "reads gust, which is no feature"),
        ({"columns": ("carrier", "noise")}, "reads 3 columns a row and 2 are named"),
        ({"ordered_levels": (("a",), ("b",))}, "has 2 categories, and 1 of its columns"),
        ({"ordered_levels": (("x", "y"),)}, "carrier: the model knows x, y, the contract a, b"),
    ],
)
def test_a_model_that_does_not_fit_the_contract_is_told_why(made, change, match):
    with pytest.raises(DataError, match=match):
        hold_against(replace(read_foreign(made[1]), **change), SCHEMA)


def test_an_adopted_model_becomes_a_bundle_that_serves_what_it_served(made, tmp_path):
    booster, path, data = made
    adopted = hold_against(read_foreign(path), SCHEMA)
    request = TrainingRequest(make_contract(), make_settings(), seed=1, adopted=adopted)
    candidate = train_candidate(request, data)
    assert candidate.recommended == "reference"
    model = Model.load(BundleStore(tmp_path).put(candidate.files, candidate.manifest))
    calibrated = model.calibration.many(booster.predict(at_home(data)))
    assert np.array_equal(model.score_many(data.matrix), calibrated)
    assert candidate.manifest.lineage.parameters["reference"] == {"adopted": adopted.told}
    assert len(model.explain(data.matrix[0].tolist(), {"wind": 1.0, "age": 1.0, "noise": 1.0, "carrier": "a"})) > 0


def test_a_model_of_log_odds_is_refused_for_two_classes(tmp_path):
    data = make_data(3000, task=Task.REGRESSION)
    rows = lightgbm.Dataset(at_home(data), data.labels, feature_name=COLUMNS)
    booster = lightgbm.train({"objective": "regression", "verbosity": -1, "num_threads": 1}, rows, 20)
    booster.save_model(tmp_path / "model.txt")
    adopted = hold_against(read_foreign(tmp_path / "model.txt"), SCHEMA)
    with pytest.raises(Refused, match=r"a probability lies in \[0, 1\]"):
        train_candidate(TrainingRequest(make_contract(), make_settings(), seed=1, adopted=adopted), make_data())
