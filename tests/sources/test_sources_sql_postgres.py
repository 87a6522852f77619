"""A real PostgreSQL as a source: its types, tables larger than a batch, what goes wrong, and nothing ever written."""

from __future__ import annotations

import math
import subprocess
import sys
from datetime import UTC, date, datetime, time

import polars as pl
import pytest
from tests.sources.postgres import PASSWORD, programs, running

from daytwo.core.errors import DataError, DaytwoError, Fault
from daytwo.sources.files import read_rows
from daytwo.sources.source import parse_source

BINARIES = programs()
pytestmark = pytest.mark.skipif(BINARIES is None, reason="PostgreSQL is not installed (apt-get install postgresql)")


TABLES = (
    """create table kinds (
        number numeric(12,3), wide numeric, tiny smallint, big bigint, single real, "double" float8, ok boolean,
        word text, code char(4), at timestamptz, plain timestamp, day date, clock time, id uuid, held jsonb,
        gap interval
    )""",
    """insert into kinds values (
        1.125, 123456789012345678901234567890, 7, 9223372036854775807, 1.5, 0.1, true,
        'é ✓', 'AB', '2013-04-01 12:00+02', '2013-04-01 12:00', '2013-04-01', '12:30',
        '00000000-0000-0000-0000-000000000001', '{"a": 1}', '1 day 2 hours'
    )""",
    "insert into kinds (word) values (null)",
    'create schema "air port"',
    'create table "air port"."Trips" (key text primary key, at timestamp, wind float8)',
    """insert into "air port"."Trips"
        select 't' || i, timestamp '2013-01-01' + i * interval '1 hour', i % 40 from generate_series(1, 2000) i""",
    "create sequence counter",
)


@pytest.fixture(scope="module")
def server():
    with running(BINARIES) as made:
        made.run(*TABLES)
        yield made


_WIDE = "1" + "0" * 39 + "1"


def rows_of(server, query, **more):
    return read_rows(f"{server.url()}#{query}", **more).frame


def test_values_come_with_their_types_and_nulls_stay(server):
    columns = 'number, wide, tiny, big, single, "double", ok, word, code, at, plain, day, clock, id, held, gap'
    frame = rows_of(server, f"select {columns} from kinds order by word nulls last")
    assert frame.row(1) == (None,) * 16
    assert frame.row(0, named=True) == {
        "number": 1.125,
        "wide": 123456789012345678901234567890,
        "tiny": 7,
        "big": 2**63 - 1,
        "single": 1.5,
        "double": 0.1,
        "ok": True,
        "word": "é ✓",
        "code": "AB  ",
        "at": datetime(2013, 4, 1, 10, tzinfo=UTC),
        "plain": datetime.fromisoformat("2013-04-01T12:00"),
        "day": date(2013, 4, 1),
        "clock": time(12, 30),
        "id": "00000000-0000-0000-0000-000000000001",
        "held": '{"a":1}',
        "gap": "1 day, 2:00:00",
    }
    assert frame.schema["at"] == pl.Datetime("us", "UTC")
    assert (frame.schema["big"], frame.schema["number"]) == (pl.Int64, pl.Float64)


def test_the_greatest_numbers_lose_nothing(server):
    frame = rows_of(server, f"select {_WIDE}::numeric as wide, 'NaN'::numeric as no, 1e300::float8 as far")
    assert frame.row(0)[0] == _WIDE
    assert math.isnan(frame.row(0)[1])
    assert frame.row(0)[2] == 1e300


@pytest.mark.parametrize("column", ["array['a', 'b'] as mood", "'[1]'::jsonb as mood", "'\\x01'::bytea as mood"])
def test_lists_and_bytes_are_refused_with_a_way_out(server, column):
    with pytest.raises(DataError, match=r"the column 'mood' holds (lists|bytes).*cast to text"):
        rows_of(server, f"select {column}")
    assert rows_of(server, "select array_to_string(array['a', 'b'], ',') as mood").item() == "a,b"


