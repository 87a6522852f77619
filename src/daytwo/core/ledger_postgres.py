"""The ledger on Postgres, for several workers: the same tables and words of SQL as on SQLite, and the same order.

A transaction of ours reads and then writes what follows from it. On SQLite it holds the file's one lock from its start;
here it holds a lock of the ledger's own (`pg_advisory_xact_lock`), so that what it has read is still true when it
writes, nobody has to begin again, and both engines keep the same promise. Two workers that compare and set the same
thing stand in line; the second one reads what the first has written.

Each project has a schema of its own, so several may share a database. The driver is imported when a URL is opened.
"""

from __future__ import annotations

import re

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.schema import CreateSchema

from daytwo.core.digest import digest_bytes
from daytwo.core.errors import Fault, SettingsError

# How long a writer waits for another one before it gives up, as on SQLite; and how long somebody who holds the lock
# and says nothing more, because a machine or a line is gone, keeps the others waiting.
_SESSION = "-c lock_timeout=30s -c idle_in_transaction_session_timeout=30s"
_CONNECT_SECONDS = 10
_DRIVERS = {"postgresql", "postgres", "postgresql+psycopg"}
# A schema's name may be 63 bytes long; the flows' schema adds a few to it.
_LONGEST = 40


def schema_of(project: str) -> str:
    """Return the schema that a project's records are kept in: its name, made fit to be typed by hand.

    >>> schema_of("flights"), schema_of("late flights")
    ('daytwo_flights', 'daytwo_late_flights_02be09')
    """
    plain = re.sub(r"[^a-z0-9_]+", "_", project.lower())[:_LONGEST]
    told_apart = "" if plain == project else f"_{digest_bytes(project.encode())[:6]}"
    return f"daytwo_{plain}{told_apart}"


def read_url(text: str) -> URL:
    """Return the URL of a Postgres database.

    Raises
    ------
    SettingsError
        If it is none. The text may hold a password and is not repeated.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as err:
        raise SettingsError("project.ledger is not a URL", hint=_HINT) from err
    if url.drivername not in _DRIVERS or not url.database or not url.host:
        raise SettingsError("project.ledger is not the URL of a Postgres database", hint=_HINT)
    return url.set(drivername="postgresql+psycopg")


_HINT = "Write postgresql://USER@HOST/DATABASE, or env:NAME and keep the whole URL with its password there"


def open_postgres(url: str, schema: str) -> Engine:
    """Open the ledger in the schema `schema` of the database at `url`; nothing is connected yet.

    Raises
    ------
    SettingsError
        If the URL is none of Postgres.
    Fault
        Later, whenever the database cannot be reached, read or written.
    """
    engine = open_database(url).execution_options(schema_translate_map={None: schema})
    # Any 64-bit number that all workers of a project agree on.
    key = int(digest_bytes(f"ledger:{schema}".encode())[:15], 16)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({key})")

    @event.listens_for(engine, "handle_error")
    def _say(context: ExceptionContext) -> None:
        # A server that is down, a password that is wrong, a lock that is never let go: in the server's own words.
        # A connection that is tried before it is used, and found dead, is replaced by a new one.
        if isinstance(context.sqlalchemy_exception, OperationalError) and not context.is_pre_ping:
            raise _away(engine, context.original_exception) from context.original_exception

    return engine


def open_database(url: str) -> Engine:
    """Open a Postgres database as it is, for a library that keeps its own tables and transactions.

    Raises
    ------
    SettingsError
        If the URL is none of Postgres.
    """
    return create_engine(
        read_url(url),
        pool_pre_ping=True,
        connect_args={"options": _SESSION, "connect_timeout": _CONNECT_SECONDS, "application_name": "daytwo"},
    )


def make_schema(connection: Connection) -> None:
    """Make the ledger's schema if it is not there; nothing to do where there are none, as on SQLite."""
    names = connection.get_execution_options().get("schema_translate_map") or {}
    if names.get(None) and not inspect(connection).has_schema(names[None]):
        connection.execute(CreateSchema(names[None], if_not_exists=True))


def is_filled(engine: Engine, schema: str) -> bool:
    """Whether the schema is there, whoever made it, with any table in it.

    Raises
    ------
    Fault
        If the database cannot be reached.
    """
    try:
        return bool(inspect(engine).get_table_names(schema=schema))
    except OperationalError as err:
        raise _away(engine, err.orig) from err


def _away(engine: Engine, cause: BaseException | None) -> Fault:
    """Return the fault of a server that does not do what it was asked, in its own words."""
    url, words = engine.url, str(cause).strip().partition("\n")[0]
    return Fault(
        f"the ledger {url.host}:{url.port or 5432}/{url.database} cannot be read or written: {words}",
        hint="See whether Postgres runs there and lets this user in, then try again",
    )
