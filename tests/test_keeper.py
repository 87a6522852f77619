"""The kept server: started again with pauses that grow, told once, charged for what it used."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from daytwo import keeper as module
from daytwo.core.errors import Fault
from daytwo.keeper import ServerKeeper, port_for
from daytwo.server_note import ServerNote, note_server, running_server
from daytwo.wiring import open_system

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SETTINGS = '[model]\nname = "trips"\ntarget = "late"\n[serve]\nport = 0\n'


class Process:
    """A server process that lives and dies as told."""

    def __init__(self, *_: object) -> None:
        self.alive, self.pid = False, 4_194_304  # no process has this id
        Process.started.append(self)

    started: ClassVar[list[Process]] = []
    refuses = False

    def start(self) -> int:
        if Process.refuses:
            raise Fault("it does not start", hint="look")
        self.alive = True
        return 4321

    def is_alive(self) -> bool:
        return self.alive

    def stop(self) -> None:
        self.alive = False


@pytest.fixture
def system(tmp_path):
    (tmp_path / "daytwo.toml").write_text(SETTINGS)
    made = open_system(tmp_path, {})
    yield made
    made.audit._engine.dispose()


@pytest.fixture
def kept(system, monkeypatch):
    moment = [0.0]
    Process.started, Process.refuses = [], False
    monkeypatch.setattr(module, "ServerProcess", Process)
    found = ServerKeeper(system, None, monotonic=lambda: moment[0])
    found.start()
    return found, moment


def test_a_server_that_lives_is_left_alone(kept):
    found, _ = kept
    assert found.keep(NOW) == []
    assert found.url == "http://127.0.0.1:4321"


def test_a_dead_server_is_started_again_after_a_pause_that_grows(kept, system):
    found, moment = kept
    waited = []
    for _ in range(4):
        Process.started[-1].alive = False
        begun = moment[0]
        while not found.keep(NOW):
            moment[0] += 0.05
        waited.append(moment[0] - begun)
    assert waited == sorted(waited)
    assert waited[0] < 1 < waited[-1]
    assert len(Process.started) == 5
    alerts = system.alerts.alerts()
    assert [(one.kind, one.severity) for one in alerts] == [("server.died", "warning")]
    moment[0] += 1_000.0  # it lived long: what kills it now is something new
    Process.started[-1].alive = False
    begun = moment[0]
    while not found.keep(NOW):
        moment[0] += 0.05
    assert moment[0] - begun < 1


def test_a_server_that_does_not_start_again_is_tried_again_and_again(kept):
    found, moment = kept
    Process.started[-1].alive = False
    Process.refuses = True
    told = []
    for _ in range(400):
        told += found.keep(NOW)
        moment[0] += 0.1
    assert 2 <= len(told) <= 12
    assert "cannot be started again: it does not start" in told[0].words
    Process.refuses = False
    for _ in range(400):
        found.keep(NOW)
        moment[0] += 0.1
    assert Process.started[-1].alive


def test_a_stopped_server_leaves_no_note(kept, system):
    found, _ = kept
    assert (system.state / "server.json").exists()
    found.stop()
    assert not (system.state / "server.json").exists()


def test_a_note_of_a_dead_process_is_no_server(system):
    note_server(system.state, ServerNote("127.0.0.1", 1, 4_194_304))
    assert running_server(system.state) is None


def test_what_a_server_used_is_charged_once_an_hour(kept, system, monkeypatch):
    found, _ = kept
    used = [10.0]

    class Client:
        def ready(self):
            return True

        def metrics(self):
            return f"daytwo_rows_total 5\ndaytwo_cpu_seconds_total {used[0]}\n"

        def close(self):
            pass

    monkeypatch.setattr(found, "client", Client)
    found.charge(NOW)
    found.charge(NOW + timedelta(minutes=59))
    assert system.costs.costs() == ()
    found.charge(NOW + timedelta(minutes=61))
    used[0] = 25.0
    found.charge(NOW + timedelta(minutes=62), at_once=True)
    assert [one.quantity for one in system.costs.costs()] == [10.0, 15.0]


def test_a_free_port_is_found_and_a_taken_one_refused(system):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with pytest.raises(Fault, match="in use"):
            port_for(system, taken.getsockname()[1])
        assert port_for(system, None) != taken.getsockname()[1]
