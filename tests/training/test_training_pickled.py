"""A pickle is opened only by who names its digest, once, and answers as data what it answered at home."""

import io
import os
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from lightgbm import LGBMClassifier
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from xgboost import XGBClassifier

from daytwo.core.digest import digest_bytes
from daytwo.core.errors import DataError, Refused
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.training.foreign_model import read_foreign
from daytwo.training.pickled import read_trusted

NAMES = ["km", "age", "price"]


def rows(n=1_500, seed=0):
    chance = np.random.default_rng(seed)
    matrix = chance.normal(size=(n, 3)) * [100.0, 1.0, 1e-3] + [5_000.0, 0.0, 0.0]
    labels = (chance.random(n) < 1 / (1 + np.exp(-(matrix[:, 0] - 5_000) / 50 - matrix[:, 1]))).astype(int)
    return matrix.astype(np.float32), labels


def trusted(path, content):
    path.write_bytes(content)
    return read_trusted(path, f"sha256:{digest_bytes(content)}")


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(12, max_depth=7, random_state=1),
        HistGradientBoostingClassifier(max_iter=12, random_state=1),
        XGBClassifier(n_estimators=12, n_jobs=1),
        make_pipeline(SimpleImputer(), RandomForestClassifier(5, random_state=1)),
        make_pipeline(SimpleImputer(), GradientBoostingRegressor(n_estimators=12, random_state=1)),
    ],
)
@pytest.mark.parametrize("ending", [".pkl", ".joblib", ".skops"])
def test_what_comes_out_answers_as_it_did_at_home(model, ending, tmp_path):
    matrix, labels = rows()
    model.fit(pd.DataFrame(matrix, columns=NAMES), labels)
    stream = io.BytesIO()
    if ending == ".joblib":
        joblib.dump(model, stream)
    content = {".pkl": pickle.dumps, ".skops": skops.io.dumps}.get(ending, lambda _model: stream.getvalue())(model)
    found = trusted(tmp_path / f"model{ending}", content)
    assert (found.columns, found.n_inputs) == (tuple(NAMES), 3)
    assert "sha256:" in found.notes[0]
    later, _ = rows(2_000, seed=9)
    frame = pd.DataFrame(later, columns=NAMES)
    expected = model.predict_proba(frame)[:, 1] if hasattr(model, "classes_") else model.predict(frame)
    assert np.allclose(LightgbmScorer(found.content, 3).many(later), expected, rtol=1e-6, atol=1e-6)


def test_lightgbm_brings_the_values_of_its_categories_along(tmp_path):
    matrix, labels = rows()
    frame = pd.DataFrame(matrix[:, :2], columns=NAMES[:2])
    frame["carrier"] = pd.Categorical(np.array(["AA", "B6", "DL"])[np.arange(len(frame)) % 3])
    model = LGBMClassifier(n_estimators=5, verbosity=-1, n_jobs=1).fit(frame, labels)
    found = trusted(tmp_path / "model.pkl", pickle.dumps(model))
    assert (found.kind, found.columns) == ("LightGBM", (*NAMES[:2], "carrier"))
    assert "sha256:" in found.notes[0]
    assert [*found.levels.values(), *found.ordered_levels] == [("AA", "B6", "DL")]


class Harm:
    """What a pickle may do to whoever opens it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_nothing_is_run_unless_exactly_these_bytes_were_named(tmp_path):
    content = pickle.dumps(Harm(str(tmp_path / "harm")))
    path = tmp_path / "model.pkl"
    path.write_bytes(content)
    for digest in ("0" * 64, digest_bytes(content + b"."), digest_bytes(content)[:-1]):
        with pytest.raises(Refused, match="it was not opened"):
            read_trusted(path, f"sha256:{digest}")
    with pytest.raises(Refused, match="daytwo runs no pickles") as caught:
        read_foreign(path)
    assert f"--trust sha256:{digest_bytes(content)}" in caught.value.hint
    assert not (tmp_path / "harm").exists()


def test_what_cannot_be_taken_over_is_refused_with_a_way_out(tmp_path):
    matrix, labels = rows(300)
    linear = LogisticRegression().fit(matrix, labels)
    with pytest.raises(Refused, match="has no trees"):
        trusted(tmp_path / "linear.pkl", pickle.dumps(linear))
    with pytest.raises(Refused, match="does not say what it reads"):
        trusted(tmp_path / "dict.pkl", pickle.dumps({"weights": [1.0]}))
    coded = HistGradientBoostingClassifier(max_iter=3, categorical_features=[1])
    coded.fit(np.column_stack([matrix[:, 0], np.arange(300) % 4]), labels)
    with pytest.raises(Refused, match="categories by codes of its own"):
        trusted(tmp_path / "coded.pkl", pickle.dumps(coded))
    with pytest.raises(Refused, match="categories by codes of its own"):
        trusted(tmp_path / "piped.pkl", pickle.dumps(make_pipeline(SimpleImputer().fit(matrix[:, :2]), coded)))
    with pytest.raises(DataError, match="cannot be opened"):
        trusted(tmp_path / "cut.pkl", pickle.dumps(linear)[:50])
