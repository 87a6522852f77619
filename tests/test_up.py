"""`daytwo up` as a person meets it: a process tree that starts, goes on after any death, and stops in order."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.running import is_running, make, server_of, trips


@pytest.fixture
def daytwo(forks: Any, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*words: object) -> subprocess.CompletedProcess[str]:
        files = [tmp_path / name for name in ("command.in", "command.out", "command.err")]
        for file in files:
            file.write_text("")
        code = forks.run(words, tmp_path, files, {})
        return subprocess.CompletedProcess(words, code, files[1].read_text(), files[2].read_text())

    return run


def rows_in(project: Path) -> int:
    return int(pl.read_delta(str(project / ".daytwo" / "tables" / "dataset")).height)


def test_from_nothing_to_answers_with_a_person_in_between(start, daytwo, tmp_path):
    project = make(tmp_path)
    up = start(project, from_scratch=True)
    up.wait_for(lambda: "release-1 needs a yes: daytwo approve release-1 --as NAME" in up.said())
    own = daytwo("approve", "release-1", "--as", "daytwo", "-C", project)
    assert own.returncode == 1
    said = daytwo("approve", "release-1", "--as", "ben", "-C", project)
    assert said.returncode == 0, said.stderr
    told = up.live()
    assert (told["version"], told["server"][:17]) == ("v1", "http://127.0.0.1:")

    answer = subprocess.run(["bash", "-c", told["try"]], capture_output=True, text=True, check=True).stdout
    prediction = json.loads(answer)["predictions"][0]
    assert prediction["arm"] == "champion"
    assert prediction["key"] == told["example"]["trip"]
    with urllib.request.urlopen(told["console"], timeout=10) as page:
        assert "first is live" in page.read().decode() or page.status == 200

    server = server_of(project)
    second = daytwo("up", "-C", project, "--port", 0, "--console-port", 0)
    assert second.returncode == 1
    assert "a server of this project runs already" in second.stderr
    assert up.end() == 0
    assert not is_running(server)
    assert not (project / ".daytwo" / "server.json").exists()
    # What was answered is in the tables by now, and what it cost is in the books.
    explained = daytwo("explain", prediction["prediction_id"], "-C", project, "--json")
    assert json.loads(explained.stdout)["proved"] is True
    costs = json.loads(daytwo("value", "-C", project, "--json").stdout)["costs"]
    assert set(costs) == {"training", "approval", "serving"}


def test_new_files_are_taken_in_once_and_bad_ones_are_told_once(start, daytwo, live, tmp_path):
    project = live
    up = start(project)
    up.live()
    more = trips(500, seed=2)
    more.write_parquet(tmp_path / "more.parquet")
    (tmp_path / "more.parquet").rename(project / "rows" / "more.parquet")
    up.wait_for(lambda: "more.parquet: 500 rows in" in up.said())
    more.drop("wind").write_parquet(project / "rows" / "lost.parquet")
    more.write_parquet(project / "rows" / "copy.parquet")
    up.wait_for(lambda: "lost.parquet: the data has no column 'wind'" in up.said())
    assert up.end(signal.SIGINT) == 0
    assert rows_in(project) == 2_500
    again = start(project)
    again.live()
    assert again.end() == 0
    assert rows_in(project) == 2_500
    alerts = json.loads(daytwo("alerts", "list", "--json", "-C", project).stdout)["alerts"]
    assert [(one["kind"], one["subject"]) for one in alerts] == [("source.refused", "lost.parquet")]


def test_a_killed_server_is_started_again_on_its_port(start, live):
    project = live
    up = start(project)
    told = up.live()
    first = server_of(project)
    os.kill(first, signal.SIGKILL)
    up.wait_for(lambda: server_of(project) != first)
    answer = subprocess.run(["bash", "-c", told["try"]], capture_output=True, text=True, check=True).stdout
    assert json.loads(answer)["predictions"][0]["arm"] == "champion"
    up.wait_for(lambda: "the server died and is started again" in up.said())
    assert up.end() == 0


@pytest.mark.parametrize("moment", ["ingested", "waiting"])
def test_a_killed_up_goes_on_where_it_was_and_leaves_no_server_behind(start, daytwo, tmp_path, moment):
    project = make(tmp_path)
    up = start(project, "--approve-as", "ben")
    up.wait_for(lambda: moment in up.said())
    server = server_of(project)
    up.end(signal.SIGKILL)
    up.wait_for(lambda: not is_running(server), running=False)
    again = start(project, "--approve-as", "ben", "--once")
    assert again.live()["version"] == "v1"
    assert again.code() == 0
    assert rows_in(project) == 2_000
    status = json.loads(daytwo("status", "-C", project, "--json").stdout)
    assert [one["number"] for one in status["versions"]] == [1]
    assert daytwo("audit", "verify", "-C", project).returncode == 0


def test_a_first_version_that_learns_nothing_is_refused_until_something_changes(start, daytwo, tmp_path):
    project = make(tmp_path, strength=0.0)
    once = start(project, "--approve-as", "ben", "--once")
    assert once.code() == 1
    assert "not shown to beat the trivial model" in once.said()
    assert "next: " in once.said()
    again = start(project, "--approve-as", "ben", "--once")
    assert again.code() == 1
    status = json.loads(daytwo("status", "-C", project, "--json").stdout)
    assert [one["id"] for one in status["ended"]] == ["release-1"]  # the same rows were not tried twice
    trips(6_000, seed=3).write_parquet(project / "rows" / "better.parquet")
    better = start(project, "--approve-as", "ben", "--once")
    assert better.live()["version"] == "v1"
    assert better.code() == 0


def test_without_rows_it_says_so(start, tmp_path):
    project = make(tmp_path)
    (project / "rows" / "first.parquet").unlink()
    once = start(project, "--once")
    assert once.code() == 1
    assert "there are no rows to learn from" in once.said()


def test_the_maker_cannot_approve(start, tmp_path):
    project = make(tmp_path)
    up = start(project, "--approve-as", "daytwo")
    assert up.code() == 1
    assert "cannot approve" in up.said()
