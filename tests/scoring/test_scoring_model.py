import math
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest
from tests.scoring.conftest import train

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.toml_text import to_toml
from daytwo.core.errors import NotFound, Refused
from daytwo.core.schema import Kind, Task
from daytwo.core.settings import ValueSettings
from daytwo.explain.references import build_explainer
from daytwo.registry.bundle import BundleStore, Manifest
from daytwo.registry.trust import Trust
from daytwo.scoring import lightgbm_c, trees_c
from daytwo.scoring.calibration import Calibration
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.scoring.model import Model
from daytwo.scoring.payoff import Advice, Payoff
from daytwo.scoring.replay import Replay, hard_rows
from daytwo.scoring.trees_c import TreeScorer, missing_engine

LEVELS = tuple(f"R{i}" for i in range(41))
CONTRACT = Contract(
    "trips",
    1,
    "ops",
    (
        *(Column(f"x{i}", Kind.NUMBER, nullable=True) for i in range(4)),
        Column("kind", Kind.CATEGORY, levels=("a", "b", "c", "d"), nullable=True),
        Column("route", Kind.CATEGORY, levels=LEVELS, nullable=True),
        Column("late", Kind.INTEGER, role=Role.TARGET, levels=("0", "1")),
    ),
)
ROW = {"x0": 1.5, "x1": None, "x2": -0.25, "x3": 0, "kind": "b", "route": "R7"}


def make_files(booster, matrix, task=Task.BINARY):
    text = booster.model_to_string().encode()
    scorer, schema = LightgbmScorer(text, 6), CONTRACT.features
    calibration = Calibration("sigmoid", slope=0.8, intercept=0.1) if task is Task.BINARY else Calibration()
    rows = hard_rows(matrix, scorer.trees, schema)
    return {
        "model.txt": text,
        "contract.toml": to_toml(CONTRACT).encode(),
        "calibration.json": calibration.to_json(),
        "payoff.json": Payoff.from_settings(ValueSettings(true_positive="3 * x0"), task).to_json(),
        "replay.npy": Replay(rows, calibration.many(scorer.many(rows))).to_bytes(),
        "explainer.json": build_explainer(matrix, schema, task=task, outcome="late").to_json(),
    }


def manifest(task=Task.BINARY):
    return Manifest(model="trips", task=task, metric="roc_auc", contract=CONTRACT.digest)


@pytest.fixture
def store(tmp_path):
    return BundleStore(tmp_path)


@pytest.fixture
def files(boosters, matrix):
    return make_files(boosters["binary"], matrix)


def test_a_request_becomes_features_a_score_an_advice_and_reasons(store, files, boosters):
    model = Model.load(store.put(files, manifest()))
    features, breaches = model.decoder.check(ROW)
    assert breaches == ()
    score = model.score(features)
    raw = boosters["binary"].predict(np.array([features], dtype=np.float32))
    assert score == Calibration("sigmoid", slope=0.8, intercept=0.1).one(float(raw[0]))
    assert model.payoff.advise(score, ROW) == Advice(act=True, gain=pytest.approx(score * 4.5 - (1 - score)))
    told = model.explain(features, ROW, k=6)
    assert {reason.feature for reason in told} <= set(model.schema.names)
    assert told[0].words.endswith("points")
    raw_score, typical = model.engine.raw([features, model.explainer.reference])
    assert sum(reason.contribution for reason in told) == pytest.approx(raw_score - typical)
    assert model.typical_score == model.score(model.explainer.reference)


def test_one_row_many_rows_and_a_table_get_the_same_scores(store, files, matrix):
    model = Model.load(store.put(files, manifest()))
    assert [model.score(row) for row in matrix.tolist()] == model.score_many(matrix).tolist()
    table = pl.DataFrame([ROW, ROW | {"kind": None, "x0": 2.0}])
    rows = [model.encoder.row(row) for row in table.to_dicts()]
    assert model.score_many(model.encoder.matrix(table)).tolist() == [model.score(row) for row in rows]


def test_a_regression_gives_its_value(store, boosters, matrix):
    model = Model.load(
        store.put(make_files(boosters["regression"], matrix, Task.REGRESSION), manifest(Task.REGRESSION))
    )
    assert model.task is Task.REGRESSION
    assert np.array_equal(model.score_many(matrix), boosters["regression"].predict(matrix))
    assert model.payoff.advise(1.0, ROW) == Advice(act=None, gain=None)


