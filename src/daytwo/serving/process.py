"""A server as a child process: started, watched, started again when it died, and gone when its parent is.

The child holds the other end of a pipe as its stdin and stops when that closes, so that even a killed parent leaves
no server behind.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from daytwo.core.errors import Fault


class ServerProcess:
    """One server process of a project, run by `config`, a file that `config.py` reads."""

    def __init__(self, config: Path, log: Path) -> None:
        self._config = config
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def pid(self) -> int:
        """The process id, 0 where none was started."""
        return 0 if self._process is None else self._process.pid

    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> int:
        """Start the server and return its port once it can answer.

        Raises
        ------
        Fault
            If it ends before it is ready; the message holds its last words.
        """
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            begun = log.tell()
            self._process = subprocess.Popen(  # noqa: S603 (our own interpreter, no word of a user's)
                [sys.executable, "-m", "daytwo.serving", "--config", str(self._config), "--attached"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            words = self._log.read_bytes()[begun:].decode(errors="replace").strip().splitlines()
            raise Fault(
                f"the server did not start: {words[-1] if words else 'it said nothing'}", hint=f"See {self._log}"
            )
        self.port = int(json.loads(line)["port"])
        return self.port

    def stop(self) -> None:
        """Let the server finish what it began, and wait for its end."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.terminate()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.wait()
        self._process = None
