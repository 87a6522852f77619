"""Records of one ledger copied into another, whatever the two databases are: all of them or none."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, RowMapping, Table, func, insert, select

from daytwo.core.errors import Conflict, Fault
from daytwo.core.ledger import LEDGER, create_tables


@contextmanager
def opened(engine: Engine) -> Iterator[Engine]:
    """Make the tables that a ledger lacks, and close it at the end.

    Raises
    ------
    Fault
        If it cannot be opened.
    """
    try:
        create_tables(engine)
        yield engine
    finally:
        engine.dispose()


def count_records(engine: Engine, *, leave: Collection[str] = ()) -> dict[str, int]:
    """Return how many records each table holds; those named in `leave` are left out."""
    with engine.connect() as connection:
        return {one.name: connection.scalar(select(func.count()).select_from(one)) or 0 for one in _tables(leave)}


def copy_records(source: Engine, target: Engine, *, leave: Collection[str] = ()) -> dict[str, int]:
    """Copy every record of `source` into `target` in one transaction; return how many, by table.

    The tables named in `leave` are left out. A target that holds exactly these records already is left as it is.
    Both ledgers' own locks are held meanwhile, so nobody else writes to either.

    Raises
    ------
    Conflict
        If the target holds other records.
    Fault
        If one of the two cannot be read or written, or keeps records otherwise; then nothing is copied.
    """
    with source.connect() as reading, target.begin() as writing:
        return {one.name: _copy(one, reading, writing) for one in _tables(leave)}


def _tables(leave: Collection[str]) -> list[Table]:
    return [one for one in LEDGER.sorted_tables if one.name not in leave]


def _copy(table: Table, reading: Connection, writing: Connection) -> int:
    rows, held = _rows(table, reading), _rows(table, writing)
    if rows and not held:
        writing.execute(insert(table), [dict(row) for row in rows])
        if _rows(table, writing) != rows:
            raise Fault(
                f"the records of the table {table.name} do not read back as they were written",
                hint="Is it a database of PostgreSQL in UTF-8? Nothing was copied",
            )
    elif held != rows:
        raise Conflict(
            f"the ledger that is to take the records holds others in its table {table.name}",
            hint="Name an empty database, or another [model] name, which has records of its own",
        )
    return len(rows)


def _rows(table: Table, connection: Connection) -> list[RowMapping]:
    """Return every record in an order that does not depend on the database."""
    keys = [column.name for column in table.primary_key]
    rows = connection.execute(select(table)).mappings().all()
    return sorted(rows, key=lambda row: [row[name] for name in keys])
