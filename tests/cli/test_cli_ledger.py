"""`daytwo ledger`: a live project goes from its folder to Postgres and goes on there."""

from __future__ import annotations

import contextlib
import random
import select
import signal
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from daytwo.ledger_move import move_ledger
from daytwo.ledger_place import left_behind, records_of
from daytwo.wiring import open_system

NOW = datetime(2026, 11, 24, tzinfo=UTC)
# Each kill comes a little later than the one before, until the move has ended.
KILLS, STEP_S = 30, 0.006


def name_database(project: Path, postgres: Any, name: str) -> None:
    """Make a database, and name it in the settings."""
    postgres.run_alone(f"create database {name}")
    (project / "url").write_text(postgres.url(database=name))
    settings = project / "daytwo.toml"
    settings.write_text(settings.read_text().replace('ledger = ""', f'ledger = "file:{project}/url"', 1))


def test_a_live_project_goes_on_where_it_was(start, live, daytwo, postgres):
    before = daytwo("status", "-C", live, "--json").json
    told = daytwo("ledger", "-C", live, "--json").json
    assert told["place"].endswith("ledger.db")
    assert told["records"]["versions"] == 1
    said = daytwo("ledger", "move", "--as", "ana", "-C", live)
    assert said.code == 1
    assert "name no database" in said.err

    name_database(live, postgres, "moved")
    # Nobody begins a second life meanwhile.
    for command in (("status",), ("up", "--once"), ("train",)):
        refused = daytwo(*command, "-C", live)
        assert refused.code == 1
        assert "are still in" in refused.err
        assert "daytwo ledger move" in refused.err

    moved = daytwo("ledger", "move", "--as", "ana", "-C", live, "--json").json["records"]
    assert moved == told["records"] | {"audit": told["records"]["audit"] + 1}
    assert not (live / ".daytwo" / "ledger.db").exists()
    assert (live / ".daytwo" / "ledger.db.moved").exists()
    after = daytwo("status", "-C", live, "--json").json
    assert after["versions"] == before["versions"]
    assert "is whole" in daytwo("audit", "verify", "-C", live).out
    assert daytwo("ledger", "-C", live, "--json").json["records"] == moved
    again = daytwo("ledger", "move", "--as", "ana", "-C", live)
    assert again.code == 2
    assert "in the database already" in again.err

    # No flow ran there yet.
    assert "Nothing is under way" in daytwo("flows", "list", "-C", live).out
    assert daytwo("flows", "show", "release-7", "-C", live).code == 2
    up = start(live)
    assert up.live()["digest"] == after["versions"][0]["digest"]
    assert up.end() == 0
    status = daytwo("status", "-C", live, "--json").json
    assert [one["number"] for one in status["versions"]] == [1]


def test_a_move_that_was_cut_short_is_given_again(live, postgres, monkeypatch):
    name_database(live, postgres, "cut")
    system = open_system(live, {})

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            move_ledger(system, person="ana", now=NOW)
    assert (live / ".daytwo" / "ledger.db").exists()
    moved = move_ledger(system, person="ana", now=NOW)
    assert not (live / ".daytwo" / "ledger.db").exists()
    entries = [one.entry.action for one in system.audit.read()]
    assert entries.count("ledger.moved") == 1
    assert len(entries) == moved["audit"]
    system.close()


def test_a_move_that_is_killed_at_any_moment_leaves_all_or_nothing(forks, daytwo, live, postgres, tmp_path):
    records = daytwo("ledger", "-C", live, "--json").json["records"]
    name_database(live, postgres, "killed")
    whole = {"versions": records["versions"], "audit": records["audit"] + 1, "releases": records["releases"]}
    system, moments, kills = open_system(live, {}), random.Random(20_261_124), 0
    while left_behind(system) is not None:
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        begun = forks.begin(("ledger", "move", "--as", "ana", "-C", live), folder, folder / "err")
        if not select.select([begun.ended], [], [], (kills + moments.random()) * STEP_S if kills < KILLS else 30)[0]:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                begun.send_signal(signal.SIGKILL)
            kills += 1
        assert begun.wait(30) in {0, -signal.SIGKILL}, (folder / "err").read_text()
        begun.close()
        found = records_of(system)
        assert {name: found[name] for name in whole} in (whole, dict.fromkeys(whole, 0))
    assert kills
    assert {name: records_of(system)[name] for name in whole} == whole
    assert "is whole" in daytwo("audit", "verify", "-C", live).out
    system.close()
