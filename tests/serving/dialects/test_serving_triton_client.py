"""Triton's own HTTP client on a running server; it lives in an environment of its own (`make setup-clients`)."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from tests.serving.conftest import trip

CHECKS = Path(__file__).parent / "triton_client_checks.py"
PYTHON = Path(__file__).parents[3] / ".venv/peers/clients/bin/python"

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="make setup-clients installs Triton's client")


@pytest.fixture(scope="module")
def told(shared):
    rows = [trip(number) for number in range(5)]
    given = {"rows": rows, "scores": [one["score"] for one in shared.predict(rows)["predictions"]]}
    run = subprocess.run(
        [PYTHON, CHECKS, f"127.0.0.1:{shared.port}"],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize("check", re.findall(r"^def (check_\w+)", CHECKS.read_text(), re.MULTILINE))
def test_triton_client(told, check):
    assert not told[check], told[check]
