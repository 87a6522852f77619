"""The demo survives: whoever is killed at whatever moment, the same command again comes to the same end."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from daytwo.demo.flights import by_day, load_year

UNTIL = "2013-05-07"  # long enough for a retraining, its approval, shadow, canary and promotion
COMMAND = [sys.executable, "-c", "from daytwo.cli.main import main; main()", "demo", "--to", UNTIL, "--json", "--keep"]
# What is measured in time differs between any two runs.
_MEASURED = {"elapsed_s", "cost"}
pytestmark = pytest.mark.slow


def _start(folder: Path) -> subprocess.Popen:
    return subprocess.Popen([*COMMAND, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def _account(stdout: bytes) -> dict:
    account = json.loads(stdout)
    account["value"] = {key: value for key, value in account["value"].items() if key not in _MEASURED}
    return {key: value for key, value in account.items() if key not in _MEASURED}


def _children(pid: int) -> list[int]:
    with contextlib.suppress(FileNotFoundError):
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(child) for child in text.split()]
    return []


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> dict:
    process = _start(tmp_path_factory.mktemp("undisturbed") / "project")
    stdout, stderr = process.communicate(timeout=600)
    assert process.returncode == 0, stderr.decode()[-3000:]
    return _account(stdout)


def test_the_story_has_a_promotion_and_no_row_is_lost(undisturbed):
    assert [version["version"] for version in undisturbed["versions"]] == [1, 2]
    assert undisturbed["history"] == 77_809
    flights = sum(day.height for when, day in by_day(load_year()).items() if when <= date.fromisoformat(UNTIL))
    assert undisturbed["predictions"] == flights + undisturbed["replayed"]


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_random_moments_it_comes_to_the_same_end(undisturbed, tmp_path, seed):
    moments = random.Random(seed)
    kills = 0
    while True:
        process = _start(tmp_path / "project")
        patience = moments.uniform(3, 15) if kills < 6 else 600.0
        try:
            stdout, stderr = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            servers = _children(process.pid)
            if servers and moments.random() < 0.4:
                # Only the server dies: the demo must bring it back by itself.
                os.kill(servers[0], signal.SIGKILL)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.communicate(timeout=moments.uniform(1, 5))
            process.kill()
            process.communicate()
            kills += 1
            continue
        assert process.returncode == 0, stderr.decode()[-3000:]
        break
    assert kills >= 3
    assert _account(stdout) == undisturbed
