"""Sources that know their types: Parquet, Arrow, Delta, databases; whole, in batches, and named by their content."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from deltalake import write_deltalake
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daytwo.core.errors import DataError, DaytwoError, Fault, NotFound, SettingsError
from daytwo.sources.files import _Reading, batches, content_digest, read_rows, read_sample
from daytwo.sources.source import Form, is_address, parse_source

MOMENT = datetime(2013, 1, 1, 12, tzinfo=UTC)
FRAME = pl.DataFrame(
    {
        "n": [1.5, None, 3.0],
        "i": [1, 2, 3],
        "t": ["a", "ü", None],
        "b": [True, None, False],
        "at": [MOMENT.replace(day=day) for day in (1, 2, 3)],
    }
)


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "air.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table flights (id integer, wind real, carrier text, at text)")
        rows = [(i, i / 2, f"c{i % 3}", f"2013-01-{1 + i % 28:02} 00:00:00") for i in range(250)]
        connection.executemany("insert into flights values (?, ?, ?, ?)", rows)
    connection.close()
    return path


def test_parquet_and_arrow_keep_their_types(tmp_path):
    FRAME.write_parquet(tmp_path / "a.parquet")
    FRAME.write_ipc(tmp_path / "a.arrow")
    FRAME.write_ipc(tmp_path / "a.feather")
    for name in ("a.parquet", "a.arrow", "a.feather"):
        read = read_rows(tmp_path / name)
        assert read.frame.equals(FRAME)
        assert not read.texts


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_a_file_that_was_cut_off_is_told(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    FRAME.write_parquet(path) if suffix == "parquet" else FRAME.write_ipc(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=rf"a\.{suffix}.*cannot be read.*cut off"):
        read_rows(path)


def test_a_delta_table_is_read_as_of_a_version(tmp_path):
    place = tmp_path / "flights"
    write_deltalake(place, FRAME.select("i", "n"))
    write_deltalake(place, FRAME.select("i", "n"), mode="append")
    assert read_rows(place).frame.height == 6
    assert read_rows(f"delta:{place}").frame.height == 6
    assert read_rows(f"delta:{place}@0").frame.height == 3
    names = {content_digest(parse_source(one)) for one in (place, f"delta:{place}@1", f"delta:{place}@0")}
    assert len(names) == 2
    with pytest.raises(DataError, match="as of version 9"):
        read_rows(f"delta:{place}@9")
    with pytest.raises(NotFound, match="no Delta table"):
        read_rows(f"delta:{tmp_path}/nothing")


def test_a_table_and_a_query_of_a_database_are_read(database):
    table = read_rows(f"sqlite:///{database}#flights")
    assert table.frame.schema == {"id": pl.Int64, "wind": pl.Float64, "carrier": pl.String, "at": pl.String}
    assert table.frame.height == 250
    query = f"sqlite:///{database}#select id, wind from flights where at > :since"
    assert read_rows(query, since="2013-01-27 12:00:00").frame.height == 8
    assert read_rows(query).frame.height == 250
    assert [frame.height for frame in batches(query, rows=100)] == [100, 100, 50]


def test_the_rows_of_a_database_are_named_whatever_their_order(database):
    source = parse_source(f"sqlite:///{database}#flights")
    frame = read_rows(source).frame
    name = content_digest(source, frame)
    assert content_digest(source, frame.reverse()) == name
    assert content_digest(source, frame.head(249)) != name
    assert content_digest(source, pl.concat([frame, frame.head(1)])) != name


def test_a_column_of_several_kinds_or_none_in_a_database_is_read(tmp_path):
    with sqlite3.connect(tmp_path / "odd.db") as connection:
        connection.execute("create table odd (a, b, c)")
        connection.executemany("insert into odd values (?, ?, ?)", [(1, None, 1), ("x", None, 2.5), (None, None, 3)])
    connection.close()
    read = read_rows(f"sqlite:///{tmp_path}/odd.db#odd").frame
    assert read.select("a", "c").rows() == [("1", 1.0), ("x", 2.5), (None, 3.0)]
    assert read["b"].null_count() == 3


def test_nothing_is_ever_written_to_a_database(database):
    query = f"sqlite:///{database}#with gone as (select 1) delete from flights"
    with pytest.raises(Fault, match="readonly"):
        read_rows(query)


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        ("sqlite:///nothing.db", DataError, "names no table and no query"),
        ("sqlite:///{folder}/air.db#nothing", DataError, "no table 'nothing'"),
        ("sqlite:///{folder}/air.db#select missing from flights", Fault, "no such column"),
        ("oddsql://host/db#t", DataError, "no driver for this database is known"),
        ("mysql+cymysql://ro:hunter2@host/db#t", DataError, "driver of this database is not installed"),
        ("env:NO_SUCH_URL#t", SettingsError, "env:NO_SUCH_URL is not there"),
    ],
)
def test_what_is_wrong_with_a_database_is_told_without_its_secret(database, source, error, words):
    with pytest.raises(error, match=words) as caught:
        read_rows(source.format(folder=database.parent))
    assert "hunter2" not in str(caught.value)


def test_a_whole_url_may_stand_in_the_environment(database, monkeypatch):
    monkeypatch.setenv("AIR_URL", f"sqlite:///{database}")
    assert read_rows("env:AIR_URL#flights").frame.height == 250


def test_addresses_are_told_from_paths():
    assert [is_address(text) for text in ("a/b.csv", "rows/*.csv", "delta:a@1", "sqlite:///a#b", "C:odd.csv")] == [
        *(False, False, True, True, False)
    ]
    assert parse_source("postgresql://a:pw@h/d#t").name == "postgresql://a:***@h/d#t"
    assert parse_source("postgresql://a:env:PW@h/d#t").name == "postgresql://a:env:PW@h/d#t"
    assert parse_source("sqlite:///a.db#t").form is Form.SQL


def test_batches_are_the_rows_in_order(tmp_path):
    frame = pl.DataFrame({"a": range(10_000), "t": [f"x{i}" for i in range(10_000)]})
    frame.write_parquet(tmp_path / "a.parquet", row_group_size=1_000)
    frame.write_csv(tmp_path / "a.csv")
    frame.write_ndjson(tmp_path / "a.jsonl")
    frame.write_ipc(tmp_path / "a.arrow", record_batch_size=700)
    write_deltalake(tmp_path / "a", frame)
    for name in ("a.parquet", "a.csv", "a.jsonl", "a.arrow", "a"):
        found = list(batches(tmp_path / name, rows=900))
        assert max(one.height for one in found) <= 900
        read = pl.concat(found).with_columns(pl.col("a").cast(pl.Int64))
        assert read.sort("a").equals(frame) if name == "a" else read.equals(frame)


# Reads batches and tells how much memory of its own the process held at most, in KiB, beyond what it began with.
MEASURE = """
import json, sys
from daytwo.sources import packed
from daytwo.sources.files import batches
packed.pieces.__kwdefaults__ = {'size': 1 << 20}  # as a block is to a file of many gigabytes
def held():
    return int(open("/proc/self/status").read().split("RssAnon:")[1].split()[0])
