"""A served model that is Python code: it dies or hangs under a running server, which goes on answering."""

import json
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tests.serving.answering.conftest import DIGEST, until_there
from tests.serving.conftest import Place, make_bundle, raw, shipped, trip, wait_for

from daytwo.registry.route import read_route
from daytwo.scoring.foreign import PYTHON_FILE
from daytwo.serving.client import Client


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


def test_others_are_answered_while_a_model_is_busy(serve, foreign, gate, tmp_path):
    """What one waits for happens only once the others have their answers: were they not answered, none would be."""
    digest, begun, end = gate
    second = Place(tmp_path / "second")
    second.folder.mkdir()
    second.route(make_bundle(second.bundles, seed=7).digest)
    other = {
        "model": "second",
        "bundles": str(second.folder / "bundles"),
        "route": str(second.folder / "route.json"),
        "journal": str(second.journal),
        "fallback": 0.125,
        "salt": "pepper",
    }
    client = serve(trust=[digest], python_deadline_s=60.0, others=[other])
    with ThreadPoolExecutor() as threads, Client("127.0.0.1", client.port, patience_s=60) as waits:
        late = threads.submit(waits.predict, [trip(1, wind=30.0), trip(2, wind=15.0)], request_id="mine")
        until_there(begun)
        with Client("127.0.0.1", client.port, patience_s=60, model="second") as second_client:
            assert second_client.predict([trip(1)])["predictions"][0]["arm"] == "champion"
        assert raw(client, "GET", "/health")[0] == 200
        assert client.route()["champion"]
        assert not late.done()
        end.touch()
        told = late.result(60)
    assert [(one["arm"], one["score"]) for one in told["predictions"]] == [("champion", 0.3), ("champion", 0.15)]
    client.rotate()
    kept = shipped(foreign).read("predictions")
    assert kept["_id"].to_list() == [one["prediction_id"] for one in told["predictions"]]


def test_a_model_that_hangs_again_and_again_rests(serve, foreign):
    client = serve(trust=[DIGEST], python_deadline_s=0.2)
    for _ in range(5):
        assert answer(client, 30.0)["arm"] == "fallback"
    assert answer(client, 15.0)["warnings"][0]["rule"] == "model_unasked"
    assert [one["code"] for one in problems(client)] == ["breaker"]


def test_a_busy_shadow_holds_up_nobody(serve, foreign, gate):
    digest, begun, end = gate
    shadow = read_route(foreign.folder / "route.json").champion
    foreign.route(make_bundle(foreign.bundles, seed=4).digest, shadow=shadow)
    client = serve(trust=[digest], python_deadline_s=60.0)
    wait_for(client, foreign.generation)
    assert answer(client, 30.0)["arm"] == "champion"
    until_there(begun)
    assert answer(client, 30.0)["arm"] == "champion"
    assert 'daytwo_shadow_queue_rows{model="trips"} 2' in client.metrics()
    end.touch()
    client.rotate()
    assert 'daytwo_shadow_rows_total{model="trips"} 2' in client.metrics()


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
