"""The app in several real processes under uvicorn, which nobody told of each other."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.serving.conftest import contract_of, make_bundle, shipped, trip

from daytwo.core.errors import Conflict, NotFound
from daytwo.predictions.ship import ship
from daytwo.serving.client import Client
from daytwo.tables.memory import MemoryTables


class Uvicorn:
    """`uvicorn --workers N` on a free port, and clients of it."""

    def __init__(self, place, workers, **changes):
        self.log = place.folder / f"uvicorn-{len(place.processes)}.log"
        words = ["--factory", "daytwo.serving.asgi:app", "--port", "0", "--workers", str(workers), "--no-access-log"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "uvicorn", *words],
                env=os.environ | {"DAYTWO_SERVE": str(place.config(**changes))},
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        place.processes.append(self.process)
        self._clients = []
        self.started(workers)
        self.has("Uvicorn running on", 1)
        self.port = int(re.search(r"running on http://127\.0\.0\.1:(\d+) ", self.log.read_text())[1])

    def started(self, count):
        """Return once so many processes have started since the beginning."""
        self.has("Application startup complete", count)

    def has(self, words, count):
        while self.log.read_text().count(words) < count:
            assert self.process.poll() is None, self.log.read_text()
            threading.Event().wait(0.01)

    def client(self):
        self._clients.append(Client("127.0.0.1", self.port, patience_s=30))
        return self._clients[-1]

    def pids(self):
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in children if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()]

    def end(self):
        for one in self._clients:
            one.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(30) in {0, -signal.SIGTERM}  # alone, it ends as it was told to


@pytest.fixture
def uvicorn(place):
    started = []

    def start(workers, **changes):
        started.append(Uvicorn(place, workers, **changes))
        return started[-1]

    yield start
    for one in started:
        one.end()


def test_nothing_acknowledged_is_lost_or_doubled_when_processes_are_killed_under_load(uvicorn, place):
    server = uvicorn(4)
    stop, answered, acknowledged = threading.Event(), threading.Semaphore(0), []

    def load(number):
        mine, asked, request = [], server.client(), 0
        while not stop.is_set():
            rows = [trip(request * 10 + i) for i in range(request % 4 + 1)]
            answer = asked.predict(rows, request_id=f"{number}-{request}")
            mine += [(answer["request_id"], one["prediction_id"]) for one in answer["predictions"]]
            answered.release()
            if request % 5 == 4:  # a new connection may reach another process
                asked.close()
            request += 1
        return mine

    tables = MemoryTables()
    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(load, number) for number in range(4)]
        try:
            for kill in range(3):
                for _ in range(60):
                    assert answered.acquire(timeout=30)
                os.kill(server.pids()[kill], signal.SIGKILL)
                server.started(5 + kill)
                ship(place.journal, tables, contract_of(place))
            for _ in range(60):
                assert answered.acquire(timeout=30)
        finally:
            stop.set()
        for one in running:
            acknowledged += one.result()
    server.client().rotate()
    ship(place.journal, tables, contract_of(place))
    recorded = tables.read("predictions").select("_request", "_id").rows()
    assert len(acknowledged) > 100
    assert Counter(recorded) == Counter(acknowledged)


def test_one_request_id_sent_to_all_at_once_is_recorded_once_and_counted_by_each(uvicorn, place):
    server = uvicorn(3)
    each = [server.client() for _ in range(9)]
    for number in range(20):
        body, labels = [trip(number)], [{"key": f"trip-{number}", "label": 1}]
        with ThreadPoolExecutor(9) as pool:
            answers = list(pool.map(lambda one, n=number, b=body: one.predict(b, request_id=f"same-{n}"), each))
            assert set(pool.map(lambda one, n=number, t=labels: one.labels(t, request_id=f"l{n}"), each)) == {1}
        assert len({answer["predictions"][0]["prediction_id"] for answer in answers}) == 1
    with pytest.raises(Conflict, match="used for other content"):
        each[0].predict([trip(99)], request_id="same-1")
    told = each[0].metrics()
    assert 'daytwo_requests_total{path="/predict",status="200"} 180' in told
    assert 'daytwo_requests_total{path="/labels",status="200"} 180' in told
    assert len(re.findall(r"daytwo_resident_bytes\{worker=", told)) == 3
    each[0].rotate()
    tables = shipped(place)
    assert tables.read("predictions").height == 20
    assert tables.read("labels").height == 20


def test_what_was_answered_is_known_whoever_is_asked_after_a_kill_and_with_more_or_fewer(uvicorn, place):
    server = uvicorn(2)
    told = {}
    for number in range(16):
        told[f"r{number}"] = server.client().predict([trip(number)], request_id=f"r{number}")["predictions"][0]

    def all_known(server):
        for one in [server.client() for _ in range(4)]:
            for request, answer in told.items():
                assert one.prediction(answer["prediction_id"])["request_id"] == request
                assert one.predict([trip(int(request[1:]))], request_id=request)["predictions"][0] == answer
        with pytest.raises(NotFound):
            server.client().prediction(told["r0"]["prediction_id"][:-1] + "f")

    all_known(server)
    os.kill(server.pids()[0], signal.SIGKILL)
    all_known(server)  # while it is started again, too
    server.started(3)
    all_known(server)
    server.process.send_signal(signal.SIGTTIN)  # one more
    server.started(4)
    all_known(server)
    server.end()
    all_known(uvicorn(1))


def test_shadow_scores_that_a_killed_process_owed_are_made_by_another_once(uvicorn, own_place):
    champion = own_place.bundles.list()[0]
    own_place.route(champion, shadow=make_bundle(own_place.bundles, seed=5).digest)
    server = uvicorn(2)
    ids = []
    for number in range(60):
        with server.client() as one:
            (told,) = one.predict([trip(number)], request_id=f"r{number}")["predictions"]
            ids.append(told["prediction_id"])
        if number % 20 == 19:
            os.kill(server.pids()[number // 20 % 2], signal.SIGKILL)
    server.started(5)
    server.client().rotate()
    tables = shipped(own_place)
    assert sorted(tables.read("predictions")["_id"]) == sorted(ids)
    assert sorted(tables.read("shadow")["_id"]) == sorted(ids)


def test_they_find_each_other_again_after_their_folder_was_taken_away(uvicorn, place):
    server = uvicorn(2)
    some = [server.client() for _ in range(6)]
    ids = [one.predict([trip(1)], request_id="before")["predictions"][0]["prediction_id"] for one in some]
    shutil.rmtree(place.journal)
    server.has("written anew", 2)
    server.has("their folder was taken away", 2)
    for number in range(30):
        same = {one.predict([trip(number)], request_id=f"r{number}")["predictions"][0]["prediction_id"] for one in some}
        assert len(same) == 1
        ids += same
    os.kill(server.pids()[0], signal.SIGKILL)
    server.started(3)
    for number in range(30):
        one = server.client().predict([trip(number)], request_id=f"r{number}")["predictions"][0]
        assert one["prediction_id"] in ids
    server.client().rotate()
    assert "Traceback" not in server.log.read_text()
    assert set(shipped(place).read("predictions")["_id"]) == set(ids)
