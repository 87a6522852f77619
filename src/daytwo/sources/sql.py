"""Rows of a database by SQLAlchemy's URL: a table's name or a query behind '#'. Nothing is ever written there.

Rows come in chunks, so that a table may be larger than memory. A query may hold `:since`: the newest event time that
was taken in from this source before, so that a table that grows is not read from its beginning each time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal

import polars as pl
from sqlalchemy import Connection, Engine, MetaData, Select, Table, TextClause, create_engine, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, NoSuchTableError, SQLAlchemyError

from daytwo.core.errors import DataError, Fault
from daytwo.core.settings_file import secret
from daytwo.sources.source import is_query

_SINCE = re.compile(r"(?<![:\w]):since\b")
_PLAIN = (bool, int, float, str, date, datetime, time, type(None))


def sql_batches(place: str, query: str, *, rows: int, since: str = "") -> Iterator[pl.DataFrame]:
    """Yield the rows of a table or a query, `rows` at a time.

    Raises
    ------
    DataError
        If the URL means nothing, its driver is not installed, or there is no such table.
    Fault
        If the database cannot be reached or refuses the query.
    """
    engine = _engine(place)
    try:
        with engine.connect().execution_options(stream_results=True, max_row_buffer=rows) as connection:
            _read_only(connection)
            asked, given = _statement(connection, query, since)
            result = connection.execute(asked, given)
            names = _names(result.keys())
            for chunk in result.partitions(rows):
                yield _frame(names, [tuple(row) for row in chunk])
    except NoSuchTableError as err:
        raise DataError(f"the database has no table {query!r}", hint="Name a table of it, or write a query") from err
    except SQLAlchemyError as err:
        said = str(err.__cause__ or err).splitlines()[0]
        raise Fault(f"the database says: {said}", hint="Check the URL, the query and that the database is up") from err
    finally:
        engine.dispose()


def has_since(query: str) -> bool:
    """Whether the query asks only for what is newer than what was taken in."""
    return is_query(query) and _SINCE.search(query) is not None


def _engine(place: str) -> Engine:
    try:
        url = make_url(secret(place) if place.startswith(("env:", "file:")) else place)
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
    """Ask the databases that can to refuse any change."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA query_only = ON")
    elif connection.dialect.name in {"postgresql", "mysql", "mariadb"}:
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")


def _statement(
    connection: Connection, query: str, since: str
) -> tuple[TextClause | Select[tuple[object, ...]], Mapping[str, str]]:
    if is_query(query):
        return text(query), {"since": since} if has_since(query) else {}
    schema, _, name = query.rpartition(".")
    return select(Table(name, MetaData(), schema=schema or None, autoload_with=connection)), {}


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
    plain = [float(value) if isinstance(value, Decimal) else value for value in values]
    odd = any(not isinstance(value, _PLAIN) for value in plain)
    kinds = {type(value) for value in plain if value is not None}
    if odd or len(kinds - {int, float}) > (0 if kinds & {int, float} else 1):
        return pl.Series(name, [None if value is None else str(value) for value in plain], pl.String)
    return pl.Series(name, plain, strict=False)
