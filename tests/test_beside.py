"""`daytwo up` beside a server that `daytwo serve` runs for two projects: who does what, who pays, who is refused."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest
from tests.lean import DOOR
from tests.running import is_running, make, server_of

from daytwo.beside import keeper_for
from daytwo.core.errors import Refused
from daytwo.server_note import ServerNote, note_server
from daytwo.wiring import open_system

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def serve(tmp_path):
    """Start `daytwo serve` for some folders, and return the process once it can answer, and its port."""
    begun = []

    def start(*folders, port="0"):
        words = ["serve", *map(str, folders), "--port", port, "--json"]
        with (tmp_path / "serve.err").open("ab") as log:
            process = subprocess.Popen([sys.executable, "-c", DOOR, *words], stdout=subprocess.PIPE, stderr=log)
        begun.append(process)
        line = process.stdout.readline()
        assert line, (tmp_path / "serve.err").read_text()
        return process, json.loads(line)["port"]

    yield start
    for process in begun:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def second(start, tmp_path):
    """A second project, live, whose model bears another name."""
    project = make(tmp_path / "of-second", seed=2)
    settings = project / "daytwo.toml"
    settings.write_text(re.sub(r'(?m)^name = "[^"]*"', 'name = "second"', settings.read_text(), count=1))
    once = start(project, "--approve-as", "ben", "--once")
    once.live()
    assert once.code() == 0
    return project


def posted(url, row):
    request = urllib.request.Request(url, json.dumps([row]).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["predictions"][0]


def test_up_lives_beside_a_server_of_several_projects_and_never_ends_it(serve, start, live, second):
    server, port = serve(live, second)
    up = start(second, port="")
    told = up.live()
    assert told["server"] == f"http://127.0.0.1:{port}/models/second"
    answer = posted(told["server"] + "/predict", told["example"])
    assert (answer["arm"], answer["version"]) == ("champion", told["digest"])
    again = start(second, port="")
    assert again.code() == 1, again.said()
    server.send_signal(signal.SIGTERM)
    assert server.wait(30) == 0
    up.wait_for(lambda: "which another command ran, has ended" in up.said())
    server, _ = serve(live, second, port=str(port))
    up.wait_for(lambda: "a server runs again" in up.said())
    assert up.end() == 0
    assert is_running(server.pid)
    assert server_of(second) == server.pid


@pytest.fixture
def system(live):
    return open_system(live)


def noted(system, **more):
    note_server(system.state, ServerNote("127.0.0.1", 1, os.getpid(), **more))


def test_a_server_that_an_up_looks_after_is_no_neighbour(system):
    noted(system, kept=True)
    with pytest.raises(Refused, match="runs already"):
        keeper_for(system, None)


def test_a_port_is_not_chosen_beside_a_server_that_runs(system):
    noted(system)
    with pytest.raises(Refused, match="Leave out --port"):
        keeper_for(system, 9000)


def test_a_project_pays_for_its_part_of_the_rows(system, monkeypatch):
    noted(system)
    name = system.settings.model.name
    metrics = [(100.0, 5, 5), (110.0, 25, 10), (120.0, 25, 60), (124.0, 26, 62)]

    class Client:
        def ready(self):
            return True

        def metrics(self):
            used, own, others = metrics[0]
            rows = {name: own, "other": others}
            lines = [
                f'daytwo_predictions_total{{model="{one}",version="v",arm="champion"}} {rows[one]}' for one in rows
            ]
            return "\n".join([*lines, f"daytwo_cpu_seconds_total {used}"]) + "\n"

        def close(self):
            pass

    found = keeper_for(system, None)
    monkeypatch.setattr(found, "client", Client)
    for hours in (0, 1, 2, 3):
        found.charge(NOW + timedelta(hours=hours))
        found.charge(NOW + timedelta(hours=hours, minutes=59))
        del metrics[0]
    ours = [one.quantity for one in system.costs.costs() if one.cause.startswith(f"serving:{os.getpid()}:")]
    assert ours == [8.0, pytest.approx(4.0 / 3.0)]
