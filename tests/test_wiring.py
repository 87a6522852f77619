"""What the assembly itself decides: whether the server that was noted still runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from daytwo.server_note import ServerNote, forget_server, note_server, running_server


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
