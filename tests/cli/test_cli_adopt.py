"""adopt: a model that learned elsewhere becomes a candidate of a new project, is approved, and answers."""

from __future__ import annotations

import hashlib
import json
import pickle
import subprocess
import sys
from pathlib import Path

import lightgbm
import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import RandomForestClassifier
from tests.cli.conftest import made_up_rows

from daytwo.contracts.table.columnar import check
from daytwo.registry.versions import current_route
from daytwo.scoring.model import Model
from daytwo.wiring import open_system

CARRIERS = ["DL", "AA", "B6"]


def at_home(rows: pl.DataFrame) -> np.ndarray:
    codes = [CARRIERS.index(one) for one in rows["carrier"]]
    return np.column_stack([rows["seats"].to_numpy(), codes, rows["wind"].to_numpy()]).astype(np.float32)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the model's file, and rows with the scores that it gave them."""
    folder = tmp_path_factory.mktemp("elsewhere")
    before, rows = made_up_rows(seed=7), made_up_rows(seed=1)
    names = ["seats", "carrier", "wind"]
    data = lightgbm.Dataset(
        at_home(before), before["late"].to_numpy(), feature_name=names, categorical_feature=["carrier"]
    )
    booster = lightgbm.train({"objective": "binary", "verbosity": -1, "num_threads": 1, "num_leaves": 7}, data, 30)
    text = booster.model_to_string()
    (folder / "late.txt").write_text(text.replace("pandas_categorical:null", 'pandas_categorical:[["DL","AA","B6"]]'))
    (folder / "silent.txt").write_text(text)
    rows.with_columns(p=booster.predict(at_home(rows))).write_parquet(folder / "trips.parquet")
    return folder


def how(elsewhere: Path, folder: Path) -> list[object]:
    rows = elsewhere / "trips.parquet"
    asked = ["--reference", rows, "--target", "late", "--time", "at", "--key", "trip", "--score", "p"]
    return [*asked, "--owner", "ana", "--author", "ana", "--into", folder]


def test_an_adopted_model_goes_the_way_of_any_other(daytwo, elsewhere, tmp_path):
    folder = tmp_path / "trips"
    made = daytwo("adopt", elsewhere / "late.txt", *how(elsewhere, folder), "--json")
    assert made.code == 0, made
    told = made.json
    assert (told["kind"], told["inputs"], told["proved"], told["state"]) == ("LightGBM", 3, 3000, "waiting")

    again = daytwo("adopt", elsewhere / "late.txt", "-C", folder)
    assert again.code == 1
    assert "release-1 is under way" in again.err
    assert daytwo("approve", "release-1", "--as", "ben", "-C", folder).code == 0
    assert daytwo("up", "-C", folder, "--once", "--port", 0, "--console-port", 0).code == 0

    system = open_system(folder)
    route = current_route(system.registry)
    assert route is not None
    assert route.champion == told["digest"]
    model = Model.load(system.bundles.get(route.champion))
    rows = pl.read_parquet(elsewhere / "trips.parquet").head(50)
    booster = lightgbm.Booster(model_file=elsewhere / "late.txt")
    expected = model.calibration.many(booster.predict(at_home(rows)))
    matrix = model.encoder.matrix(check(model.contract, rows, labels=False).accepted)
    assert [model.score(row) for row in matrix.tolist()] == expected.tolist()


def test_what_cannot_be_proved_is_refused(daytwo, elsewhere, tmp_path):
    made = daytwo("adopt", elsewhere / "silent.txt", *how(elsewhere, tmp_path / "a"))
    assert made.code == 1
    assert "rows do not get the score that they had before" in made.err
    left_out = [one for one in how(elsewhere, tmp_path / "b") if one not in {"--score", "p"}]
    made = daytwo("adopt", elsewhere / "silent.txt", *left_out)
    assert made.code == 1
    assert "does not tell the codes of carrier" in made.err


def test_mistakes_are_told_before_anything_is_made(daytwo, elsewhere, tmp_path):
    (tmp_path / "model.pkl").write_bytes(b"\x80\x04.")
    for model, code, words in (
        (tmp_path / "model.pkl", 1, "daytwo runs no pickles"),
        (tmp_path / "nowhere.txt", 2, "there is no model"),
    ):
        made = daytwo("adopt", model, *how(elsewhere, tmp_path / "c"))
        assert (made.code, words in made.err) == (code, True), made
        assert not (tmp_path / "c").exists()
    made = daytwo("adopt", elsewhere / "late.txt", "--target", "late")
    assert (made.code, "a new project needs rows" in made.err) == (2, True)


def test_a_pickle_is_opened_by_its_digest_alone_and_no_bundle_holds_it(daytwo, tmp_path):
    before, rows = made_up_rows(seed=7), made_up_rows(1_500, seed=1)
    names = ["seats", "wind"]
    model = RandomForestClassifier(20, max_depth=5, random_state=1)
    model.fit(before.select(names).to_numpy().astype(np.float32), before["late"].to_numpy())
    found = model.predict_proba(rows.select(names).to_numpy().astype(np.float32))[:, 1]
    rows.with_columns(p=found).write_parquet(tmp_path / "trips.parquet")
    path = tmp_path / "late.pkl"
    path.write_bytes(pickle.dumps(model))
    digest = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    asked = (*how(tmp_path, tmp_path / "p"), "--columns", ",".join(names))

    refused = daytwo("adopt", path, *asked)
    assert (refused.code, f"--trust {digest}" in refused.err) == (1, True)
    wrong = daytwo("adopt", path, *asked, "--trust", "sha256:" + "0" * 64)
    assert (wrong.code, "it was not opened" in wrong.err) == (1, True)
    assert not (tmp_path / "p").exists()

    # The command as a person starts it: the other ones here run where scikit-learn is kept away.
    without = daytwo("adopt", path, *asked, "--trust", digest)
    assert (without.code, "pip install scikit-learn" in without.err) == (2, True)
    words = [str(one) for one in ("adopt", path, *asked, "--trust", digest, "--json")]
    door = "from daytwo.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", door, *words], capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["kind"], told["proved"], told["inputs"]) == ("RandomForestClassifier", 1500, 2)
    assert digest in told["notes"][0]
    path.unlink()
    system = open_system(tmp_path / "p", {})
    bundle = system.bundles.get(told["digest"])
    assert bundle.read("model.txt").startswith(b"tree\n")
    assert not [one for one in bundle.manifest.files if one.endswith((".pkl", ".joblib"))]
    # The inputs stand by name, in whatever order the contract has them.
    served = Model.load(bundle).engine
    place = {name: i for i, name in enumerate(Model.load(bundle).schema.names)}
    matrix = np.zeros((rows.height, len(place)), dtype=np.float32)
    for name in names:
        matrix[:, place[name]] = rows[name].to_numpy()
    assert np.allclose(served.many(matrix), found, atol=1e-6)
