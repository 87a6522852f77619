"""Several models in one server: each with its own route, journal and numbers, under its own name."""

from __future__ import annotations

import json
import signal
import subprocess

import pytest
from tests.serving.conftest import Place, make_bundle, raw, shipped, trip, trips_contract, wait_for

from daytwo.registry.bundle import BundleStore
from daytwo.serving.client import Client


@pytest.fixture
def second(tmp_path):
    """Another project: other bundles, another contract."""
    made = Place(tmp_path / "second")
    made.folder.mkdir()
    digest = make_bundle(made.bundles, seed=7, contract=trips_contract(3, maximum=30.0)).digest
    made.route(digest)
    return made


@pytest.fixture
def serve_both(serve, place, second):
    """Start one server of both and return a client of each model."""
    clients = []

    def start(**changes):
        other = {
            "model": "second",
            "bundles": str(second.folder / "bundles"),
            "route": str(second.folder / "route.json"),
            "journal": str(second.journal),
            "fallback": 0.125,
            "salt": "pepper",
        }
        first = serve(others=[other], **changes)
        clients.append(Client("127.0.0.1", first.port, patience_s=5, model="second"))
        return first, clients[-1]

    yield start
    for client in clients:
        client.close()


def counted(client, name):
    """Return the lines of one metric."""
    return {line for line in client.metrics().splitlines() if line.startswith(f"{name}{{")}


@pytest.mark.parametrize("workers", [1, 2])
def test_each_model_answers_under_its_name_and_keeps_to_its_own_journal(serve_both, place, second, workers):
    first, other = serve_both(workers=workers)
    rows = [trip(number) for number in range(40)]
    told = {"trips": first.predict(rows, request_id="same id"), "second": other.predict(rows, request_id="same id")}
    assert [told[name]["model"] for name in told] == ["trips", "second"]
    # A row that the second contract rejects is answered by its own fallback.
    high = next(i for i, row in enumerate(rows) if row["wind"] > 30)
    assert told["trips"]["predictions"][high]["arm"] == "champion"
    assert told["second"]["predictions"][high]["score"] == 0.125
    assert other.predict(rows, request_id="same id") == told["second"]
    identity = told["second"]["predictions"][0]["prediction_id"]
    assert other.prediction(identity)["version"] == second.bundles.list()[0]
    assert other.labels([{"prediction_id": identity, "label": 1}]) == 1
    other.feedback(identity, "accepted")
    status, body, _ = raw(first, "POST", "/v2/repository/index", b"{}")
    assert (status, {one["name"] for one in json.loads(body)}) == (200, {"trips", "second"})
    digest = second.bundles.list()[0]
    assert counted(first, "daytwo_predictions_total") >= {
        f'daytwo_predictions_total{{model="trips",version="{place.bundles.list()[0][:12]}",arm="champion"}} 40',
        (
            f'daytwo_predictions_total{{model="second",version="{digest[:12]}",arm="fallback"}} '
            f"{sum(row['wind'] > 30 for row in rows)}"
        ),
    }
    assert 'daytwo_labels_total{model="second"} 1' in counted(first, "daytwo_labels_total")
    first.rotate()
    for name, at in (("trips", place), ("second", second)):
        tables = shipped(at)
        ids = sorted(one["prediction_id"] for one in told[name]["predictions"])
        assert sorted(tables.read("predictions")["_id"]) == ids
        assert tables.read("labels").height == (name == "second")


def test_a_route_of_one_model_is_no_matter_of_the_other(serve_both, second, own_place):
    first, other = serve_both()
    before = first.route()["generation"]
    new = make_bundle(second.bundles, seed=8).digest
    second.route(new)
    wait_for(other, second.generation)
    assert other.predict([trip(1)])["predictions"][0]["version"] == new
    assert first.route()["generation"] == before
    (second.folder / "route.json").write_text("no route")
    for _ in range(500):
        told = json.loads(raw(first, "GET", "/v2/health/ready")[1])
        if told["problems"]:
            break
    assert [(one["model"], one["code"]) for one in told["problems"]] == [("second", "route")]
    assert (told["ready"], told["status"]) == (True, "degraded")
    assert first.predict([trip(1)])["predictions"][0]["arm"] == "champion"


