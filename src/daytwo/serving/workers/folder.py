"""Where the workers of one server meet: a folder for their sockets and counts, open to their user alone.

It lies in the journal's folder, or with temporary files where that path is too long for a socket. Its supervisor holds
a lock in it as long as it lives; what a killed one left behind is removed by the next.
"""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from daytwo.core.errors import Fault

_NAME = ".workers-"
_LOCK = "lock"
# A socket's path holds 107 bytes; the random part of the name and the socket's own need some of them.
_LONGEST_PARENT = 75


@contextmanager
def meeting_place(journal: Path) -> Iterator[Path]:
    """Make the folder, and remove it at the end.

    Raises
    ------
    Fault
        If it cannot be made.
    """
    parent = journal if len(bytes(journal.absolute())) <= _LONGEST_PARENT else Path(tempfile.gettempdir())
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _sweep(parent)
        folder, lock = _make(parent)
    except OSError as err:
        raise Fault(
            f"cannot write to the journal in {journal}: {err.strerror or err}",
            hint="Make the folder writable and free some disk space, then try again",
        ) from err
    with lock:
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _make(parent: Path) -> tuple[Path, BinaryIO]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_NAME, dir=parent))
        lock = (folder / _LOCK).open("wb")
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / _LOCK).exists():
            return folder, lock
        lock.close()  # somebody swept it between its making and its lock


def _sweep(parent: Path) -> None:
    """Remove the folders of supervisors that are dead. One that is being made has no lock to look at yet."""
    for folder in parent.glob(f"{_NAME}*"):
        with suppress(OSError), (folder / _LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
