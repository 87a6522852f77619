"""One launcher of flows per folder: a lock that is let go however its holder dies, and a note of who held it last."""

from __future__ import annotations

import fcntl
import socket
from pathlib import Path

import msgspec

from daytwo.core.errors import Refused


class _Note(msgspec.Struct, frozen=True):
    """Who holds the lock. A note in a copied folder lies in another file, and is not about this one."""

    worker: str
    host: str
    file: int


class LaunchLock:
    """The lock of one folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def take(self, worker_id: str) -> str:
        """Hold the lock; return the id of who held it before and is gone for sure, empty where nobody did.

        Raises
        ------
        Refused
            If another process holds it.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._stream = self.path.open("a+b")
        try:
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as err:
            self._stream.close()
            raise Refused(
                "another daytwo process runs the flows of this project",
                hint="Stop the running 'daytwo up' or 'daytwo demo' first, then run the command again",
            ) from err
        before = self._before()
        self._stream.truncate(0)
        self._stream.write(msgspec.json.encode(_Note(worker_id, socket.gethostname(), self._file())))
        self._stream.flush()
        return before

    def release(self) -> None:
        """Let go."""
        self._stream.close()

    def _before(self) -> str:
        self._stream.seek(0)
        try:
            note = msgspec.json.decode(self._stream.read(), type=_Note)
        except msgspec.DecodeError:
            return ""
        is_of_this = (note.host, note.file) == (socket.gethostname(), self._file())
        return note.worker if is_of_this else ""

    def _file(self) -> int:
        return self.path.stat().st_ino


def is_taken(path: Path) -> bool:
    """Whether a process holds the lock now."""
    try:
        with path.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
