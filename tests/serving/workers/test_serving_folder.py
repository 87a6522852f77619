from __future__ import annotations

import stat
from pathlib import Path

import pytest

from daytwo.core.errors import Fault
from daytwo.serving.workers.folder import meeting_place


def test_the_folder_is_private_lies_with_the_journal_and_goes_at_the_end(tmp_path):
    with meeting_place(tmp_path / "journal") as folder:
        assert folder.parent == tmp_path / "journal"
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list((tmp_path / "journal").iterdir()) == []


def test_what_a_killed_supervisor_left_is_removed_and_what_a_living_one_holds_is_not(tmp_path):
    left = tmp_path / ".workers-left"
    left.mkdir()
    (left / "lock").touch()
    (left / "0.sock").touch()
    with meeting_place(tmp_path) as first, meeting_place(tmp_path) as second:
        assert sorted(tmp_path.iterdir()) == sorted((first, second))


def test_a_path_too_long_for_a_socket_is_avoided(tmp_path):
    with meeting_place(tmp_path / ("long" * 30)) as folder:
        assert len(str(folder / "999.sock")) < 108


def test_a_folder_that_cannot_be_made_is_told():
    with pytest.raises(Fault, match="cannot write to the journal"), meeting_place(Path("/proc/journal")):
        pass