rows = peak = 0
for frame in batches(sys.argv[1], rows=5_000):
    rows += frame.height
    peak = max(peak, held())
print(json.dumps([rows, peak]))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's account of memory")
@pytest.mark.parametrize(
    ("form", "small"),
    [
        ("csv", 15_000),
        ("sql", 5_000),
        pytest.param("jsonl", 15_000, marks=pytest.mark.slow),
        pytest.param("parquet", 250_000, marks=pytest.mark.slow),
        pytest.param("arrow", 250_000, marks=pytest.mark.slow),
    ],
)
def test_memory_does_not_grow_with_the_source(tmp_path, form, small):
    rng, times = np.random.default_rng(1), 4
    frame = pl.DataFrame({f"n{i}": rng.normal(size=small) for i in range(10)} | {"t": ["a text of its own"] * small})
    peaks = []
    for size in (4, 4 * times):
        path = tmp_path / f"rows{size}.{form}"
        many = pl.concat([frame] * size)
        match form:
            case "csv":
                many.write_csv(path)
            case "jsonl":
                many.write_ndjson(path)
            case "parquet":
                many.write_parquet(path, row_group_size=25_000)
            case "arrow":
                many.write_ipc(path, record_batch_size=25_000)
            case "sql":
                with sqlite3.connect(path) as connection:
                    connection.execute(f"create table t ({','.join(many.columns)})")
                    connection.executemany(f"insert into t values ({','.join('?' * many.width)})", many.iter_rows())
                connection.close()
        if size == 4:
            least = max(path.stat().st_size, many.estimated_size())
        source = f"sqlite:///{path}#t" if form == "sql" else str(path)
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, source],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"POLARS_MAX_THREADS": "2"},
        )
        rows, peak = json.loads(done.stdout)
        assert rows == small * size
        peaks.append(peak)
    grown = (peaks[1] - peaks[0]) * 1024
    assert grown < 0.5 * least * (times - 1), peaks


ODD = st.lists(
    st.sampled_from(
        [b'"', b",", b";", b"\n", b"\r", b"\0", b"a", b"1", b"\xff", b"\xfe", "ü".encode(), b"{", b"}", b":"]
    )
    | st.binary(max_size=4),
    max_size=40,
).map(b"".join)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=ODD, suffix=st.sampled_from(["csv", "tsv", "jsonl", "parquet", "arrow", "csv.gz", "jsonl.zst", "csv.zst"])
)
def test_any_bytes_are_rows_or_an_error_of_ours(tmp_path, content, suffix):
    path = tmp_path / f"rows.{suffix}"
    path.write_bytes(content)
    with contextlib.suppress(DaytwoError):
        read_rows(path)
    with contextlib.suppress(DaytwoError):
        assert read_rows(path, keep_broken=True).frame.height == sum(one.height for one in batches(path, rows=2))


@pytest.mark.parametrize("many", [1, 7, 40])
def test_a_sample_lies_evenly_over_a_source_and_says_how_many_rows_there_are(tmp_path, monkeypatch, many):
    path = tmp_path / "rows.csv"
    pl.DataFrame({"n": range(many)}).write_csv(path)
    whole = read_rows(path).frame
    monkeypatch.setattr(_Reading, "_frames", lambda self, rows: whole.iter_slices(3))
    found, count = read_sample(path, most=10)
    step = {1: 1, 7: 1, 40: 4}[many]
    assert count == many
    assert found.frame["n"].to_list() == [str(n) for n in range(0, many, step)]
