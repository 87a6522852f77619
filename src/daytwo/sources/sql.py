"""Rows of a database by SQLAlchemy's URL: a table's name or a query behind '#'. Nothing is ever written there.

Rows come in chunks, so that a table may be larger than memory. A query may hold `:since`: the newest event time that
was taken in from this source before, so that a table that grows is not read from its beginning each time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal

import msgspec
import polars as pl
from sqlalchemy import (
    Connection,
    Engine,
    MetaData,
    Select,
    Table,
    TextClause,
    bindparam,
    create_engine,
    select,
    text,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, NoSuchTableError, SQLAlchemyError
from sqlalchemy.types import NullType

from daytwo.core.errors import DataError, Fault
from daytwo.core.settings_file import secret
from daytwo.sources.source import is_query

_SINCE = re.compile(r"(?<![:\w]):since\b")
_PLAIN = (bool, int, float, str, date, datetime, time, type(None))
# Of the widest whole numbers that a column can hold; greater ones are texts.
_GREATEST = 2**127 - 1


def sql_batches(place: str, query: str, *, rows: int, since: str = "") -> Iterator[pl.DataFrame]:
    """Yield the rows of a table or a query, `rows` at a time.

    Raises
    ------
    DataError
        If the URL means nothing, its driver is not installed, there is no such table, or a column holds lists or bytes.
    Fault
        If the database cannot be reached or refuses the query.
    """
    engine = _engine(place)
    try:
        with engine.connect() as connection:
            _read_only(connection)
            asked = _statement(connection, query, since)
            # Only the rows stream: PostgreSQL declares a cursor for whatever does, and there is none for a setting.
            result = connection.execute(asked, execution_options={"stream_results": True, "max_row_buffer": rows})
            names = _names(result.keys())
            for chunk in result.partitions(rows):
                yield _frame(names, [tuple(row) for row in chunk])
    except NoSuchTableError as err:
        raise DataError(f"the database has no table {query!r}", hint="Name a table of it, or write a query") from err
    except SQLAlchemyError as err:
        said = str(err.__cause__ or err).splitlines()[0]
        raise Fault(
            f"the database says: {said.strip()}", hint="Check the URL, the query and that the database is up"
        ) from err
    finally:
        engine.dispose()


def has_since(query: str) -> bool:
    """Whether the query asks only for what is newer than what was taken in."""
    return is_query(query) and _SINCE.search(query) is not None


def _engine(place: str) -> Engine:
    try:
        url = make_url(secret(place) if place.startswith(("env:", "file:")) else place)
        if "@" in (url.host or ""):
            raise DataError(
                "the URL has two '@'", hint="Write the one in a password as %40, or name the password: env:NAME"
            )
        return create_engine(_with_password(url))
    except NoSuchModuleError as err:
        raise DataError(f"no driver for this database is known: {err}", hint="Is the URL's scheme right?") from err
    except ImportError as err:
        raise DataError(
            f"the driver of this database is not installed: {err.name}", hint=f"Install it: pip install {err.name}"
        ) from err
    except ArgumentError as err:  # the URL may hold a secret, so it is not repeated
        raise DataError("this is no URL of a database", hint="Write it as SQLAlchemy does: sqlite:///air.db") from err


def _with_password(url: URL) -> URL:
    password = url.password or ""
    if password.startswith(("env:", "file:")):
        return url.set(password=secret(password))
    return url


def _read_only(connection: Connection) -> None:
    """Ask the databases that can to refuse any change, and to tell times as what they are everywhere."""
    match connection.dialect.name:
        case "sqlite":
            connection.exec_driver_sql("PRAGMA query_only = ON")
        case "postgresql":
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")
            connection.exec_driver_sql("SET TIME ZONE 'UTC'")
        case "mysql" | "mariadb":
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")


def _statement(connection: Connection, query: str, since: str) -> TextClause | Select[tuple[object, ...]]:
    if is_query(query):
        # Without a type the database reads it as what it is compared with, be that a time or a text.
        given = [bindparam("since", since, type_=NullType())] if has_since(query) else []
        return text(query).bindparams(*given)
    schema, _, name = query.rpartition(".")
    return select(Table(name, MetaData(), schema=schema or None, autoload_with=connection))


def _names(keys: Iterable[str]) -> list[str]:
    names = [str(key) for key in keys]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"the query gives the column {twice!r} twice", hint="Name the columns apart with 'as'")
    return names


def _frame(names: Sequence[str], rows: Sequence[tuple[object, ...]]) -> pl.DataFrame:
    columns = zip(*rows, strict=True) if rows else ((),) * len(names)
    return pl.DataFrame([_series(name, values) for name, values in zip(names, columns, strict=True)])


def _series(name: str, values: Sequence[object]) -> pl.Series:
    plain = [_plain(name, value) for value in values]
    odd = any(not isinstance(value, _PLAIN) or (type(value) is int and abs(value) > _GREATEST) for value in plain)
    kinds = {type(value) for value in plain if value is not None}
    if odd or len(kinds - {int, float}) > (0 if kinds & {int, float} else 1):
        return pl.Series(name, [None if value is None else str(value) for value in plain], pl.String)
    return pl.Series(name, plain, strict=False)


def _plain(name: str, value: object) -> object:
    """Return a cell as a column holds it: exact whole numbers, floats for the others, an object as its JSON text."""
    match value:
        case Decimal():
            whole = value.is_finite() and value.as_tuple().exponent == 0
            return int(value) if whole else float(value)
        case dict():
            return msgspec.json.encode(value, enc_hook=str).decode()
        case list() | tuple() | set() | bytes() | memoryview():
            raise DataError(
                f"the column {name!r} holds {'bytes' if isinstance(value, bytes | memoryview) else 'lists'}",
                hint="Leave it out in a query, or take it apart there: array_to_string, encode or a cast to text",
            )
    return value
