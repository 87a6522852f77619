"""serve: it says where predictions are once they are, and nothing before it gives up."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from daytwo.registry.route import read_route

LEAN = "import sys; sys.modules |= dict.fromkeys(('sklearn', 'pandas', 'matplotlib')); "
DOOR = LEAN + "from daytwo.cli.main import main; sys.argv[0] = 'daytwo'; main()"


@pytest.fixture
def serve():
    """Starts `daytwo serve`, and lets nothing outlive the test."""
    began = []

    def begin(project: Path, *more: str, alone: bool = True) -> subprocess.Popen[str]:
        which = ("-C", str(project)) if alone else ()
        command = [sys.executable, "-c", DOOR, "serve", *which, "--port", "0", *more]
        began.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True))
        return began[-1]

    yield begin
    for server in began:
        server.kill()
        server.wait()
        server.stdout.close()


def test_the_address_is_told_when_the_server_can_answer(serve, project):
    """A route that lags behind the ledger, as a killed process leaves it, is written first."""
    route = project / ".daytwo" / "route.json"
    route.unlink()
    server = serve(project)
    line = server.stdout.readline()
    found = re.fullmatch(r"trips: predictions at (http://127\.0\.0\.1:\d+)/predict; Ctrl-C stops it\.\n", line)
    assert found, line
    with urllib.request.urlopen(f"{found[1]}/v2/health/ready", timeout=10) as answer:
        assert answer.status == 200
    assert read_route(route) is not None
    server.send_signal(signal.SIGTERM)
    assert server.stdout.read() == ""
    assert server.wait(timeout=20) == 0


def test_several_workers_are_one_server(serve, project):
    server = serve(project, "--workers", "2")
    address = re.search(r"http://[\d.:]+", server.stdout.readline())[0]
    with urllib.request.urlopen(f"{address}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    assert sum(line.startswith("daytwo_resident_bytes{worker=") for line in lines) == 2
    server.send_signal(signal.SIGTERM)
    assert server.stdout.read() == ""
    assert server.wait(timeout=20) == 0


def test_a_server_that_cannot_start_names_no_address(project):
    """The port is taken after the command has looked at it: only the server itself can know."""
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    late = f"from daytwo.cli import serve; serve.port_for = lambda *_: {port}; "
    command = [sys.executable, "-c", LEAN + late + DOOR, "serve", "-C", str(project)]
    with taken:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 3
    assert done.stdout == ""
    assert f"{port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_before_anything_is_live_it_says_so(daytwo, serve, rows_file, tmp_path):
    assert daytwo("init", rows_file, "--target", "late", "--into", "p").code == 0
    assert "Nothing is live yet" in serve(tmp_path / "p").stdout.readline()


def test_several_projects_are_served_by_one_server(serve, daytwo, project, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(project, other)
    settings = other / "daytwo.toml"
    settings.write_text(settings.read_text().replace('name = "trips"', 'name = "tours"', 1))
    server = serve(project, str(project), str(other), alone=False)
    line = server.stdout.readline()
    found = re.fullmatch(r"trips, tours: predictions at (http://\S+)/models/NAME/predict; .* of tours: .*\n", line)
    assert found, line
    with urllib.request.urlopen(f"{found[1]}/models/trips/route", timeout=10) as answer:
        assert json.load(answer)["champion"]
    notes = [json.loads((one / ".daytwo" / "server.json").read_text()) for one in (project, other)]
    assert [one["model"] for one in notes] == ["", "tours"]
    assert notes[0]["pid"] == notes[1]["pid"]
    refused = daytwo("serve", "-C", str(other))
    assert refused.code == 1
    assert "runs already" in refused.err
    server.send_signal(signal.SIGTERM)
    assert server.wait(timeout=20) == 0
