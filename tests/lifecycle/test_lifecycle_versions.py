"""Bundles that were made by older versions of daytwo are still watched."""

import lightgbm
import msgspec
import numpy as np
import pytest

from daytwo.core.schema import Task
from daytwo.lifecycle import versions
from daytwo.monitoring.estimating.estimator import Estimator
from daytwo.registry.bundle import BundleStore, Manifest
from daytwo.training.file_names import ESTIMATOR_FILE, ESTIMATOR_TREES


@pytest.fixture
def trees():
    draw = np.random.default_rng(1)
    matrix = draw.normal(size=(500, 7))
    booster = lightgbm.train({"verbosity": -1, "num_threads": 1}, lightgbm.Dataset(matrix, matrix[:, 6]), 5)
    return matrix.astype(np.float32), booster


def bundle_of(tmp_path, estimator, booster):
    """A bundle whose estimator says nothing of its trees' columns."""
    told = msgspec.json.decode(estimator.to_json())
    del told["columns"]
    files = {ESTIMATOR_FILE: msgspec.json.encode(told), ESTIMATOR_TREES: booster.model_to_string().encode()}
    manifest = Manifest(model="m", task=Task.REGRESSION, metric="mae", contract="0" * 64, metrics={"base_rate": 0.0})
    return BundleStore(tmp_path).put(files, manifest)


def test_trees_that_estimate_errors_tell_their_columns_themselves(tmp_path, trees):
    matrix, booster = trees
    raw = versions._raw(bundle_of(tmp_path, Estimator("error", Task.REGRESSION), booster))
    assert raw(matrix) == pytest.approx(booster.predict(matrix, raw_score=True))


def test_a_correction_of_an_older_form_is_not_used(tmp_path, trees):
    assert versions._raw(bundle_of(tmp_path, Estimator("boosted", Task.BINARY), trees[1])) is None
