"""A served model that is Python code: it dies or hangs under a running server, which goes on answering."""

import json
import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
from tests.serving.conftest import make_bundle, raw, shipped, trip, trips_contract, wait_for

from daytwo.contracts.encoder import Encoder
from daytwo.core.schema import Task
from daytwo.registry.bundle import Manifest
from daytwo.scoring.calibration import Calibration
from daytwo.scoring.foreign import PYTHON_FILE, code_digest, foreign_files
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


@pytest.fixture
def foreign(own_place):
    """A place whose champion is Python code."""
    contract = trips_contract()
    encoder, store = Encoder(contract), own_place.bundles
    other = store.get(store.list()[0])
    rows = np.array([encoder.row(trip(number, wind=float(number))) for number in range(20)], dtype=np.float32)
    expected = 1 / (1 + np.exp(2 - rows[:, 0].astype(float) / 15))
    files = {
        **foreign_files("wind:score", CODE),
        "contract.toml": other.read("contract.toml"),
        "payoff.json": other.read("payoff.json"),
        "calibration.json": Calibration().to_json(),
        "replay.npy": Replay(rows, expected).to_bytes(),
    }
    facts = {"model": "trips", "task": Task.BINARY, "metric": "roc_auc", "metrics": {"base_rate": 0.25}}
    own_place.route(store.put(files, Manifest(contract=contract.digest, **facts)).digest)
    return own_place


def model_process(server):
    """The process id of the server's model: the child of one of its threads."""
    children = [one.read_text().split() for one in Path(f"/proc/{server.pid}/task").glob("*/children")]
    (model,) = [int(pid) for of_thread in children for pid in of_thread]
    return model


def answer(client, wind):
    return client.predict([trip(1, wind=wind)])["predictions"][0]


def answered(client, wind):
    for _ in range(1000):
        found = answer(client, wind)
        if found["arm"] == "champion":
            return found
        threading.Event().wait(0.01)
    raise AssertionError(found)


def test_a_killed_model_falls_back_and_comes_back(serve, foreign):
    client = serve(trust=[DIGEST])
    good = answer(client, 15.0)
    assert good["arm"] == "champion"
    assert good["score"] == pytest.approx(1 / (1 + np.exp(1)))
    os.kill(model_process(foreign.processes[-1]), signal.SIGKILL)
    fallen = answer(client, 15.0)
    assert (fallen["arm"], fallen["score"]) == ("fallback", 0.25)
    assert answered(client, 15.0)["score"] == good["score"]


def test_a_hanging_model_falls_back_at_its_deadline_and_comes_back(serve, foreign):
    client = serve(trust=[DIGEST], python_deadline_s=0.3)
    assert answer(client, 30.0)["arm"] == "fallback"
    assert answered(client, 15.0)["arm"] == "champion"


def test_reasons_are_absent_and_blocks_are_answered(serve, foreign):
    client = serve(trust=[DIGEST])
    told = client.predict([trip(1, wind=float(wind)) for wind in range(20)], explain=True)["predictions"]
    assert [one["arm"] for one in told] == ["champion"] * 20
    assert not any(one.get("reasons") for one in told)


def test_code_that_is_not_trusted_is_not_served(serve, foreign):
    client = serve()
    assert not client.ready()
    assert f'[serve] trust = ["{DIGEST}"]'.replace('"', '\\"') in foreign.log()


def problems(client):
    return json.loads(raw(client, "GET", "/v2/health/ready")[1])["problems"]


def test_a_model_that_fails_again_and_again_rests_and_comes_back(serve, foreign):
    client = serve(trust=[DIGEST])
    for _ in range(5):
        assert answer(client, 40.0)["warnings"][0]["rule"] == "model_failed"
    rested = answer(client, 15.0)
    assert (rested["arm"], rested["warnings"][0]["rule"]) == ("fallback", "model_unasked")
    (told,) = problems(client)
    assert (told["code"], told["model"]) == ("breaker", "trips")
    assert "5 calls in a row failed" in told["reason"]
    assert told["since"]
    version = client.route()["champion"][:12]
    assert f'daytwo_breaker_open{{model="trips",version="{version}"}} 1' in client.metrics()
    assert f'daytwo_unasked_rows_total{{model="trips",version="{version}"}} 1' in client.metrics()
    for _ in range(3):  # trials
        assert answered(client, 15.0)["arm"] == "champion"
    assert problems(client) == []
    lines = client.metrics().splitlines()
    assert f'daytwo_breaker_open{{model="trips",version="{version}"}} 0' in lines
    assert f'daytwo_breaker_opened_total{{model="trips",version="{version}"}} 1' in lines
    assert [state for state in ("open", "trying", "closed") if f'"state":"{state}"' in foreign.log()] == [
        "open",
        "trying",
        "closed",
    ]


def test_a_canary_that_rests_leaves_the_champion_alone_and_its_failures_reach_the_table(serve, foreign):
    store = foreign.bundles
    canary = next(one for one in store.list() if PYTHON_FILE in store.get(one).manifest.files)
    champion = make_bundle(store, seed=4).digest
    foreign.route(champion, canary=canary, canary_share=0.5)
    client = serve(trust=[DIGEST])
    wait_for(client, foreign.generation)
    for _ in range(12):
        told = client.predict([trip(number, wind=40.0) for number in range(40)])["predictions"]
        assert {one["arm"] for one in told} == {"champion", "fallback"}
        assert {one["version"] for one in told if one["arm"] == "fallback"} == {canary}
    assert [one["code"] for one in problems(client)] == ["breaker"]
    client.rotate()
    rows = shipped(foreign).read("predictions")
    failed = rows.filter((rows["_version"] == canary) & rows["_quarantine"].is_null())
    assert failed.height == 12 * sum(one["arm"] == "fallback" for one in told)
    assert set(failed["_arm"]) == {"fallback"}
