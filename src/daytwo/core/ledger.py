"""How the ledger's database is opened: the one place that knows its engine's habits.

The ledger is where the registry, governance, alerts and value keep their records; each room defines its own tables
in its `sql.py` on the shared `LEDGER` metadata. A file of SQLite in WAL mode by default; `ledger_postgres.py` next door
opens one that several workers share.
"""

from __future__ import annotations

import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, DateTime, Dialect, Engine, MetaData, TypeDecorator, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from daytwo.core.errors import Fault
from daytwo.core.ledger_postgres import make_schema, open_postgres, schema_of

LEDGER = MetaData()
# How long a writer waits for another one before it gives up; longer than any transaction of ours by far.
_BUSY_SECONDS = 30
# DBOS takes it that Python 3.12 comes with an SQLite that knows unixepoch('subsec'); on Debian 12 it does not.
_LACKS_UNIXEPOCH = sqlite3.sqlite_version_info < (3, 42)


class Moment(TypeDecorator[datetime]):
    """A moment kept in UTC, aware on both sides, for databases that forget the zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (port)
        """Store UTC without zone."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (port)
        """Give back an aware moment."""
        return None if value is None else value.replace(tzinfo=UTC)


def open_ledger(url: str, path: Path, project: str) -> Engine:
    """Open the ledger of a project: in the Postgres database at `url`, or where that is empty in the file `path`.

    Raises
    ------
    SettingsError
        If the URL is none of Postgres.
    Fault
        If the folder cannot be written; later, whenever the database cannot be read or written.
    """
    return open_postgres(url, schema_of(project)) if url else open_sqlite(path)


def open_sqlite(path: Path, *, begin_at_first_write: bool = False) -> Engine:
    """Open the database file at `path`, made if it is not there, in WAL mode with immediate transactions.

    `begin_at_first_write` leaves the beginning to the driver, for a library that begins by itself.

    Raises
    ------
    Fault
        If the folder cannot be written; later, whenever the database cannot be read or written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise Fault(f"cannot make {path.parent}: {err.strerror}", hint="Make the folder writable") from err
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": _BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        if _LACKS_UNIXEPOCH and isinstance(connection, sqlite3.Connection):
            connection.create_function("unixepoch", 1, lambda _: time.time())
        connection.isolation_level = "IMMEDIATE" if begin_at_first_write else None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    if not begin_at_first_write:

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            # A transaction that reads and then writes must hold the lock from its start, or two of them deadlock.
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        @event.listens_for(engine, "handle_error")
        def _say(context: ExceptionContext) -> None:
            # A full disk, a lock that is never let go, a damaged file: the machine's fault, in the machine's words.
            if isinstance(context.original_exception, sqlite3.OperationalError):
                raise Fault(
                    f"the ledger {path} cannot be read or written: {context.original_exception}",
                    hint="See what 'daytwo doctor' finds: is the folder writable, has the disk room? Then try again",
                ) from context.original_exception

    return engine


def create_tables(engine: Engine) -> None:
    """Make every table of the ledger that is not there yet."""
    try:
        with engine.begin() as connection:  # two that begin at the same moment make each table once
            make_schema(connection)
            LEDGER.create_all(connection)
    except SQLAlchemyError as err:
        raise Fault(
            f"the ledger {engine.url.database} cannot be opened: {err.__cause__ or err}",
            hint="Check that the folder is writable, the disk has room and the file is a daytwo ledger",
        ) from err
