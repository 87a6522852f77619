"""`daytwo train` on a real terminal: it says how far it is, and a kill at any moment leaves nothing half done."""

from __future__ import annotations

import os
import pty
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import made_up_rows
from tests.lean import DOOR

from daytwo.lifecycle.releases import State
from daytwo.registry.bundle import BundleStore
from daytwo.scoring.model import Model
from daytwo.wiring import open_system

SEED = 20130401
KILLS = 3
MARK = b"\r\x1b[K"


@pytest.fixture(scope="module")
def untrained(forks, tmp_path_factory):
    from tests.cli.conftest import forked  # noqa: PLC0415 - a fixture of the module may not ask for that of a test

    folder = tmp_path_factory.mktemp("untrained")
    made_up_rows(600).write_parquet(folder / "trips.parquet")
    columns = ("--target", "late", "--time", "at", "--key", "trip", "--owner", "ana")
    for words in (("init", "trips.parquet", *columns, "--into", "p"), ("ingest", "-C", "p")):
        said = forked(forks, words, folder)
        assert said.code == 0, said.err
    return folder / "p"


def train_on_a_terminal(project: Path, kill_at: int | None = None) -> tuple[int, bytes]:
    """Train with stderr on a terminal; kill for good once that many lines of progress were shown."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", DOOR, "train", "-C", str(project), "--author", "ana", "--trials", "2"],
        stdout=subprocess.DEVNULL,
        stderr=slave,
    )
    os.close(slave)
    seen = b""
    try:
        while True:
            try:
                part = os.read(master, 65536)
            except OSError:  # the last one to hold the other end has ended
                break
            if not part:
                break
            seen += part
            if kill_at is not None and seen.count(MARK) >= kill_at:
                process.send_signal(signal.SIGKILL)
                kill_at = None
        return process.wait(timeout=60), seen
    finally:
        os.close(master)


def nothing_half_done(project: Path) -> list[str]:
    """Return the digests there are, each a whole bundle that loads and proves itself."""
    folder = project / ".daytwo" / "bundles"
    store = BundleStore(folder)
    for digest in store.list():
        Model.load(store.get(digest))
    left = [one.name for one in folder.iterdir() if len(one.name) != 64] if folder.is_dir() else []
    assert all(name.startswith(".") for name in left), left
    system = open_system(project, {})
    try:
        assert all(one.state in {State.TRAINING, State.REFUSED, State.WAITING} for one in system.releases.releases())
        assert len(system.releases.releases()) <= 1
        assert all(not one.digest or one.digest in store.list() for one in system.releases.releases())
    finally:
        system.close()
    return list(store.list())


def test_progress_is_shown_and_taken_away_and_a_kill_at_any_moment_changes_no_byte(untrained, tmp_path):
    whole = Path(shutil.copytree(untrained, tmp_path / "whole"))
    code, seen = train_on_a_terminal(whole)
    assert code in {0, 1}
    for words in (
        b"search: 2 of 2 recipes",
        b"reference: 10 of at most",
        b"students: ",
        b"comparing variants",
        b"gating",
    ):
        assert words in seen
    # Nothing that was shown on the line stands when the command answers.
    assert seen.rstrip(b"\r\n").endswith(MARK)
    (expected,) = nothing_half_done(whole)
    lines = seen.count(MARK)
    assert lines > 15

    chance = random.Random(SEED)
    killed = Path(shutil.copytree(untrained, tmp_path / "killed"))
    for _ in range(KILLS):
        code, _ = train_on_a_terminal(killed, kill_at=chance.randint(1, lines - 2))
        assert code == -signal.SIGKILL
        nothing_half_done(killed)
    code, _ = train_on_a_terminal(killed)
    assert code in {0, 1}
    assert nothing_half_done(killed) == [expected]
    assert not list((killed / ".daytwo" / "bundles").glob(".*.draft"))


def test_a_pipe_gets_no_progress(untrained, tmp_path, daytwo):
    project = Path(shutil.copytree(untrained, tmp_path / "piped"))
    said = daytwo("train", "-C", project)
    assert said.code in {0, 1}
    assert said.err == "release-1: training and gating ...\n"