def test_a_model_of_which_nothing_is_routed_says_so_and_the_other_answers(serve_both, second):
    (second.folder / "route.json").unlink()
    first, _ = serve_both()
    assert first.predict([trip(1)])["predictions"][0]["arm"] == "champion"
    assert raw(first, "POST", "/models/second/predict", b"[{}]", content_type="application/json")[0] == 503
    assert raw(first, "GET", "/v2/health/ready")[0] == 503
    index = json.loads(raw(first, "POST", "/v2/repository/index", b"{}")[1])
    assert [(one["name"], one["state"]) for one in index] == [("trips", "READY"), ("second", "UNAVAILABLE")]


@pytest.mark.parametrize(
    ("path", "status"),
    [("/models/third/predict", 404), ("/models/trips/nothing", 404), ("/v2/models/third/infer", 404)],
)
def test_what_there_is_not_is_named(shared, path, status):
    found, body, _ = raw(shared, "POST", path, b"[]", content_type="application/json")
    assert found == status
    assert b"trips" in body


def test_after_a_kill_each_model_knows_its_own_requests_again(serve_both, place, second):
    first, other = serve_both()
    told = first.predict([trip(1)], request_id="a"), other.predict([trip(2)], request_id="a")
    place.processes[0].send_signal(signal.SIGKILL)
    place.processes[0].wait()
    first, other = serve_both()
    assert (first.predict([trip(1)], request_id="a"), other.predict([trip(2)], request_id="a")) == told
    assert other.prediction(told[1]["predictions"][0]["prediction_id"])["arm"] == "champion"


def test_every_version_of_the_route_can_be_asked_by_name_and_counts_nowhere(serve, own_place):
    store, old = own_place.bundles, BundleStore(own_place.folder / "bundles").list()[0]
    canary, before = (make_bundle(store, seed=seed).digest for seed in (2, 3))
    own_place.route(old, canary=canary, canary_share=0.01, previous=before, holdout=0.5)
    client = serve()
    rows = [trip(number) for number in range(20)]
    client.predict([trip(1)])
    told = {}
    for digest in (old, canary, before):
        for _ in range(500):  # the champion before is loaded last
            path = f"/models/trips/versions/{digest[:8]}/predict"
            status, body, _ = raw(client, "POST", path, json.dumps(rows).encode(), content_type="application/json")
            if status == 200:
                break
        told[digest] = json.loads(body)["predictions"]
        assert {(one["version"], one["arm"]) for one in told[digest]} == {(digest, "asked")}
        assert raw(client, "GET", f"/v2/models/trips/versions/{digest[:6]}/ready")[0] == 200
    assert len({tuple(one["score"] for one in answers) for answers in told.values()}) == 3
    assert (
        raw(client, "POST", "/models/trips/versions/ffffff/predict", b"[{}]", content_type="application/json")[0] == 404
    )
    # A bad row of somebody who tries a version out does not come into quarantine.
    bad = json.dumps([trip(1, wind=-5.0)]).encode()
    raw(client, "POST", f"/models/trips/versions/{canary[:8]}/predict", bad, content_type="application/json")
    client.rotate()
    tables = shipped(own_place)
    arms = dict(tables.read("predictions").group_by("_arm").len().rows())
    assert arms.pop("asked") == 61
    assert sum(arms.values()) == 1
    assert tables.version("quarantine") is None


def test_a_journal_that_fails_refuses_what_is_posted_to_its_own_model_only(serve_both, place, second):
    second.journal.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(second.journal)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not permitted here")
    try:
        first, _ = serve_both()
        (second.journal / "ballast").write_bytes(bytes(80_000))
        body = json.dumps([trip(number) for number in range(10)]).encode()
        told = [raw(first, "POST", "/models/second/predict", body)[0] for _ in range(100)]
        assert set(told) == {200, 503}
        assert raw(first, "POST", "/models/second/predict", body)[0] == 503
        assert raw(first, "POST", "/predict", body)[0] == 200
        assert raw(first, "POST", "/models/trips/predict", body)[0] == 200
        (second.journal / "ballast").unlink()
    finally:
        place.stop()
        subprocess.run(["umount", "-l", str(second.journal)], check=True)
