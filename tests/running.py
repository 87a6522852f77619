"""A running `daytwo up` and small projects for it, for tests of everything at once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.lean import DOOR

from daytwo.project import Asked, make_project

PATIENCE_S = 60


def trips(rows=2_000, seed=1, strength=1.0):
    rng = np.random.default_rng(seed)
    wind = rng.gamma(4, 3, rows)
    late = rng.random(rows) < 1 / (1 + np.exp(-strength * (wind - 12) / 3))
    return pl.DataFrame(
        {
            "trip": [f"t{seed}-{i}" for i in range(rows)],
            "wind": wind,
            "seats": rng.integers(50, 300, rows),
            "late": late,
        }
    )


def make(folder: Path, **changes: object) -> Path:
    """Make a project that learns from every file in `rows/`."""
    (folder / "rows").mkdir(parents=True)
    trips(**changes).write_parquet(folder / "rows" / "first.parquet")
    data = {"source": "rows/*.parquet"}
    asked = Asked(folder / "rows" / "first.parquet", "late", key="trip", owner="ana", settings={"data": data})
    make_project(folder / "project", asked)
    (folder / "rows").rename(folder / "project" / "rows")
    return folder / "project"


class Up:
    """One running `daytwo up`: forked from a process that has imported everything, or from scratch."""

    def __init__(self, project: Path, *options: str, forks: Any = None, port: str = "0") -> None:
        self.project = project
        ports = ("--port", port) if port else ()
        words = ("up", "-C", str(project), *ports, "--console-port", "0", "--json", *options)
        log = project.parent / "up.err"
        if forks is not None:
            self.process = forks.begin(words, Path(tempfile.mkdtemp(dir=project.parent)), log)
            return
        with log.open("ab") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-c", DOOR, *words],
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
                env=os.environ | {"OMP_NUM_THREADS": "1"},
            )

    def live(self) -> dict[str, str]:
        """Wait until a version answers."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.said()
        told: dict[str, str] = json.loads(line)
        return told

    def said(self) -> str:
        return (self.project.parent / "up.err").read_text()

    def wait_for(self, what: Callable[[], object], *, running: bool = True) -> None:
        end = time.monotonic() + PATIENCE_S
        while not what():
            assert time.monotonic() < end, self.said()
            assert not running or self.process.poll() is None, self.said()
            time.sleep(0.02)

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.code()

    def code(self) -> int:
        """Wait for its end."""
        return self.process.wait(timeout=PATIENCE_S)


@pytest.fixture
def start(forks: Any) -> Iterator[Callable[..., Up]]:
    began: list[Up] = []

    def begin(project: Path, *options: str, from_scratch: bool = False, port: str = "0") -> Up:
        began.append(Up(project, *options, forks=None if from_scratch else forks, port=port))
        return began[-1]

    yield begin
    for one in began:
        if one.process.poll() is None:
            one.end(signal.SIGKILL)
        (one.process.stdout if isinstance(one.process, subprocess.Popen) else one.process).close()


@pytest.fixture(scope="session")
def first_live(forks: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose first version is live. Nobody changes it: `live` gives a copy."""
    up = Up(make(tmp_path_factory.mktemp("first")), "--approve-as", "ben", "--once", forks=forks)
    up.live()
    assert up.code() == 0, up.said()
    up.process.close()
    return up.project


@pytest.fixture
def live(first_live: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(first_live, tmp_path / "project"))


def server_of(project: Path) -> int:
    return int(json.loads((project / ".daytwo" / "server.json").read_text())["pid"])


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False
