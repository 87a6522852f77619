from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import threading

import msgspec
import pytest
from tests.serving.conftest import contract_of, raw, shipped, trip

from daytwo.core.errors import Fault
from daytwo.predictions.segments import sealed_segments
from daytwo.predictions.ship import ship
from daytwo.serving.client import Client
from daytwo.tables.memory import MemoryTables


def test_no_acknowledged_prediction_is_lost_or_doubled_when_the_server_is_killed(place):
    tables, acknowledged = MemoryTables(), []
    place.start(port=(port := _free_port()))
    client = Client("127.0.0.1", port, patience_s=20)
    for kill in range(6):
        done = threading.Event()

        def die(process=place.processes[-1], moment=0.02 * kill, done=done):
            done.wait(moment)
            process.kill()
            process.wait()
            place.start(port=port)

        killer = threading.Thread(target=die)
        killer.start()
        for request in range(30):
            rows = [trip(request * 10 + i) for i in range(request % 9 + 1)]
            answer = client.predict(rows, request_id=f"{kill}-{request}")
            acknowledged += [(answer["request_id"], one["prediction_id"]) for one in answer["predictions"]]
        killer.join()
        ship(place.journal, tables, contract_of(place))
    client.rotate()
    client.close()
    ship(place.journal, tables, contract_of(place))
    rows = tables.read("predictions").select("_request", "_id").rows()
    assert sorted(rows) == sorted(acknowledged)


def test_a_state_folder_that_is_taken_away_under_a_server_costs_nothing_that_was_acknowledged(serve, place):
    client = serve(sync_every_s=0.001)
    acknowledged = [client.predict([trip(number)])["predictions"][0]["prediction_id"] for number in range(20)]
    shutil.rmtree(place.journal)
    (place.folder / "route.json").unlink()
    acknowledged += [client.predict([trip(number)])["predictions"][0]["prediction_id"] for number in range(20, 40)]
    for _ in range(1000):
        problems = json.loads(raw(client, "GET", "/v2/health/ready")[1])["problems"]
        if problems and "written anew" in place.log():
            break
        threading.Event().wait(0.01)
    assert [one["code"] for one in problems] == ["route"]
    assert "is gone; the route before goes on" in problems[0]["reason"]
    process = place.processes[-1]
    process.terminate()
    assert process.wait(30) == 0
    assert "Traceback" not in place.log()
    assert shipped(place).read("predictions")["_id"].to_list() == acknowledged


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_full_disk_refuses_with_a_reason_and_recovers_by_itself(serve, place):
    place.journal.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(place.journal)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not permitted here")
    try:
        client = serve()
        patient = Client("127.0.0.1", client.port, patience_s=20)
        impatient = Client("127.0.0.1", client.port, patience_s=0)
        (place.journal / "ballast").write_bytes(bytes(80_000))
        ids, request, fault = [], 0, None
        while fault is None and request < 100:
            try:
                answer = impatient.predict([trip(i) for i in range(10)], request_id=str(request))
            except Fault as err:
                fault = str(err)
            else:
                ids += [one["prediction_id"] for one in answer["predictions"]]
                request += 1
        assert "cannot write to the journal" in fault
        assert ids
        status, health, _ = raw(client, "GET", "/v2/health/ready")
        assert (status, json.loads(health)["status"]) == (503, "unready")
        assert raw(client, "GET", "/v2/health/live")[0] == 200
        (place.journal / "ballast").unlink()
        answer = patient.predict([trip(1)], request_id=str(request))
        ids += [one["prediction_id"] for one in answer["predictions"]]
        assert client.ready()
        client.rotate()
        tables = MemoryTables()
        assert ship(place.journal, tables, contract_of(place)).damaged == ()
        assert tables.read("predictions")["_id"].to_list() == ids
        for one in (patient, impatient):
            one.close()
    finally:
        place.stop()
        subprocess.run(["umount", str(place.journal)], check=True)


def test_asked_to_stop_the_server_ends_what_has_begun(place):
    process, port = place.start()
    with socket.create_connection(("127.0.0.1", port)) as slow:
        body = msgspec.json.encode([trip(1)])
        head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        slow.sendall(head + body[:10])
        _wait_until_read(port)
        process.send_signal(signal.SIGTERM)
        slow.sendall(body[10:])
        answer = b""
        while piece := slow.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 200")
    assert process.wait(20) == 0
    assert not list(place.journal.glob("*.open"))
    assert shipped(place).read("predictions").height == 1


def _wait_until_read(port):
    """Return once the server has had a turn after everything that was sent before."""
    client = Client("127.0.0.1", port)
    client.route()
    client.close()


def test_an_old_segment_is_sealed_without_being_asked(serve, place):
    client = serve(segment_s=0.0)
    client.predict([trip(1)])
    for _ in range(2000):
        if sealed_segments(place.journal):
            break
        threading.Event().wait(0.005)
    assert shipped(place).read("predictions").height == 1
