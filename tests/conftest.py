"""What tests of several rooms need: a real ledger, and the real command line without its imports each time."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

import pytest
from sqlalchemy import Engine
from tests.lean import LEAN
from tests.sources.postgres import Server, programs, running

from daytwo.core.ledger import create_tables, open_ledger

pytest_plugins = ["tests.browser", "tests.running"]

# Has imported everything, which takes seconds. Reads one command a line; each runs in a forked child with its own
# folder, input and outputs. It answers with the command's exit code, or of one that is only begun with its process
# id; then a keeper waits for that one and writes its exit code to a pipe.
FORKS = (
    LEAN
    + """
import importlib, json, os, sys, traceback
from daytwo.cli.main import COMMANDS, main
for entry in COMMANDS.values():
    importlib.import_module(f"daytwo.cli.{entry.module}")

def run(asked):
    code = 99
    try:
        os.chdir(asked["cwd"])
        os.environ.update(asked["env"])
        for number, flags in enumerate((os.O_RDONLY, os.O_WRONLY, os.O_WRONLY | os.O_APPEND)):
            os.dup2(os.open(asked["files"][number], flags), number)
        sys.stdin = open(0, encoding="utf-8", closefd=False)
        sys.argv = ["daytwo", *asked["args"]]
        main()
        code = 0
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(code)

print("ready", flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    child = os.fork()
    if not child:
        if not asked["ended"]:
            run(asked)
        with open(asked["ended"], "w") as ended:
            command = os.fork()
            if not command:
                ended.close()
                run(asked)
            print(command, flush=True)
            ended.write(str(os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])))
        os._exit(0)
    if not asked["ended"]:
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server for whoever brings a name of their own."""
    binaries = programs()
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed here")
    with running(binaries) as made:
        yield made


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of what keeps records, in modules that say `ON_BOTH = True`, on each engine of the ledger."""
    if "ledger_place" in metafunc.fixturenames and getattr(metafunc.module, "ON_BOTH", False):
        metafunc.parametrize("ledger_place", ["sqlite", "postgres"], indirect=True)


@pytest.fixture
def ledger_place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path, str]:
    """What `open_ledger` wants: in `tmp_path / "ledger.db"`, or on Postgres in a schema of the test's own."""
    url = request.getfixturevalue("postgres").url() if getattr(request, "param", "") == "postgres" else ""
    return url, tmp_path / "ledger.db", str(tmp_path)


@pytest.fixture
def ledger(ledger_place: tuple[str, Path, str]) -> Iterator[Engine]:
    """A ledger with every table of the rooms imported so far."""
    engine = open_ledger(*ledger_place)
    create_tables(engine)
    yield engine
    engine.dispose()


class Begun:
    """A command that was begun by `Forks.begin`, with the part of `subprocess.Popen` that tests use."""

    def __init__(self, pid: int, stdout: IO[str], ended: int) -> None:
        self.pid, self.stdout, self.ended = pid, stdout, ended
        self._code: int | None = None

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return its exit code."""
        code = self._look(timeout)
        assert code is not None, f"it has not ended within {timeout} s"
        return code

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def close(self) -> None:
        self.stdout.close()
        os.close(self.ended)

    def _look(self, timeout: float | None) -> int | None:
        if self._code is None and select.select([self.ended], [], [], timeout)[0]:
            self._code = int(os.read(self.ended, 100))
        return self._code


class Forks:
    """The command line in processes that are forked from one that has imported everything."""

    def __init__(self) -> None:
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", FORKS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        assert self._answer() == "ready"

    def run(self, args: tuple[object, ...], cwd: Path, files: list[Path], env: Mapping[str, str]) -> int:
        """Run a command to its end; `files` are its input and outputs, which exist."""
        return self._ask(args, cwd, files, env, ended=None)

    def begin(self, args: tuple[object, ...], folder: Path, err: Path) -> Begun:
        """Begin a command; pipes for its output and its end are made in `folder`, its words are added to `err`."""
        out, ended = (folder / name for name in ("out", "ended"))
        os.mkfifo(out)
        os.mkfifo(ended)
        err.touch()
        end = os.open(ended, os.O_RDONLY | os.O_NONBLOCK)
        pid = self._ask(args, folder, [Path(os.devnull), out, err], {}, ended=ended)
        return Begun(pid, out.open(encoding="utf-8"), end)

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _ask(
        self, args: tuple[object, ...], cwd: Path, files: list[Path], env: Mapping[str, str], *, ended: Path | None
    ) -> int:
        asked = {
            "args": [str(arg) for arg in args],
            "cwd": str(cwd),
            "env": dict(env),
            "files": [str(file) for file in files],
            "ended": ended and str(ended),
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return int(self._answer())

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Made once for all tests that run commands."""
    made = Forks()
    yield made
    made.close()
