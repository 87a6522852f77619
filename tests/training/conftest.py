"""Made rows with a known answer: one strong number, one strong category, noise, holes, and a time."""

import numpy as np
import pytest

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.core.schema import Kind, Task
from daytwo.core.settings import GateSettings, ModelSettings, Settings, ValueSettings
from daytwo.training.dataset import TrainingData

LEVELS = tuple("abcdef")


def make_contract(task=Task.BINARY):
    target = Column("late", Kind.INTEGER, Role.TARGET, levels=("0", "1") if task is Task.BINARY else ())
    numbers = [Column(name, Kind.NUMBER, nullable=True) for name in ("wind", "age", "noise")]
    return Contract("made", 1, "us", (*numbers, Column("carrier", Kind.CATEGORY, levels=LEVELS), target))


def make_data(n=6000, *, task=Task.BINARY, timed=True, seed=0, days=60):
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(n, 3))
    numbers[rng.random((n, 3)) < 0.05] = np.nan
    codes = rng.integers(0, len(LEVELS), size=n)
    signal = 1.5 * np.nan_to_num(numbers[:, 0]) + np.nan_to_num(numbers[:, 1]) ** 2 + (codes % 2) - 2.0
    labels = (rng.random(n) < 1 / (1 + np.exp(-signal))).astype(float)
    if task is Task.REGRESSION:
        labels = 10 * signal + rng.normal(size=n)
    seconds = np.sort(rng.integers(0, days * 86_400, size=n)).astype("timedelta64[s]")
    times = (np.datetime64("2013-01-01") + seconds).astype("datetime64[us]")
    matrix = np.column_stack([numbers, codes]).astype(np.float32)
    seats = rng.integers(50, 200, size=n).astype(float)
    return TrainingData(make_contract(task).features, matrix, labels, times if timed else None, {"seats": seats})


def make_settings(task=Task.BINARY, **gate):
    binary = task is Task.BINARY
    return Settings(
        model=ModelSettings(name="made", purpose="to know", task=task, target="late", owner="ops"),
        value=ValueSettings(true_positive="2 * seats - 100", false_positive=-100) if binary else ValueSettings(),
        gate=GateSettings(**{"metric": "roc_auc" if binary else "mae", "margin": 0.01 if binary else 1.0, **gate}),
    )


@pytest.fixture(scope="session")
def made():
    return make_data()


@pytest.fixture(scope="session")
def data_of():
    return make_data


@pytest.fixture(scope="session")
def settings_of():
    return make_settings


@pytest.fixture(scope="session")
def contract_of():
    return make_contract
