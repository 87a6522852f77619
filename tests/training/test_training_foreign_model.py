"""Model files of other people: what is read from them, and what is never opened."""

import json
import pickle

import lightgbm
import numpy as np
import pytest
import xgboost
from tests.training.test_training_conversion import CATBOOST, CATBOOST_ANSWERS, CATBOOST_ROWS

from daytwo.core.errors import DataError, NotFound, Refused
from daytwo.scoring.engines import engine_of
from daytwo.training.foreign_model import read_foreign

NAMES = ["b", "a"]


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(3)
    return np.column_stack([rng.normal(size=500), rng.integers(0, 3, 500)]), rng.integers(0, 2, 500)


@pytest.fixture(scope="module")
def lightgbm_text(rows):
    data = lightgbm.Dataset(*rows, feature_name=NAMES, params={"verbosity": -1})
    return lightgbm.train({"objective": "binary", "verbosity": -1, "num_threads": 1}, data, 3).model_to_string()


def boosted(rows, **how):
    data = xgboost.DMatrix(*rows, feature_names=NAMES, feature_types=["q", "c"], enable_categorical=True)
    return xgboost.train({"objective": "binary:logistic", "nthread": 1}, data, 3, **how)


def test_lightgbm_text_tells_its_columns_and_the_levels_of_its_frame(lightgbm_text, tmp_path):
    path = tmp_path / "model.txt"
    path.write_text(lightgbm_text)
    assert read_foreign(path).columns == ("b", "a")
    path.write_text(lightgbm_text.replace("pandas_categorical:null", 'pandas_categorical:[["x", 2.0, true, 2.5]]'))
    assert read_foreign(path).ordered_levels == (("x", "2", "true", "2.5"),)
    path.write_text(lightgbm_text.replace("pandas_categorical:null", "pandas_categorical:[[}"))
    with pytest.raises(DataError, match="pandas categories are damaged"):
        read_foreign(path)


def test_a_lightgbm_model_of_an_array_has_no_names(rows, tmp_path):
    made = lightgbm.train({"objective": "binary", "verbosity": -1}, lightgbm.Dataset(*rows), 2)
    made.save_model(tmp_path / "model.txt")
    model = read_foreign(tmp_path / "model.txt")
    assert (model.columns, model.n_inputs) == ((), 2)


def test_xgboost_is_the_same_model_from_either_form(rows, tmp_path):
    booster = boosted(rows)
    for name in ("model.ubj", "model.json"):
        booster.save_model(tmp_path / name)
    binary, text = read_foreign(tmp_path / "model.ubj"), read_foreign(tmp_path / "model.json")
    assert binary.content == text.content
    assert binary.columns == text.columns == ("b", "a")
    assert binary.categories == {"a"}
    assert text.notes


def test_an_xgboost_model_that_stopped_early_must_be_cut_first(rows, tmp_path):
    booster = boosted(rows)
    booster.set_attr(best_iteration="0")
    booster.save_model(tmp_path / "model.ubj")
    with pytest.raises(Refused, match="holds 3 rounds and is best with 1"):
        read_foreign(tmp_path / "model.ubj")


def test_the_levels_that_xgboost_keeps_are_read(rows, tmp_path):
    booster = boosted(rows)
    learner = json.loads(booster.save_raw("json"))
    learner["learner"]["gradient_booster"]["model"]["cats"] = {
        "enc": [{"offsets": [], "values": []}, {"offsets": [0, 1, 3, 4], "values": [120, -61, -87, 122]}],
        "feature_segments": [0, 0, 3],
        "sorted_idx": [0, 2, 1],
    }
    (tmp_path / "model.json").write_text(json.dumps(learner))
    model = read_foreign(tmp_path / "model.json")
    assert model.levels == {"a": ("x", "é", "z")}
    assert not model.categories


def test_an_mlflow_folder_is_opened_and_its_signature_names_the_columns(rows, tmp_path):
    made = lightgbm.train({"objective": "binary", "verbosity": -1}, lightgbm.Dataset(*rows), 2)
    made.save_model(tmp_path / "model.lgb")
    signature = json.dumps([{"name": "b", "type": "double"}, {"name": "a", "type": "long"}])
    told = {"flavors": {"lightgbm": {"data": "model.lgb"}}, "signature": {"inputs": signature}}
    (tmp_path / "MLmodel").write_text(json.dumps(told))
    assert read_foreign(tmp_path).columns == ("b", "a")
    told["flavors"]["lightgbm"]["data"] = "../elsewhere.lgb"
    (tmp_path / "MLmodel").write_text(json.dumps(told))
    with pytest.raises(Refused, match="points outside"):
        read_foreign(tmp_path)
    (tmp_path / "MLmodel").write_text(json.dumps({"flavors": {"python_function": {}, "sklearn": {}}}))
    with pytest.raises(Refused, match="python_function, sklearn"):
        read_foreign(tmp_path)


