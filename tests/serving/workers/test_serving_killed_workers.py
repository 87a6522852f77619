from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.serving.conftest import contract_of, shipped, trip
from tests.serving.workers.conftest import kill_and_wait, pids_of

from daytwo.predictions.ship import ship
from daytwo.tables.memory import MemoryTables


def test_nothing_acknowledged_is_lost_or_doubled_when_workers_are_killed_under_load(workers, place):
    process, client = workers()
    stop, answered, acknowledged = threading.Event(), threading.Semaphore(0), []

    def load(number):
        mine, asked, request = [], client(), 0
        while not stop.is_set():
            rows = [trip(request * 10 + i) for i in range(request % 4 + 1)]
            answer = asked.predict(rows, request_id=f"{number}-{request}")
            mine += [(answer["request_id"], one["prediction_id"]) for one in answer["predictions"]]
            answered.release()
            if request % 20 == 19:  # a new connection may reach another worker
                asked.close()
            request += 1
        return mine

    tables = MemoryTables()
    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(load, number) for number in range(4)]
        try:
            for kill in range(4):
                kill_and_wait(process.pid, kill % 2)
                for _ in range(60):
                    assert answered.acquire(timeout=20)
                ship(place.journal, tables, contract_of(place))
        finally:
            stop.set()
        for one in running:
            acknowledged += one.result()
    client().rotate()
    ship(place.journal, tables, contract_of(place))
    recorded = tables.read("predictions").select("_request", "_id").rows()
    assert len(acknowledged) > 100
    assert Counter(recorded) == Counter(acknowledged)


def test_a_killed_supervisor_takes_its_workers_with_it(workers, place):
    process, _ = workers()
    pids = pids_of(process.pid)
    assert sorted(pids) == [0, 1]
    process.kill()
    process.wait()
    for pid in pids.values():
        while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
            threading.Event().wait(0.01)
    assert not list(place.journal.glob("*.open"))
    process, _ = place.start(workers=2)
    assert len(list(place.journal.glob(".workers-*"))) == 1


def test_an_attached_server_ends_all_its_workers_when_its_stdin_closes(place):
    command = [sys.executable, "-m", "daytwo.serving", "--attached", "--config", str(place.config(workers=2))]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    place.processes.append(process)
    assert process.stdout.readline()
    pids = pids_of(process.pid).values()
    process.stdin.close()
    assert process.wait(20) == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_a_worker_that_is_asked_to_stop_is_replaced_without_a_lost_request(workers, place):
    process, client = workers()
    old = pids_of(process.pid)
    some = [client() for _ in range(4)]
    for number in range(40):
        if number == 10:
            os.kill(old[0], signal.SIGTERM)
        some[number % 4].predict([trip(number)], request_id=f"r{number}")
    while pids_of(process.pid).get(0) in {None, old[0]}:
        threading.Event().wait(0.01)
    assert pids_of(process.pid)[1] == old[1]
    client().rotate()
    assert shipped(place).read("predictions").height == 40


def test_workers_find_each_other_again_after_their_folder_was_taken_away(workers, place):
    process, client = workers()
    some = [client() for _ in range(6)]
    ids = [one.predict([trip(1)], request_id="before")["predictions"][0]["prediction_id"] for one in some]
    shutil.rmtree(place.journal)
    while place.log().count("written anew") < 2 or place.log().count("made anew") < 2:
        threading.Event().wait(0.01)
    for number in range(30):
        same = {one.predict([trip(number)], request_id=f"r{number}")["predictions"][0]["prediction_id"] for one in some}
        assert len(same) == 1
        ids += same
    some[0].rotate()
    process.terminate()
    assert process.wait(20) == 0
    assert "Traceback" not in place.log()
    assert set(shipped(place).read("predictions")["_id"]) == set(ids)