def test_a_table_of_a_schema_is_read_by_its_name_and_since_is_compared_as_a_time(server):
    assert rows_of(server, "air port.Trips").height == 2000
    query = 'select * from "air port"."Trips" where at > :since and key like \'t%\''
    assert rows_of(server, query, since="2013-03-25T00:00:00").height == 8
    assert rows_of(server, query, since="2013-03-25 00:00:00+00:00").height == 8
    assert rows_of(server, query).height == 2000
    later = query.replace(":since", "cast(:since as timestamp) - interval '2 days'")
    assert rows_of(server, later, since="2013-03-25T00:00:00").height == 56


def test_times_are_told_in_utc_whatever_the_server_thinks(server):
    server.run("alter role reader set timezone = 'Europe/Oslo'")
    frame = rows_of(
        server, "select timestamptz '2013-10-27 00:30+00' + i * interval '1 hour' as at from generate_series(0, 1) i"
    )
    assert frame["at"].to_list() == [datetime(2013, 10, 27, hour, 30, tzinfo=UTC) for hour in (0, 1)]


MEMORY = """
import resource, sys
from daytwo.sources.files import batches
def most(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
rows, before = 0, 0
for batch in batches(sys.argv[1], rows=5_000):
    rows += batch.height
    before = before or (most() if rows >= 20_000 else 0)
print(rows, most() - before)
"""


def test_rows_stream_in_flat_memory(server):
    query = "select i, i * 0.5::float8 as wind, 'trip number ' || i as key from generate_series(1, 250000) i"
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, f"{server.url()}#{query}"], capture_output=True, text=True, check=True
    )
    rows, grown_mb = done.stdout.split()
    assert rows == "250000"
    assert float(grown_mb) < 25  # held whole they are 75 MB of Python's values


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ({"password": "sword@fish"}, "as %40"),
        ({"password": "wrong-secret"}, "password authentication failed"),
        ({"database": "nowhere"}, 'database "nowhere" does not exist'),
        ({"user": "nobody", "password": "wrong-secret"}, "password authentication failed"),
    ],
)
def test_who_may_not_read_is_told_so_without_the_password(server, url, said):
    with pytest.raises(DaytwoError) as told:
        read_rows(f"{server.url(**url)}#kinds")
    words = f"{told.value} {told.value.hint}"
    assert said in words
    assert not any(secret in words for secret in ("wrong-secret", "fish", PASSWORD, "Traceback"))


def test_a_server_that_is_not_there_and_a_query_that_is_wrong_are_told(server):
    with pytest.raises(Fault, match="refused"):
        read_rows(f"postgresql://reader:{PASSWORD}@127.0.0.1:1/postgres#kinds")
    with pytest.raises(DataError, match="no table 'nothing'"):
        rows_of(server, "nothing")
    with pytest.raises(Fault, match='column "missing" does not exist'):
        rows_of(server, "select missing from kinds")
    with pytest.raises(Fault, match="does not exist"):
        rows_of(server, 'select * from "Kinds"')


def test_nothing_is_ever_written(server):
    with pytest.raises(Fault, match="data-modifying"):
        rows_of(server, "with gone as (delete from kinds returning *) select word from gone")
    with pytest.raises(Fault, match="read-only transaction"):
        rows_of(server, "select nextval('counter')")
    assert rows_of(server, "select count(*) from kinds").item() == 2


def test_a_password_by_reference_and_one_among_the_options_are_not_shown(server, monkeypatch):
    monkeypatch.setenv("AIR_PASSWORD", PASSWORD)
    source = parse_source(f"{server.url('env:AIR_PASSWORD')}#select 1 as one")
    assert read_rows(source).frame.item() == 1
    assert PASSWORD not in source.name
    among = f"postgresql://127.0.0.1:{server.port}/postgres?user=reader&password={PASSWORD}#select 1 as one"
    assert read_rows(among).frame.item() == 1
    assert PASSWORD not in parse_source(among).name
    assert parse_source("postgresql://a:p@ss/w:rd@h/d#t").name == "postgresql://a:***@h/d#t"
