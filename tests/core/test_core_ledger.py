"""How the ledger is opened: many processes, one file, moments in UTC, clear faults."""

import multiprocessing
import sqlite3
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from daytwo.core.errors import Fault
from daytwo.core.ledger import Moment, create_tables, open_sqlite

COUNTER = Table("counter", MetaData(), Column("id", Integer, primary_key=True), Column("n", Integer))
MOMENTS = Table("moments", MetaData(), Column("id", Integer, primary_key=True), Column("at", Moment))
NOON = datetime(2013, 4, 1, 12, 0, 0, 123_456, tzinfo=UTC)
ADDS = 30


@pytest.fixture
def engine(tmp_path):
    engine = open_sqlite(tmp_path / "deep" / "ledger.db")
    yield engine
    engine.dispose()


def test_the_habits_that_make_it_survive_are_on(engine):
    with engine.connect() as connection:
        found = [
            connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert found == ["wal", 2, 1]


@pytest.mark.parametrize("hours", [0, -5, 9])
def test_a_moment_comes_back_in_utc_from_whatever_zone(engine, hours):
    MOMENTS.create(engine)
    here = NOON.astimezone(timezone(timedelta(hours=hours)))
    with engine.begin() as connection:
        connection.execute(insert(MOMENTS).values(id=1, at=here))
        connection.execute(insert(MOMENTS).values(id=2, at=None))
    with engine.connect() as connection:
        first, second = connection.execute(select(MOMENTS.c.at).order_by(MOMENTS.c.id)).scalars()
    assert first == NOON
    assert first.tzinfo is UTC
    assert second is None


def test_moments_of_several_zones_sort_by_time(engine):
    MOMENTS.create(engine)
    zones = [timezone(timedelta(hours=h)) for h in (9, -8, 0)]
    with engine.begin() as connection:
        for i, zone in enumerate(zones):
            connection.execute(insert(MOMENTS).values(id=i, at=(NOON + timedelta(minutes=i)).astimezone(zone)))
    with engine.connect() as connection:
        assert connection.execute(select(MOMENTS.c.id).order_by(MOMENTS.c.at)).scalars().all() == [0, 1, 2]


def _replace_by_twins(engine) -> None:
    with engine.begin() as connection:
        connection.execute(delete(MOMENTS))
        connection.execute(insert(MOMENTS), [{"id": 2, "at": NOON}, {"id": 2, "at": NOON}])


def test_a_transaction_that_fails_leaves_nothing(engine):
    MOMENTS.create(engine)
    with engine.begin() as connection:
        connection.execute(insert(MOMENTS).values(id=1, at=NOON))
    with pytest.raises(IntegrityError):
        _replace_by_twins(engine)
    with engine.connect() as connection:
        assert connection.execute(select(MOMENTS)).all() == [(1, NOON)]


def _add(path: Path) -> None:
    engine = open_sqlite(path)
    for _ in range(ADDS):
        with engine.begin() as connection:  # reads, then writes: the case in which two of them would deadlock
            n = connection.execute(select(COUNTER.c.n)).scalar_one()
            connection.execute(update(COUNTER).values(n=n + 1))
    engine.dispose()


def test_processes_that_read_and_then_write_lose_no_update(tmp_path):
    path = tmp_path / "ledger.db"
    engine = open_sqlite(path)
    COUNTER.create(engine)
    with engine.begin() as connection:
        connection.execute(insert(COUNTER).values(id=1, n=0))
    engine.dispose()
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_add, args=(path,)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    connection = sqlite3.connect(path)
    assert connection.execute("select n from counter").fetchone() == (3 * ADDS,)
    connection.close()


def test_a_folder_that_cannot_be_made_is_a_fault(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Fault, match=r"cannot make .*Make the folder writable"):
        open_sqlite(tmp_path / "file" / "ledger.db")


def test_a_file_that_is_no_ledger_is_a_fault(tmp_path):
    path = tmp_path / "ledger.db"
    path.write_bytes(b"this is no database, and never was one" * 100)
    engine = open_sqlite(path)
    with pytest.raises(Fault, match=r"cannot be opened.*is a daytwo ledger"):
        create_tables(engine)
    engine.dispose()


def test_tables_are_made_once(ledger):
    create_tables(ledger)


def test_the_time_by_the_fraction_of_a_second_is_known_to_every_sqlite(engine):
    before = time.time()
    with engine.connect() as connection:
        told = connection.execute(text("select unixepoch('subsec')")).scalar()
    assert before - 0.01 <= told <= time.time() + 0.01
