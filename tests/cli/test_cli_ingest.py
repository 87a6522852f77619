"""`daytwo ingest`: files, patterns, folders and databases, tried dry or taken in."""

from __future__ import annotations

import sqlite3

import polars as pl
import pytest


@pytest.fixture
def trips(daytwo, rows_file, tmp_path):
    """A project without rows yet, made by `init` alone."""
    folder = tmp_path / "trips"
    made = daytwo("init", rows_file, "--target", "late", "--time", "at", "--key", "trip", "--into", folder)
    assert made.code == 0, made.err
    return folder


@pytest.fixture
def frame(rows_file):
    return pl.read_parquet(rows_file)


def test_a_dry_run_tells_what_would_come_in_and_writes_nothing(daytwo, trips, frame, tmp_path):
    worse = frame.with_columns(wind=pl.when(pl.int_range(pl.len()) < 3).then(-5.0).otherwise("wind"), gate=pl.lit("A"))
    worse.write_csv(tmp_path / "may.csv", separator=";")
    told = daytwo("ingest", "may.csv", "--dry-run", "-C", trips)
    assert told.code == 0
    assert "Would come in: may.csv: 2,997 rows in, 3 kept aside." in told.out
    assert "  3 rows: wind must" in told.out
    assert "  cells are parted by semicolons." in told.out
    assert "  the column 'gate' is new: it is kept, as texts, and no model reads it." in told.out
    assert "next: daytwo ingest may.csv" in told.out
    as_json = daytwo("ingest", "may.csv", "--dry-run", "--json", "-C", trips).json
    assert (as_json["version"], as_json["dry_run"]) == (None, True)
    done = daytwo("ingest", "may.csv", "-C", trips)
    assert "may.csv: 2,997 rows in, 3 kept aside." in done.out
    assert "next: daytwo quarantine list" in done.out
    assert "taken in before" in daytwo("ingest", "may.csv", "--dry-run", "-C", trips).out


def test_patterns_folders_and_databases_are_taken_in_together(daytwo, trips, frame, tmp_path):
    (tmp_path / "rows").mkdir()
    (tmp_path / "more").mkdir()
    frame[:1000].write_csv(tmp_path / "rows" / "a.csv")
    frame[1000:1500].write_ndjson(tmp_path / "rows" / "b.jsonl")
    frame[1500:2000].write_ipc(tmp_path / "more" / "c.arrow")
    (tmp_path / "more" / "read.me").write_text("no rows")
    with sqlite3.connect(tmp_path / "air.db") as connection:
        connection.execute("create table trips (at text, trip text, wind real, carrier text, seats int, late int)")
        rows = frame[2000:2500].with_columns(pl.col("at").dt.strftime("%Y-%m-%d %H:%M:%S")).rows()
        connection.executemany("insert into trips values (?, ?, ?, ?, ?, ?)", rows)
    connection.close()
    told = daytwo("ingest", "rows/*", "more", f"sqlite:///{tmp_path}/air.db#trips", "-C", trips, "--json")
    assert told.code == 0, told.err
    assert [(one["accepted"], one["rejected"]) for one in told.json["files"]] == [
        (1000, 0),
        (500, 0),
        (500, 0),
        (500, 0),
    ]
    assert [one["again"] for one in daytwo("ingest", "rows/*", "-C", trips, "--json").json["files"]] == [True, True]


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("nothing/*.csv", "no file matches 'nothing/*.csv'"),
        ("nothing.csv", "there is no file nothing.csv"),
        ("delta:nothing", "there is no Delta table nothing"),
        ("sqlite:///air.db", "names no table and no query"),
    ],
)
def test_what_cannot_be_found_is_told(daytwo, trips, what, words):
    told = daytwo("ingest", what, "-C", trips)
    assert told.code == 2
    assert words in told.err
    assert "Traceback" not in told.err
