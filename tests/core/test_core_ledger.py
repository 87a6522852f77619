"""How the ledger is opened: many processes, one file, moments in UTC, clear faults."""

import multiprocessing
import re
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, delete, insert, inspect, select, text, update
from sqlalchemy.exc import IntegrityError

from daytwo.core.errors import Fault, SettingsError
from daytwo.core.ledger import Moment, create_tables, open_ledger, open_sqlite
from daytwo.core.ledger_postgres import read_url, schema_of

ON_BOTH = True
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
def test_a_moment_comes_back_in_utc_from_whatever_zone(ledger, hours):
    MOMENTS.create(ledger)
    here = NOON.astimezone(timezone(timedelta(hours=hours)))
    with ledger.begin() as connection:
        connection.execute(insert(MOMENTS).values(id=1, at=here))
        connection.execute(insert(MOMENTS).values(id=2, at=None))
    with ledger.connect() as connection:
        first, second = connection.execute(select(MOMENTS.c.at).order_by(MOMENTS.c.id)).scalars()
    assert first == NOON
    assert first.tzinfo is UTC
    assert second is None


def test_moments_of_several_zones_sort_by_time(ledger):
    MOMENTS.create(ledger)
    zones = [timezone(timedelta(hours=h)) for h in (9, -8, 0)]
    with ledger.begin() as connection:
        for i, zone in enumerate(zones):
            connection.execute(insert(MOMENTS).values(id=i, at=(NOON + timedelta(minutes=i)).astimezone(zone)))
    with ledger.connect() as connection:
        assert connection.execute(select(MOMENTS.c.id).order_by(MOMENTS.c.at)).scalars().all() == [0, 1, 2]


def _replace_by_twins(engine) -> None:
    with engine.begin() as connection:
        connection.execute(delete(MOMENTS))
        connection.execute(insert(MOMENTS), [{"id": 2, "at": NOON}, {"id": 2, "at": NOON}])


def test_a_transaction_that_fails_leaves_nothing(ledger):
    MOMENTS.create(ledger)
    with ledger.begin() as connection:
        connection.execute(insert(MOMENTS).values(id=1, at=NOON))
    with pytest.raises(IntegrityError):
        _replace_by_twins(ledger)
    with ledger.connect() as connection:
        assert connection.execute(select(MOMENTS)).all() == [(1, NOON)]


def _add(place: tuple[str, Path, str]) -> None:
    engine = open_ledger(*place)
    for _ in range(ADDS):
        with engine.begin() as connection:  # reads, then writes: the case in which two of them would deadlock
            n = connection.execute(select(COUNTER.c.n)).scalar_one()
            connection.execute(update(COUNTER).values(n=n + 1))
    engine.dispose()


def test_processes_that_read_and_then_write_lose_no_update(ledger, ledger_place):
    COUNTER.create(ledger)
    with ledger.begin() as connection:
        connection.execute(insert(COUNTER).values(id=1, n=0))
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_add, args=(ledger_place,)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    with ledger.connect() as connection:
        assert connection.execute(select(COUNTER.c.n)).scalar_one() == 3 * ADDS


def _make(place: tuple[str, Path, str]) -> None:
    engine = open_ledger(*place)
    create_tables(engine)
    engine.dispose()


def test_processes_that_open_a_new_ledger_at_once_make_each_table_once(ledger_place):
    context = multiprocessing.get_context("spawn")
    makers = [context.Process(target=_make, args=(ledger_place,)) for _ in range(3)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
        assert maker.exitcode == 0


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


def test_projects_in_one_database_do_not_see_each_other(postgres, tmp_path):
    made = [open_ledger(postgres.url(), tmp_path, f"{tmp_path} {name}") for name in ("one", "two")]
    for engine in made:
        create_tables(engine)
        with engine.begin() as connection:
            COUNTER.create(connection)
    with made[0].begin() as connection:
        connection.execute(insert(COUNTER).values(id=1, n=7))
    with made[1].connect() as connection:
        assert connection.execute(select(COUNTER)).all() == []
        assert "counter" not in inspect(connection).get_table_names(schema="public")
    for engine in made:
        engine.dispose()


def test_a_connection_that_the_server_dropped_is_replaced_unnoticed(postgres, tmp_path):
    engine = open_ledger(postgres.url(), tmp_path, f"{tmp_path} dropped")
    create_tables(engine)
    with engine.connect() as connection:
        pid = connection.scalar(text("select pg_backend_pid()"))
    postgres.run(f"select pg_terminate_backend({pid}, 10000)")
    with engine.connect() as connection:
        assert connection.scalar(text("select pg_backend_pid()")) != pid
    engine.dispose()


def test_a_server_that_is_not_there_is_a_fault_that_tells_no_password(tmp_path):
    engine = open_ledger("postgresql://ana:swordfish@127.0.0.1:1/flights", tmp_path, "flights")
    with pytest.raises(Fault, match=r"the ledger 127.0.0.1:1/flights cannot be read or written.*Postgres runs") as said:
        create_tables(engine)
    assert "swordfish" not in str(said.value)
    engine.dispose()


@pytest.mark.parametrize("text", ["mysql://ana@host/flights", "swordfish", "postgresql://ana@host", "sqlite:///x.db"])
def test_what_is_no_url_of_postgres_is_refused_without_repeating_it(text):
    with pytest.raises(SettingsError, match="Write postgresql://USER@HOST/DATABASE") as said:
        read_url(text)
    assert text not in str(said.value)


@given(st.text(min_size=1), st.text(min_size=1))
def test_each_project_has_a_schema_of_its_own_that_postgres_takes(one, other):
    assert (schema_of(one) == schema_of(other)) == (one == other)
    assert re.fullmatch("daytwo_[a-z0-9_]{1,47}", schema_of(one))
