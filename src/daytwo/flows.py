"""The durable flows of a project, opened. Apart from `wiring.py`: most commands need no flow, and not its weight."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from daytwo.core.durations import duration
from daytwo.core.errors import DaytwoError, Fault
from daytwo.core.ledger import create_tables, open_ledger, open_sqlite
from daytwo.core.ledger_postgres import is_filled, open_database, schema_of
from daytwo.lifecycle.dbos import SCHEMA, Crew, DbosRunner
from daytwo.lifecycle.delivery.kept_flows import KeptFlows
from daytwo.lifecycle.flow import Runner
from daytwo.lifecycle.launch_lock import LaunchLock, is_taken
from daytwo.lifecycle.system import System
from daytwo.lifecycle.worker import flows
from daytwo.lifecycle.workers import Worker, WorkerBook
from daytwo.lifecycle.workers_sql import SqlWorkerBook
from daytwo.wiring import LEDGER_FILE, ledger_url

_FILE = "flows.db"
_LOCK = "flows.lock"


@contextlib.contextmanager
def open_runner(
    system: System, *, stands: bool = True, heard: Callable[[Exception | None], None] = lambda _: None
) -> Iterator[Runner]:
    """Launch the durable flows of a project; what was cut short goes on. `stands` and `heard` are as in `Crew`.

    Raises
    ------
    Refused
        If another process runs them in this folder.
    Fault
        If their database cannot be opened.
    """
    url = ledger_url(system.settings.project)
    with contextlib.ExitStack() as stack:
        engine = open_database(url) if url else open_sqlite(system.state / _FILE, begin_at_first_write=True)
        stack.callback(engine.dispose)
        book = stack.enter_context(_worker_book(system))
        crew = Crew(book, _dead_after_s(system), alone=not url, stands=stands, heard=heard)
        durable = DbosRunner(engine, system.own / _LOCK, flows(system), crew, schema=_schema(system))
        try:
            runner = stack.enter_context(durable)
        except DaytwoError:
            raise
        except Exception as err:  # whatever the library makes of a full disk, a damaged file or a server that is away
            where = f"Postgres, {engine.url.host}/{engine.url.database}" if url else system.state / _FILE
            raise Fault(
                f"the flows of this project, {where}, cannot be opened: {str(err).splitlines()[0]}",
                hint="Check that the database lets you in and may be written, and the disk has room",
            ) from err
        yield runner


@contextlib.contextmanager
def open_kept(system: System) -> Iterator[KeptFlows | None]:
    """Open what the flows kept, beside whoever runs them; None where none ever ran."""
    url = ledger_url(system.settings.project)
    with _kept(url, system.state / _FILE, _schema(system)) as kept:
        yield kept


@contextlib.contextmanager
def _kept(url: str, file: Path, schema: str) -> Iterator[KeptFlows | None]:
    """Open what is kept in the database at `url`, or where that is empty in the file; None where nothing is."""
    if not (url or file.exists()):
        yield None
        return
    engine = open_database(url) if url else open_sqlite(file, begin_at_first_write=True)
    try:
        if url and not is_filled(engine, schema):
            yield None
            return
        with KeptFlows(engine, schema=schema) as kept:
            yield kept
    finally:
        engine.dispose()


def unfinished_in(folder: Path) -> list[str]:
    """Return the ids of the flows that are unfinished in the file in a state folder, the oldest first."""
    with _kept("", folder / _FILE, SCHEMA) as kept:
        return [] if kept is None else [one.id for one in kept.unsettled() if one.state == "unfinished"]


@contextlib.contextmanager
def launch_lock(system: System) -> Iterator[None]:
    """Keep everybody else from running flows in this folder.

    Raises
    ------
    Refused
        If another process runs them.
    """
    lock = LaunchLock(system.own / _LOCK)
    lock.take("nobody")
    try:
        yield
    finally:
        lock.release()


def present_workers(system: System) -> tuple[Worker, ...]:
    """Return the workers of a project that have beaten lately, by the clocks of their machines and of this one."""
    url = ledger_url(system.settings.project)
    if not url and not is_taken(system.own / _LOCK):
        return ()
    with _worker_book(system) as book:
        now, limit = datetime.now(UTC), _dead_after_s(system)
        return tuple(one for one in book.workers() if abs((now - one.beat_at).total_seconds()) < limit)


def is_run(system: System) -> bool:
    """Whether a process runs the flows of this project now, in this folder or in another one."""
    return is_taken(system.own / _LOCK) or bool(present_workers(system))


@contextlib.contextmanager
def _worker_book(system: System) -> Iterator[WorkerBook]:
    settings = system.settings
    engine = open_ledger(ledger_url(settings.project), system.state / LEDGER_FILE, settings.model.name)
    try:
        create_tables(engine)
        yield SqlWorkerBook(engine)
    finally:
        engine.dispose()


def _dead_after_s(system: System) -> float:
    return duration(system.settings.project.dead_after).total_seconds()


def _schema(system: System) -> str:
    """Return where DBOS keeps its tables: beside the ledger's."""
    return f"{schema_of(system.settings.model.name)}_flows" if system.settings.project.ledger else SCHEMA
