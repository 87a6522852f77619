from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.serving.conftest import trip


def test_a_port_in_use_is_told_in_one_line(place):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "daytwo.serving", "--config", str(place.config(port=port))],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert f"cannot listen on 127.0.0.1 port {port}" in done.stderr
    assert "set another one" in done.stderr


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"colour": 1}, 2, "unknown field `colour`"),
        ({"host": "0.0.0.0"}, 2, "a token is needed"),
        ({"host": "0.0.0.0", "token": "secret"}, 2, "must be encrypted"),
        ({"private_key": "key.pem"}, 2, "set [serve] certificate too"),
        ({"certificate": "/nowhere.pem"}, 2, "cannot be used with the key"),
        ({"workers": -1}, 2, "one per core"),
        ({"token": "env:DAYTWO_NOT_SET"}, 2, "is empty"),
        ({"token": "file:/nowhere"}, 2, "cannot read the token"),
        ({"journal": "/proc/journal"}, 3, "cannot write to the journal"),
    ],
)
def test_a_server_that_cannot_start_says_why_in_one_line(place, changes, code, words):
    done = subprocess.run(
        [sys.executable, "-m", "daytwo.serving", "--config", str(place.config(**changes))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_the_serving_process_stays_light(serve, place):
    client = serve()
    client.predict([trip(1), trip(2, wind="x")], explain=True)
    loaded = Path(f"/proc/{place.processes[0].pid}/maps").read_text() if sys.platform == "linux" else ""
    for heavy in ("polars", "scipy", "pandas", "sklearn", "sqlalchemy", "deltalake"):
        assert f"/{heavy}/" not in loaded
    code = "import sys, daytwo.serving.__main__; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = {name.partition(".")[0] for name in done.stdout.split()}
    assert not modules & {"polars", "scipy", "pandas", "sklearn", "sqlalchemy", "dbos", "deltalake", "lightgbm"}
