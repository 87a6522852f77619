"""A real small project, and the real command line: each command in a process of its own.

Most commands run in a process that is forked from one that has imported everything already, so that a test pays for
the command and not for its imports. What is about the process itself (errors, signals) uses `fresh`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.lean import DOOR

from daytwo.alerts.alerts import take_in
from daytwo.core.finding import Finding, Severity
from daytwo.lifecycle.windows import Span, WindowRecord
from daytwo.value.costs import Cost
from daytwo.wiring import open_system

ROWS = 3_000
BEGIN = datetime(2013, 4, 1, tzinfo=UTC)
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one object on stdout."""
        assert self.out.count("\n") == 1, self.out
        return json.loads(self.out)


Daytwo = Callable[..., Said]


def made_up_rows(rows: int = ROWS, seed: int = 1, *, signal_strength: float = 1.0) -> pl.DataFrame:
    """Trips: late when the wind blows and the carrier is bad."""
    rng = np.random.default_rng(seed)
    wind, carrier = rng.gamma(4, 3, rows), rng.choice(["AA", "B6", "DL"], rows)
    odds = signal_strength * ((wind - 12) / 3 + np.where(carrier == "B6", 1.5, 0.0))
    late = rng.random(rows) < 1 / (1 + np.exp(-odds))
    at = np.datetime64("2013-01-01T00:00:00", "us") + np.arange(rows) * np.timedelta64(40, "m")
    return pl.DataFrame(
        {
            "at": at,
            "trip": [f"t{seed}-{i}" for i in range(rows)],
            "wind": np.round(wind, 2),
            "carrier": carrier,
            "seats": rng.integers(50, 300, rows),
            "late": late.astype(np.int8),
        }
    )


def forked(forks: Any, args: tuple[object, ...], cwd: Path, stdin: str = "", **env: str) -> Said:
    """Run a command in a process that need not import anything."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("in", "out", "err")]
        for file, text in zip(files, (stdin, "", ""), strict=True):
            file.write_text(text)
        code = forks.run(args, cwd, files, env)
        return Said(code, files[1].read_text(), files[2].read_text())


@pytest.fixture
def daytwo(forks: Any, tmp_path: Path) -> Daytwo:
    """Runs a command and returns what it answered; `cwd` is where, `stdin` what it is told."""

    def run(*args: object, cwd: Path | None = None, stdin: str = "", **env: str) -> Said:
        return forked(forks, args, cwd or tmp_path, stdin, **env)

    return run


@pytest.fixture
def fresh(tmp_path: Path) -> Daytwo:
    """Runs a command in a process from scratch, as a person does."""

    def run(*args: object, cwd: Path | None = None, stdin: str = "", **env: str) -> Said:
        done = subprocess.run(
            [sys.executable, "-c", DOOR, *map(str, args)],
            cwd=cwd or tmp_path,
            input=stdin,
            env=os.environ | env,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def rows_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "trips.parquet"
    made_up_rows().write_parquet(path)
    return path


@pytest.fixture(scope="session")
def live_project(forks: Any, tmp_path_factory: pytest.TempPathFactory, rows_file: Path) -> Path:
    """A project whose first version is live, made by `init` and `up --once` alone. Nobody changes it: copy it."""
    folder = tmp_path_factory.mktemp("live") / "trips"
    init = ["init", rows_file, "--target", "late", "--time", "at", "--key", "trip", "--owner", "ana", "--into", folder]
    up = ["up", "-C", folder, "--once", "--approve-as", "ben", "--port", 0, "--console-port", 0]
    for command in (init, up):
        said = forked(forks, tuple(command), folder.parent)
        assert said.code == 0, said.err
    return folder


@pytest.fixture
def project(live_project: Path, tmp_path: Path) -> Path:
    """A copy of the live project, to do anything with."""
    return Path(shutil.copytree(live_project, tmp_path / "trips"))


@pytest.fixture(scope="module")
def served_project(live_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy with its server running."""
    folder = Path(shutil.copytree(live_project, tmp_path_factory.mktemp("served") / "trips"))
    process = subprocess.Popen(
        [sys.executable, "-c", DOOR, "serve", "-C", str(folder), "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["port"]
    yield folder
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    process.stdout.close()


def figure(value, spread=0.02):
    return {"value": value, "low": value - spread, "high": value + spread, "maturity": None}


@pytest.fixture
def watched(project):
    """Three windows: two settled, the newest only watched, and two alerts."""
    system = open_system(project, {})
    finding = {
        "kind": "drift.column",
        "subject": "wind",
        "severity": "warning",
        "summary": "wind has moved",
        "next_step": "",
    }
    for index in range(3):
        span = Span(index, BEGIN + index * WEEK, BEGIN + (index + 1) * WEEK)
        seen = {
            "version": "0" * 64,
            "rows": 100 + index,
            "verdict": "drift" if index == 2 else "ok",
            "findings": [finding] if index == 2 else [],
            "estimated": {"roc_auc": figure(0.8 - index / 100), "money": figure(50.0, 5.0)},
            "budget": {"allowed": 0.07, "spent": 1},
        }
        came = {
            "rows": 100 + index,
            "labelled": 90,
            "champion_digest": "0" * 64,
            "live": {"roc_auc": figure(0.79), "money": figure(60.0, 5.0)},
            "static": {"roc_auc": figure(0.75), "money": figure(40.0, 5.0)},
            "decision": {"retrain": False, "words": "leave it: a fresh model would do no better"},
        }
        system.windows.put(WindowRecord(span, seen, came if index < 2 else None))
    findings = [
        Finding("drift.column", "wind", Severity.WARNING, "wind has moved", money_per_day=12.0, owner="ana"),
        Finding(
            "contract.type", "seats", Severity.CRITICAL, "seats [text] came as words", owner="ana", next_step="See"
        ),
    ]
    for alert in take_in(findings, (), at=BEGIN + 3 * WEEK, opened_by="watch w0002").opened:
        system.alerts.put(alert)
    system.costs.add(Cost("one", BEGIN, "training", 1.0, "cpu_s", 5.0))
    system.audit._engine.dispose()
    return project