def test_a_model_that_does_not_prove_its_replay_is_refused(store, files, boosters):
    changed = files | {"model.txt": boosters["binary"].model_to_string(num_iteration=29).encode()}
    with pytest.raises(Refused, match="does not give the scores it was proved with"):
        Model.load(store.put(changed, manifest()))
    changed = files | {"calibration.json": Calibration().to_json()}
    with pytest.raises(Refused, match="does not give the scores"):
        Model.load(store.put(changed, manifest()))


def test_a_contract_that_is_not_the_models_own_is_refused(store, files):
    other = msgspec.structs.replace(manifest(), contract="0" * 64)
    with pytest.raises(Refused, match="names the contract 000000000000 and holds"):
        Model.load(store.put(files, other))


@pytest.mark.parametrize("name", ["model.txt", "contract.toml", "calibration.json", "payoff.json", "replay.npy"])
def test_a_bundle_without_a_file_that_serving_needs_is_refused_by_name(store, files, name):
    without = {key: content for key, content in files.items() if key != name}
    with pytest.raises(NotFound, match=f"holds no {name}"):
        Model.load(store.put(without, manifest()))


def test_without_an_explainer_there_are_scores_and_no_reasons(store, files):
    del files["explainer.json"]
    model = Model.load(store.put(files, manifest()))
    assert math.isnan(model.typical_score)
    with pytest.raises(NotFound, match="no explainer"):
        model.explain([0.0] * 6, ROW)


@pytest.mark.skipif(bool(missing_engine()), reason="no tree engine was compiled here")
def test_our_own_engine_scores_without_loading_lightgbm_and_may_be_turned_off(store, files, monkeypatch):
    bundle = store.put(files, manifest())
    theirs = Model.load(replace(bundle, trust=Trust(engine="lightgbm")))
    assert (theirs.engine.name, theirs.slower) == ("lightgbm", "[serve] engine is lightgbm")
    monkeypatch.setattr(lightgbm_c, "_library", lambda: pytest.fail("LightGBM was loaded"))
    ours = Model.load(bundle)
    assert (ours.engine.name, ours.slower) == ("trees", "")
    rows = Replay.from_bytes(files["replay.npy"]).matrix
    monkeypatch.undo()
    assert np.array_equal(ours.score_many(rows), theirs.score_many(rows))


@pytest.mark.skipif(bool(missing_engine()), reason="no tree engine was compiled here")
def test_our_own_engine_is_passed_over_where_it_does_not_give_the_scores_of_the_replay_set(store, files, monkeypatch):
    right = TreeScorer.many
    monkeypatch.setattr(TreeScorer, "many", lambda self, matrix: np.minimum(right(self, matrix) + 0.01, 1))
    model = Model.load(store.put(files, manifest()))
    assert model.engine.name == "lightgbm"
    assert "our own engine is passed over: the model does not give the scores" in model.slower


def test_where_nothing_was_compiled_lightgbm_scores(store, files, monkeypatch):
    monkeypatch.setattr(trees_c, "LIBRARY", Path("/nowhere/_trees.so"))
    model = Model.load(store.put(files, manifest()))
    assert model.engine.name == "lightgbm"
    assert "no C compiler was found" in model.slower


def test_a_library_that_cannot_be_loaded_is_told_and_lightgbm_scores(store, files, monkeypatch, tmp_path):
    (tmp_path / "_trees.so").write_bytes(b"no library")
    monkeypatch.setattr(trees_c, "LIBRARY", tmp_path / "_trees.so")
    monkeypatch.setattr(trees_c, "_library", trees_c._library.__wrapped__)
    model = Model.load(store.put(files, manifest()))
    assert model.engine.name == "lightgbm"
    assert "cannot load" in model.slower


@pytest.mark.skipif(bool(missing_engine()), reason="no tree engine was compiled here")
def test_a_model_that_our_own_engine_does_not_know_is_scored_by_lightgbm(store, matrix):
    files = make_files(train("binary", sigmoid=0.7), matrix)
    model = Model.load(store.put(files, manifest()))
    assert model.engine.name == "lightgbm"
    assert "its objective is 'binary sigmoid:0.7'" in model.slower