class Trap:
    """A pickle that would tell if it were opened."""

    def __reduce__(self):
        return pytest.fail, ("a pickle was opened",)


@pytest.mark.parametrize("name", ["model.pkl", "model.joblib", "model", "model.skops"])
def test_no_pickle_is_opened_whatever_it_is_called(name, tmp_path):
    (tmp_path / name).write_bytes(pickle.dumps(Trap()))
    with pytest.raises(Refused, match="runs no pickles"):
        read_foreign(tmp_path / name)


@pytest.mark.parametrize("content", [b"", b"hello", b"{", b"{}", b'{"learner": 1}', b"tree\nversion=v4\n\n"])
def test_what_is_no_model_is_told(content, tmp_path):
    (tmp_path / "model.bin").write_bytes(content)
    with pytest.raises(DataError, match=r"model\.bin|the model is no Universal Binary JSON"):
        read_foreign(tmp_path / "model.bin")


def test_what_is_not_there_is_told(tmp_path):
    with pytest.raises(NotFound, match="there is no model"):
        read_foreign(tmp_path / "model.txt")
    with pytest.raises(NotFound, match="holds no MLmodel"):
        read_foreign(tmp_path)


def catboost_file(tmp_path, *, loss="Logloss", names=("wind", "age", "noise", "carrier"), **how):
    inputs = [
        one | {"feature_id": name} for one, name in zip(CATBOOST["features_info"]["float_features"], names, strict=True)
    ]
    told = CATBOOST | {"model_info": {"params": {"loss_function": {"type": loss}}}}
    told |= {"features_info": {"float_features": inputs, **how.pop("features", {})}} | how
    (tmp_path / "model.json").write_text(json.dumps(told))
    return tmp_path / "model.json"


def test_catboost_json_answers_as_catboost_did_and_tells_its_columns(tmp_path):
    model = read_foreign(catboost_file(tmp_path))
    assert (model.kind, model.n_inputs) == ("CatBoost", 4)
    assert model.columns == ("wind", "age", "noise", "carrier")
    scores = engine_of(model.file, model.content, 4).many(np.array(CATBOOST_ROWS, dtype=np.float32))
    assert scores == pytest.approx(CATBOOST_ANSWERS, abs=1e-12)
    assert read_foreign(catboost_file(tmp_path, names=tuple("0123"))).columns == ()


def test_the_bias_of_a_catboost_regression_counts(tmp_path):
    plain = read_foreign(catboost_file(tmp_path, loss="RMSE"))
    lifted = read_foreign(catboost_file(tmp_path, loss="RMSE", scale_and_bias=[1, [2.5]]))
    rows = np.array(CATBOOST_ROWS, dtype=np.float32)
    before, after = (engine_of(one.file, one.content, 4).many(rows) for one in (plain, lifted))
    assert after - before == pytest.approx(2.5)


def test_what_catboost_does_in_its_own_way_is_refused(tmp_path):
    with pytest.raises(Refused, match="the loss YetiRank cannot be taken over"):
        read_foreign(catboost_file(tmp_path, loss="YetiRank"))
    with pytest.raises(Refused, match="counts categories"):
        read_foreign(catboost_file(tmp_path, features={"categorical_features": [{"feature_id": "c"}]}))
    gappy = json.loads(catboost_file(tmp_path).read_text())
    gappy["features_info"]["float_features"][3]["flat_feature_index"] = 4
    (tmp_path / "model.json").write_text(json.dumps(gappy))
    with pytest.raises(Refused, match="texts or embeddings"):
        read_foreign(tmp_path / "model.json")
    lopsided = json.loads(catboost_file(tmp_path).read_text())
    del lopsided["oblivious_trees"]
    (tmp_path / "model.json").write_text(json.dumps(lopsided))
    with pytest.raises(Refused, match="not symmetric"):
        read_foreign(tmp_path / "model.json")
    (tmp_path / "model.json").write_text('{"features_info": {"float_fea')
    with pytest.raises(DataError, match="no CatBoost model that can be read"):
        read_foreign(tmp_path / "model.json")
    (tmp_path / "model.cbm").write_bytes(b"CBM1")
    with pytest.raises(Refused) as err:
        read_foreign(tmp_path / "model.cbm")
    assert "save_model(format='json')" in err.value.hint
