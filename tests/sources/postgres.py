"""A PostgreSQL server of a test's own: made by initdb in a temporary folder, on loopback, as a user without rights."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from sqlalchemy import create_engine, text

USER, PASSWORD = "reader", "swordfish"


@dataclass(frozen=True)
class Server:
    """A running server; everybody is `USER`."""

    port: int

    def url(self, password: str = PASSWORD, database: str = "postgres", user: str = USER) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def run(self, *statements: str) -> None:
        """Change something in the database, which daytwo itself never does."""
        engine = create_engine(self.url())
        with engine.begin() as connection:
            for statement in statements:
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


@contextmanager
def running(binaries: Path) -> Iterator[Server]:
    """Start a server in a folder that goes with it; root, whom PostgreSQL refuses, hands it to nobody."""
    owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    who = {} if owner is None else {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": ()}
    with tempfile.TemporaryDirectory(prefix="daytwo-postgres-") as made:
        folder = Path(made)
        (folder / "password").write_text(PASSWORD)
        for path in (folder, folder / "password"):
            if owner is not None:
                os.chown(path, owner.pw_uid, owner.pw_gid)
        subprocess.run(
            [
                *(binaries / "initdb", "-D", folder / "data", "-U", USER, "--pwfile", folder / "password"),
                *("-A", "scram-sha-256", "-E", "UTF8", "--locale", "C", "--no-sync"),
            ],
            check=True,
            capture_output=True,
            cwd=folder,
            **who,
        )
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        process = subprocess.Popen(
            [
                *(binaries / "postgres", "-D", folder / "data", "-p", str(port), "-k", folder),
                *("-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "shared_buffers=16MB"),
            ],
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            **who,
        )
        assert process.stderr is not None
        try:
            said = ""
            while "ready to accept connections" not in said:
                said = process.stderr.readline()
                assert said, "the server ended at once"
            yield Server(port)
        finally:
            process.send_signal(signal.SIGINT)  # whoever is still connected is cut off
            process.communicate(timeout=30)
