"""`daytwo train` with what a person tells it: weights, by the real command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.cli.conftest import made_up_rows


@pytest.fixture
def weighted(daytwo, tmp_path):
    """A project whose rows bear a weight: half of them, whose labels are wrong, count for nothing."""
    rows = made_up_rows(1_500)
    wrong = np.arange(rows.height) % 2 == 0
    late = np.where(wrong, 1 - rows["late"].to_numpy(), rows["late"].to_numpy())
    rows = rows.with_columns(late=late, counts=np.where(wrong, 0.0, 2.0))
    rows.write_parquet(tmp_path / "trips.parquet")
    said = daytwo(
        *("init", "trips.parquet", "--target", "late", "--time", "at", "--key", "trip", "--owner", "ana"),
        *("--exclude", "counts", "--into", "p"),
    )
    assert said.code == 0, said.err
    assert daytwo("ingest", "-C", "p").code == 0
    return tmp_path / "p"


@pytest.fixture
def small(daytwo, tmp_path):
    """A project of 600 rows, ready to train."""
    made_up_rows(600).write_parquet(tmp_path / "trips.parquet")
    start = (
        "init",
        "trips.parquet",
        "--target",
        "late",
        "--time",
        "at",
        "--key",
        "trip",
        "--owner",
        "ana",
        "--into",
        "p",
    )
    for words in (start, ("ingest", "-C", "p")):
        said = daytwo(*words)
        assert said.code == 0, said.err
    return tmp_path / "p"


def candidate_of(project: Path):
    (folder,) = (one for one in (project / ".daytwo" / "bundles").iterdir() if len(one.name) == 64)
    return json.loads((folder / "manifest.json").read_text()), (folder / "card.md").read_text()


def test_a_weight_column_counts_and_is_no_input(daytwo, weighted):
    said = daytwo("train", "-C", weighted, "--json", DAYTWO_TRAIN__WEIGHT="counts")
    assert said.code in {0, 1}, said.err
    manifest, card = candidate_of(weighted)
    assert "a row counts by its `counts`" in card
    # All figures count every row alike, and half of the labels here are lies: a model of the truth ranks at chance.
    assert abs(manifest["metrics"]["roc_auc"] - 0.5) < 0.1
    contract = (weighted / "contract.toml").read_text()
    assert 'role = "ignored"' in contract.split("[columns.counts]")[1].split("[columns")[0]


def test_a_weight_that_is_an_input_or_not_there_is_refused_with_a_way_out(daytwo, weighted):
    said = daytwo("train", "-C", weighted, DAYTWO_TRAIN__WEIGHT="seats")
    assert said.code == 1
    assert "names 'seats', which is a feature" in said.out
    said = daytwo("train", "-C", weighted, DAYTWO_TRAIN__WEIGHT="sets")
    assert "the column 'sets', which the rows do not have" in said.out
    said = daytwo("train", "-C", weighted, DAYTWO_TRAIN__WEIGHT="carrier", DAYTWO_TRAIN__CLASS_WEIGHT="0")
    assert said.code == 2
    assert "train.class_weight" in said.err


def test_a_search_is_asked_for_on_the_command_line_or_in_the_settings(daytwo, small):
    said = daytwo("train", "-C", small, "--trials", 3, "--json", DAYTWO_TRAIN__TRIALS="2")
    assert said.code in {0, 1}, said.err
    assert len(candidate_of(small)[0]["lineage"]["parameters"]["search"]["trials"]) == 3
    assert said.err == ""


def test_the_settings_search_is_made_unless_the_command_line_says_none(daytwo, small):
    environment = {"DAYTWO_TRAIN__TRIALS": "2"}
    said = daytwo("retrain", "-C", small, "--trials", 0, **environment)
    assert said.code in {0, 1}, said.err
    assert "search" not in candidate_of(small)[0]["lineage"]["parameters"]


def test_a_search_without_optuna_is_refused_before_anything_is_begun(fresh, small):
    blocked = small.parent / "blocked"
    blocked.mkdir()
    (blocked / "sitecustomize.py").write_text(
        "import importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda name, package=None: None if name == 'optuna' else find(name, package)\n"
    )
    said = fresh("train", "-C", small, "--minutes", "1", PYTHONPATH=str(blocked))
    assert said.code == 2
    assert "pip install 'daytwo[search]'" in said.err
    assert fresh("status", "-C", small, "--json").json["waiting"] == []
    assert not (small / ".daytwo" / "bundles").exists()
