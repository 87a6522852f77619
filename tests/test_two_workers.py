"""Two `daytwo up` in two folders on one Postgres ledger: one leads; when it is killed the other one ends its work."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.running import make, server_of

from daytwo.core.settings_file import load_settings
from daytwo.lifecycle.records_sql import SqlReleaseBook
from daytwo.lifecycle.releases import Release, State
from daytwo.lifecycle.workers_sql import SqlWorkerBook

ROWS = 2_000


@pytest.fixture
def folders(postgres: Any, tmp_path: Path) -> tuple[Path, Path]:
    """Two folders of one project, which share a ledger, tables and versions, and the files to learn from."""
    one = make(tmp_path / "one", rows=ROWS)
    (tmp_path / "url").write_text(postgres.url())
    settings = one / "daytwo.toml"
    text = settings.read_text().replace('"rows/*.parquet"', json.dumps(f"{one}/rows/*.parquet"))
    wanted = {"ledger": f"file:{tmp_path}/url", "state": f"{tmp_path}/shared", "dead_after": "3s"}
    text = text[: text.index("[project]")] + "[project]\n"
    settings.write_text(text + "".join(f"{key} = {json.dumps(value)}\n" for key, value in wanted.items()))
    two = tmp_path / "two" / "project"
    two.mkdir(parents=True)
    for name in ("daytwo.toml", "contract.toml"):
        shutil.copy(one / name, two / name)
    return one, two


@pytest.fixture
def ledger_place(postgres: Any, folders: tuple[Path, Path]) -> tuple[str, Path, str]:
    return postgres.url(), folders[0], load_settings(folders[0], {}).settings.model.name


@pytest.fixture
def daytwo(forks: Any, tmp_path: Path) -> Callable[..., Any]:
    def run(*words: object) -> Any:
        files = [tmp_path / name for name in ("command.in", "command.out", "command.err")]
        for file in files:
            file.write_text("")
        assert forks.run(words, tmp_path, files, {}) == 0, files[2].read_text()
        said = files[1].read_text()
        return json.loads(said) if "--json" in words else said

    return run


def first(releases: SqlReleaseBook) -> Release | None:
    return releases.get("release-1")


def test_the_second_worker_ends_the_release_that_the_first_one_was_killed_in(start, daytwo, ledger, folders, tmp_path):
    releases, workers = SqlReleaseBook(ledger), SqlWorkerBook(ledger)
    one = start(folders[0], "--approve-as", "ben")
    one.wait_for(workers.leader)
    two = start(folders[1], "--approve-as", "ben")
    two.wait_for(lambda: len(workers.workers()) == 2 or first(releases) is not None)
    one.wait_for(lambda: first(releases) is not None)
    release = first(releases)
    assert release is not None
    one.end(signal.SIGKILL)
    assert release.state is State.TRAINING

    told = two.live()
    assert told["version"] == "v1"
    assert "ben approves release-1" in two.said()
    (leader,) = (one for one in workers.workers() if one.id == workers.leader())
    assert Path(leader.folder) == folders[1] / ".daytwo"
    # Nothing was lost, and nothing was done twice.
    status = daytwo("status", "-C", folders[1], "--json")
    assert [one["number"] for one in status["versions"]] == [1]
    assert pl.read_delta(str(tmp_path / "shared" / "tables" / "dataset")).height == ROWS
    costs = daytwo("value", "-C", folders[1], "--json")["costs"]
    assert set(costs) == {"training", "approval"}
    assert "is whole" in daytwo("audit", "verify", "-C", folders[1])

    # The first one comes back, follows, and its own server answers by the same version.
    again = start(folders[0])
    live = again.live()
    assert live["digest"] == told["digest"]
    assert server_of(folders[0]) != server_of(folders[1])
    answers = [
        json.loads(subprocess.run(["bash", "-c", one["try"]], capture_output=True, text=True, check=True).stdout)
        for one in (live, told)
    ]
    assert answers[0]["predictions"][0]["score"] == answers[1]["predictions"][0]["score"]
    listed = daytwo("flows", "list", "-C", folders[0], "--json")
    assert listed == {"flows": [], "runner": True}
    assert workers.leader() == leader.id
    # What both servers answered is in the tables that they share once both have stopped.
    assert two.end() == 0
    again.wait_for(lambda: workers.leader() not in {None, leader.id})
    assert again.end() == 0
    assert pl.read_delta(str(tmp_path / "shared" / "tables" / "predictions")).height == 2
    assert workers.workers() == ()
