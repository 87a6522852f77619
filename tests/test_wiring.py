"""What the assembly itself decides: whether the server that was noted still runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from daytwo.core.errors import SettingsError
from daytwo.core.settings import ProjectSettings
from daytwo.core.settings_file import load_settings
from daytwo.server_note import ServerNote, forget_server, note_server, running_server
from daytwo.wiring import ledger_url


def noted(state: Path, pid: int) -> ServerNote | None:
    note_server(state, ServerNote("127.0.0.1", 9000, pid))
    return running_server(state)


def test_a_server_runs_while_its_process_lives(tmp_path):
    assert running_server(tmp_path) is None
    assert noted(tmp_path, os.getpid()) == ServerNote("127.0.0.1", 9000, os.getpid())
    forget_server(tmp_path)
    assert running_server(tmp_path) is None


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="without /proc the dead look alive")
def test_one_that_died_and_whose_end_nobody_fetched_runs_no_more(tmp_path):
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.read() == b""
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        os.kill(process.pid, 0)  # it can still be signalled
        assert noted(tmp_path, process.pid) is None
    assert noted(tmp_path, process.pid) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may signal any process")
def test_another_users_process_is_alive(tmp_path):
    assert noted(tmp_path, 1) is not None


def test_the_url_of_the_ledger_may_be_a_secret_and_never_holds_a_password_in_the_open(tmp_path, monkeypatch):
    whole = "postgresql://ana:swordfish@db.example/flights"
    monkeypatch.setenv("FLIGHTS_LEDGER", whole)
    (tmp_path / "url").write_text(whole + "\n")
    plain = "postgresql://ana@db.example/flights"
    for written, meant in (("", ""), (plain, plain), ("env:FLIGHTS_LEDGER", whole), (f"file:{tmp_path}/url", whole)):
        assert ledger_url(ProjectSettings(ledger=written)) == meant
    with pytest.raises(SettingsError, match=r"holds a password\. Write env:NAME") as said:
        ledger_url(ProjectSettings(ledger=whole))
    assert "swordfish" not in str(said.value)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('state = "/mnt/shared"', "project.ledger not where they meet"),
        ('ledger = "env:X"\nstate = "/mnt/shared"\n[data]\npersonal = ["name"]', "one key of the pseudonyms"),
        ('dead_after = "0s"', "project.dead_after is no time at all"),
    ],
)
def test_what_workers_cannot_share_is_refused_with_the_next_step(tmp_path, lines, words):
    (tmp_path / "daytwo.toml").write_text(f'[model]\nname = "a"\ntarget = "late"\n[project]\n{lines}\n')
    with pytest.raises(SettingsError, match=words):
        load_settings(tmp_path, {})
