"""One process that runs a foreign model: started, asked with a deadline, and ended without a trace.

`foreign.py` decides when; `foreign_child.py` is what runs there and says how they talk.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from daytwo.core.errors import DataError, Fault
from daytwo.scoring import foreign_child

# A process as the system knows it.
Running: TypeAlias = subprocess.Popen[bytes]

_PREFIX = "daytwo-model-"
_INSTALL_HINT = "Install what it needs for the interpreter in [serve] python, or correct its code"
# All that the code sees of our environment: no secret is among them.
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Lost(Exception):
    """The process ended or did not answer in time, and is no more; the message says which."""


class ForeignProcess:
    """A running process. It is ended when this is no longer used, when our process ends, or by `end`."""

    def __init__(self, python: str, entry: str, code: Mapping[str, bytes], *, start_s: float) -> None:
        """Start it and wait until the code is imported.

        Raises
        ------
        DataError
            If the code cannot be imported.
        Fault
            If the interpreter cannot be started, or the import does not end within `start_s` seconds.
        """
        _sweep()
        folder, held = _folder()
        ours, theirs = socket.socketpair()
        try:
            for name, content in code.items():
                (folder / name).write_bytes(content)
            self.running = _start(python or sys.executable, folder, entry, theirs)
        except OSError as err:
            _leave(ours, folder, held)
            raise Fault(
                f"cannot start {python or sys.executable}: {err.strerror or err}",
                hint="Set [serve] python to a Python interpreter with numpy, or leave it out",
            ) from err
        finally:
            theirs.close()
        self._socket = ours
        self.end = weakref.finalize(self, _end, self.running, ours, folder, held)
        try:
            self._reply(time.monotonic() + start_s)
        except Lost as err:
            raise Fault(f"the model {entry} did not start: {err}", hint="Its own words are in the log") from err
        except Fault as err:
            self.end()
            raise DataError(f"the model {entry} cannot be imported: {err.message}", hint=_INSTALL_HINT) from err

    def ask(self, rows: NDArray[np.float32], deadline: float) -> NDArray[np.float64]:
        """Return the scores of `rows`; `deadline` is a moment of `time.monotonic`.

        Raises
        ------
        Lost
            If the process is gone, or was still busy at the deadline: then it is ended.
        Fault
            If the code raised an error or gave no score for each row; the process goes on.
        """
        request = foreign_child.REQUEST.pack(*rows.shape) + rows.astype("<f4", copy=False).tobytes()
        try:
            self._socket.settimeout(_left(deadline))
            self._socket.sendall(request)
        except OSError as err:
            raise self._lost(err) from err
        scores = np.frombuffer(self._reply(deadline), dtype="<f8")
        if scores.shape != (len(rows),):
            raise self._lost(OSError(f"it sent {scores.size} scores for {len(rows)} rows"))
        return scores.astype(np.float64)

    def _reply(self, deadline: float) -> bytes:
        kind, size = foreign_child.REPLY.unpack(self._take(foreign_child.REPLY.size, deadline))
        content = self._take(size, deadline)
        if kind != foreign_child.SCORES:
            raise Fault(content.decode(errors="replace"), hint="Its traceback, if any, is in the log")
        return content

    def _take(self, size: int, deadline: float) -> bytes:
        content = bytearray()
        try:
            while len(content) < size:
                self._socket.settimeout(_left(deadline))
                piece = self._socket.recv(min(size - len(content), 1 << 20))
                if not piece:
                    raise ConnectionError("its end of the line is closed")
                content += piece
        except OSError as err:
            raise self._lost(err) from err
        return bytes(content)

    def _lost(self, err: OSError) -> Lost:
        self.end()
        if isinstance(err, TimeoutError):
            return Lost("it did not answer in time and was ended")
        return Lost(f"its process ended ({err})")


def _start(python: str, folder: Path, entry: str, theirs: socket.socket) -> Running:
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    # Isolated (-I): neither the current folder nor the environment adds code to what the settings trust.
    return subprocess.Popen(  # noqa: S603  an interpreter of the settings, and code they trust
        [python, "-I", "-B", foreign_child.__file__, str(folder), entry, str(theirs.fileno())],
        stdin=subprocess.PIPE,
        pass_fds=[theirs.fileno()],
        env=environment | _ONE_THREAD,
        cwd=folder,
        start_new_session=True,  # a Ctrl-C is for us, and ends it through us
    )


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _end(process: Running, ours: socket.socket, folder: Path, held: int) -> None:
    process.kill()
    process.wait()
    if process.stdin is not None:
        process.stdin.close()
    _leave(ours, folder, held)


def _leave(ours: socket.socket, folder: Path, held: int) -> None:
    ours.close()
    shutil.rmtree(folder, ignore_errors=True)
    os.close(held)


def _folder() -> tuple[Path, int]:
    """Make a folder, and return it with what holds it: the system lets go of that when our process ends, however."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        held = _hold(folder)
        if held is not None:
            return folder, held


def _sweep() -> None:
    """Remove the folders of processes that were killed: nobody holds them."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        held = _hold(folder)
        if held is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(held)


def _hold(folder: Path) -> int | None:
    """Hold a folder of ours, None where another process does or it is gone."""
    try:
        held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found = os.fstat(held)
        is_ours = found.st_uid == os.getuid() and os.path.samestat(found, folder.stat())
    except OSError:  # held by another, or removed just now
        is_ours = False
    if is_ours:
        return held
    os.close(held)
    return None
