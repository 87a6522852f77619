"""Champions that are Python code: one that fails and hangs by what it is asked, and one that waits until it is told."""

import threading
import time

import numpy as np
import pytest
from tests.serving.conftest import trip, trips_contract

from daytwo.contracts.encoder import Encoder
from daytwo.core.schema import Task
from daytwo.registry.bundle import Manifest
from daytwo.scoring.calibration import Calibration
from daytwo.scoring.foreign import code_digest, foreign_files
from daytwo.scoring.replay import Replay

# Sleeps at 30 mph, fails at 40.
CODE = {
    "wind.py": b"""import time
import numpy as np

def score(rows):
    if (rows[:, 0] == 30).any():
        time.sleep(1000)
    if (rows[:, 0] == 40).any():
        raise ValueError("too windy")
    return 1 / (1 + np.exp(2 - rows[:, 0].astype(float) / 15))
"""
}
DIGEST = code_digest("wind:score", CODE)


def put_code(place, entry, code, formula):
    """Make Python code the champion of a place, and return its digest; `formula` gives its scores by the wind."""
    contract = trips_contract()
    encoder, store = Encoder(contract), place.bundles
    other = store.get(store.list()[0])
    rows = np.array([encoder.row(trip(number, wind=float(number))) for number in range(20)], dtype=np.float32)
    files = {
        **foreign_files(entry, code),
        "contract.toml": other.read("contract.toml"),
        "payoff.json": other.read("payoff.json"),
        "calibration.json": Calibration().to_json(),
        "replay.npy": Replay(rows, formula(rows[:, 0].astype(float))).to_bytes(),
    }
    facts = {"model": "trips", "task": Task.BINARY, "metric": "roc_auc", "metrics": {"base_rate": 0.25}}
    place.route(store.put(files, Manifest(contract=contract.digest, **facts)).digest)
    return code_digest(entry, code)


@pytest.fixture
def foreign(own_place):
    """A place whose champion is Python code."""
    put_code(own_place, "wind:score", CODE, lambda wind: 1 / (1 + np.exp(2 - wind / 15)))
    return own_place


@pytest.fixture
def gate(foreign, tmp_path):
    """A champion that begins at 30 mph and ends once it is told to: its digest, and the two files that say so.

    What it was asked for stands in the file `asked` next to them, a line a call.
    """
    begun, end = tmp_path / "begun", tmp_path / "end"
    code = f"""import pathlib, threading

def score(rows):
    with open({str(tmp_path / "asked")!r}, "a") as told:
        print(*rows[:, 0], file=told)
    if (rows[:, 0] == 30).any():
        pathlib.Path({str(begun)!r}).touch()
        while not pathlib.Path({str(end)!r}).exists():
            threading.Event().wait(0.001)
    return rows[:, 0].astype(float) / 100
"""
    return put_code(foreign, "wait:score", {"wait.py": code.encode()}, lambda wind: wind / 100), begun, end


def until_there(path):
    ends = time.monotonic() + 30
    while not path.exists() and time.monotonic() < ends:
        threading.Event().wait(0.001)
