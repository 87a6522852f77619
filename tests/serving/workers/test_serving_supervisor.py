from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.serving.conftest import shipped, trip
from tests.serving.workers.conftest import pids_of

from daytwo.core.errors import Fault


def test_told_to_stop_all_workers_answer_what_has_begun(workers, place):
    process, client = workers()
    stop, answered, told = threading.Event(), threading.Semaphore(0), []

    def load(number):
        asked, mine = client(patience_s=0), []
        for request in range(10_000):
            try:
                answer = asked.predict([trip(request)], request_id=f"{number}-{request}")
            except Fault:
                if stop.is_set():
                    return mine
                raise
            mine += [one["prediction_id"] for one in answer["predictions"]]
            answered.release()
        return mine

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(load, number) for number in range(4)]
        for _ in range(80):
            assert answered.acquire(timeout=20)
        stop.set()
        process.send_signal(signal.SIGTERM)
        for one in running:
            told += one.result()
    assert process.wait(20) == 0, place.log()
    assert not list(place.journal.glob("*.open"))
    assert not list(place.journal.glob(".workers-*"))
    assert Counter(told) <= Counter(shipped(place).read("predictions")["_id"].to_list())


def test_a_port_that_another_server_of_ours_shares_is_refused(workers, place):
    process, client = workers()
    port = client().port
    for count in (1, 2):
        done = subprocess.run(
            [sys.executable, "-m", "daytwo.serving", "--config", str(place.config(port=port, workers=count))],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout) == (3, "")
        assert f"cannot listen on 127.0.0.1 port {port}" in done.stderr
    assert process.poll() is None


def test_workers_that_cannot_start_say_why(place):
    (place.folder / "bundles").unlink()
    (place.folder / "bundles").write_text("")
    command = [
        sys.executable,
        "-m",
        "daytwo.serving",
        "--config",
        str(place.config(workers=2, journal="/proc/journal")),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert "cannot write to the journal" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_supervisor_loads_nothing_that_only_workers_need(place):
    code = "import sys, daytwo.serving.__main__; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "uvloop", "httptools"} & {name.partition(".")[0] for name in done.stdout.split()}


def test_what_was_sent_over_kept_and_over_new_connections_before_the_stop_is_answered(workers, place):
    process, client = workers()
    port = client().port
    body = b'{"rows":[{}]}'
    request = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    kept = [socket.create_connection(("127.0.0.1", port)) for _ in range(12)]
    for one in kept:
        one.sendall(request)
        assert one.recv(1 << 16).startswith(b"HTTP/1.1 200")
    pids = [process.pid, *pids_of(process.pid).values()]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    fresh = [socket.create_connection(("127.0.0.1", port)) for _ in range(12)]
    for one in (*kept, *fresh):
        one.sendall(request)
    process.send_signal(signal.SIGTERM)
    for pid in reversed(pids):
        os.kill(pid, signal.SIGCONT)
    for one in (*kept, *fresh):
        with one:
            answer = b"".join(iter(lambda one=one: one.recv(1 << 16), b""))
        assert answer.startswith(b"HTTP/1.1 200")
    assert process.wait(20) == 0, place.log()
    assert shipped(place).read("quarantine").height == 36
