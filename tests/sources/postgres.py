"""A PostgreSQL server of a test's own: made by initdb in a temporary folder, on loopback, as a user without rights."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import create_engine, text

USER, PASSWORD = "reader", "swordfish"


class Server:
    """A server in a folder of its own; everybody is `USER`."""

    def __init__(self, binaries: Path, folder: Path, port: int) -> None:
        self.port = port
        self._owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        self._binaries, self._folder = binaries, folder
        self._process: subprocess.Popen[str] | None = None

    def make(self) -> None:
        """Fill the folder; root, whom PostgreSQL refuses, hands it to nobody."""
        (self._folder / "password").write_text(PASSWORD)
        for path in (self._folder, self._folder / "password"):
            if self._owner is not None:
                os.chown(path, self._owner.pw_uid, self._owner.pw_gid)
        subprocess.run(
            [
                *(self._binaries / "initdb", "-D", self._folder / "data", "-U", USER),
                *("--pwfile", self._folder / "password"),
                *("-A", "scram-sha-256", "-E", "UTF8", "--locale", "C", "--no-sync"),
            ],
            check=True,
            capture_output=True,
            cwd=self._folder,
            **self._who(),
        )

    def start(self) -> None:
        """Start, and wait until it answers."""
        self._process = subprocess.Popen(
            [
                *(self._binaries / "postgres", "-D", self._folder / "data", "-p", str(self.port), "-k", self._folder),
                *("-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "shared_buffers=16MB"),
            ],
            stderr=subprocess.PIPE,
            text=True,
            cwd=self._folder,
            **self._who(),
        )
        assert self._process.stderr is not None
        said = ""
        while "ready to accept connections" not in said:
            said = self._process.stderr.readline()
            assert said, "the server ended at once"

    def stop(self) -> None:
        """End in order; whoever is still connected is cut off."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """Die at once: the server, and each process that it made for a client."""
        assert self._process is not None
        for child in _children(self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        self._end(signal.SIGKILL)
        (self._folder / "data" / "postmaster.pid").unlink()

    def _end(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        self._process.communicate(timeout=30)

    def _who(self) -> dict[str, Any]:
        if self._owner is None:
            return {}
        return {"user": self._owner.pw_uid, "group": self._owner.pw_gid, "extra_groups": ()}

    def url(self, password: str = PASSWORD, database: str = "postgres", user: str = USER) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def run(self, *statements: str) -> None:
        """Change something in the database, which daytwo itself never does."""
        engine = create_engine(self.url())
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()

    def run_alone(self, statement: str) -> None:
        """Run what stands in no transaction."""
        engine = create_engine(self.url(), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()

    def fill(self, table: str, rows: pl.DataFrame) -> None:
        """Put rows into a table."""
        engine = create_engine(self.url())
        names = ", ".join(f":{name}" for name in rows.columns)
        with engine.begin() as connection:
            connection.execute(text(f"insert into {table} values ({names})"), rows.to_dicts())
        engine.dispose()


def programs() -> Path | None:
    """Return the folder of initdb and postgres, which Debian keeps off the path; None where there is none."""
    on_path = shutil.which("initdb")
    found = [Path(on_path).resolve()] if on_path else sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


def _children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


@contextmanager
def running(binaries: Path) -> Iterator[Server]:
    """Start a server in a folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix="daytwo-postgres-") as made:
        with socket.create_server(("127.0.0.1", 0)) as free:
            server = Server(binaries, Path(made), free.getsockname()[1])
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop()
