"""What `daytwo ci` hands to a project's own tests: the fixtures `candidate`, `rows` and `score`.

A pytest plugin, loaded by pytest alone; `project_tests.py` next door starts it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from daytwo.lifecycle.checking.project_tests import BUNDLES, DIGEST, ROWS
from daytwo.registry.bundle import BundleStore
from daytwo.scoring.model import Model


@pytest.fixture(scope="session")
def candidate() -> Model:
    """The candidate, loaded and proved."""
    return Model.load(BundleStore(Path(os.environ[BUNDLES])).get(os.environ[DIGEST]))


@pytest.fixture
def rows() -> pl.DataFrame:
    """The rows of the sample that kept the contract."""
    return pl.read_parquet(os.environ[ROWS])


@pytest.fixture(scope="session")
def score(candidate: Model) -> Callable[[pl.DataFrame], NDArray[np.float64]]:
    """Answers the rows of a table, one number a row."""
    return lambda frame: candidate.score_many(candidate.encoder.matrix(frame))
