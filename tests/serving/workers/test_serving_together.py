from __future__ import annotations

import json
import re
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.serving.conftest import make_bundle, raw, shipped, trip, wait_for
from tests.serving.workers.conftest import kill_and_wait

from daytwo.core.errors import Conflict, NotFound
from daytwo.serving.client import Client


def test_one_request_id_sent_to_both_workers_at_once_is_recorded_once(workers, place):
    _, client = workers()
    each = [client() for _ in range(8)]
    for number in range(25):
        body = [trip(number)]
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda one, n=number, b=body: one.predict(b, request_id=f"same-{n}"), each))
        assert len({answer["predictions"][0]["prediction_id"] for answer in answers}) == 1
        labels = [{"key": f"trip-{number}", "label": 1}]
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(lambda one, n=number, t=labels: one.labels(t, request_id=f"l{n}"), each)) == {1}
    with pytest.raises(Conflict, match="used for other content"):
        each[0].predict([trip(99)], request_id="same-1")
    each[0].rotate()
    tables = shipped(place)
    assert tables.read("predictions").height == 25
    assert tables.read("labels").height == 25


def test_a_prediction_is_found_whichever_worker_is_asked_also_after_a_kill_and_with_other_workers(workers, place):
    process, client = workers()
    told = {}
    for number in range(12):
        told[f"r{number}"] = client().predict([trip(number)], request_id=f"r{number}")["predictions"][0]
    some = [client() for _ in range(8)]

    def all_found(some):
        for request, answer in told.items():
            for one in some:
                assert one.prediction(answer["prediction_id"])["request_id"] == request
            assert some[0].predict([trip(int(request[1:]))], request_id=request)["predictions"][0] == answer

    all_found(some)
    with pytest.raises(NotFound):
        some[0].prediction(next(iter(told.values()))["prediction_id"][:-1] + "f")
    kill_and_wait(process.pid, 0)
    all_found([client() for _ in range(8)])
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    _, port = place.start(workers=3)
    with_three = [Client("127.0.0.1", port, patience_s=20) for _ in range(6)]
    all_found(with_three)
    for one in with_three:
        one.close()


def test_counts_add_up_exactly_and_never_fall(workers):
    process, client = workers()
    some = [client() for _ in range(6)]
    for number in range(60):
        some[number % 6].predict([trip(number), trip(number + 1)], request_id=f"r{number}")
    with pytest.raises(NotFound):
        some[0].prediction("nothing")
    for one in some:
        lines = one.metrics().splitlines()
        assert 'daytwo_requests_total{path="/predict",status="200"} 60' in lines
        assert 'daytwo_requests_total{path="/predictions",status="404"} 1' in lines
        assert 'daytwo_request_seconds_count{path="/predict"} 60' in lines
        assert any(
            re.fullmatch(r'daytwo_predictions_total\{model="trips",version="\w+",arm="champion"\} 120', line)
            for line in lines
        )
        assert any(re.fullmatch(r'daytwo_score_count\{model="trips",version="\w+"\} 120', line) for line in lines)
        assert sum(line.startswith("daytwo_resident_bytes{worker=") for line in lines) == 2
    kill_and_wait(process.pid, 1)
    lines = client().metrics().splitlines()
    assert 'daytwo_requests_total{path="/predict",status="200"} 60' in lines
    assert sum(line.startswith("daytwo_cpu_seconds_total ") for line in lines) == 1


def test_all_segments_are_sealed_whichever_worker_is_asked(workers, place):
    _, client = workers()
    asked = client()
    for number in range(20):
        asked.predict([trip(number)], request_id=f"r{number}")
    status, body, _ = raw(asked, "POST", "/admin/rotate")
    told = json.loads(body)
    assert status == 200
    assert len(told["segments"]) == 2
    assert told["segment"] in told["segments"]
    assert sorted(path.stem for path in place.journal.glob("*.segment")) == sorted(told["segments"])
    assert shipped(place).read("predictions").height == 20


def test_a_new_route_and_its_shadow_reach_all_workers(own_place, workers):
    place = own_place
    other = make_bundle(place.bundles, seed=2, trees=5)
    _, client = workers()
    place.route(place.bundles.list()[0], shadow=other.digest)
    some = [client() for _ in range(6)]
    for one in some:
        wait_for(one, 2)
    for number in range(20):
        some[number % 6].predict([trip(number)], request_id=f"r{number}")
    some[0].rotate()
    assert shipped(place).read("shadow").height == 20
