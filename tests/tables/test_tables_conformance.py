"""Every adapter of the Tables port does the same."""

import multiprocessing
import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from daytwo.core.errors import NotFound
from daytwo.tables.delta import DeltaTables
from daytwo.tables.memory import MemoryTables
from daytwo.tables.tables import Tables


@pytest.fixture(params=["memory", "delta"])
def tables(request, tmp_path) -> Tables:
    return MemoryTables() if request.param == "memory" else DeltaTables(tmp_path / "tables")


def test_a_missing_table_reads_as_an_empty_frame(tables):
    assert tables.read("nothing").shape == (0, 0)
    assert tables.version("nothing") is None
    assert not tables.has_batch("nothing", "b")


def test_a_batch_is_appended_once_however_often_it_is_tried(tables):
    rows = pl.DataFrame({"a": [1, 2]})
    first = tables.append("t", rows, batch="one")
    assert tables.append("t", rows, batch="one") == first
    assert tables.read("t").height == 2
    assert tables.has_batch("t", "one")
    assert not tables.has_batch("t", "two")


def test_a_new_column_is_added_with_nulls_before(tables):
    tables.append("t", pl.DataFrame({"a": [1]}), batch="1")
    tables.append("t", pl.DataFrame({"a": [2], "b": ["x"]}), batch="2")
    frame = tables.read("t").sort("a")
    assert frame["b"].to_list() == [None, "x"]


def test_a_missing_column_becomes_null(tables):
    tables.append("t", pl.DataFrame({"a": [1], "b": ["x"]}), batch="1")
    tables.append("t", pl.DataFrame({"a": [2]}), batch="2")
    assert tables.read("t").sort("a")["b"].to_list() == ["x", None]


def test_an_old_version_stays_readable(tables):
    first = tables.append("t", pl.DataFrame({"a": [1]}), batch="1")
    tables.append("t", pl.DataFrame({"a": [2]}), batch="2")
    assert tables.read("t", version=first)["a"].to_list() == [1]
    assert sorted(tables.read("t", columns=["a"], where=pl.col("a") > 1)["a"].to_list()) == [2]


def test_old_rows_are_forgotten_for_good_and_their_batches_stay_known(tables):
    moments = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)]
    kind = {"at": pl.Datetime("us", "UTC")}
    tables.append("t", pl.DataFrame({"at": moments, "who": ["a", "b", "c"]}, schema_overrides=kind), batch="1")
    tables.append("t", pl.DataFrame({"at": [None], "who": ["d"]}, schema_overrides=kind), batch="2")
    assert tables.forget("t", "at", moments[2]) == 2
    assert sorted(tables.read("t")["who"]) == ["c", "d"]
    version = tables.version("t")
    assert tables.forget("t", "at", moments[2]) == 0
    assert (
        tables.append("t", pl.DataFrame({"at": moments[:1], "who": ["a"]}, schema_overrides=kind), batch="1") <= version
    )
    assert sorted(tables.read("t")["who"]) == ["c", "d"]
    assert tables.forget("nothing", "at", moments[2]) == 0
    assert tables.forget("t", "another", moments[2]) == 0


def test_what_was_forgotten_is_in_no_file_once_nobody_reads_it(tmp_path, monkeypatch):
    monkeypatch.setattr("daytwo.tables.delta._STILL_READ_HOURS", 0)
    tables = DeltaTables(tmp_path)
    moments = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 3)]
    tables.append("t", pl.DataFrame({"at": moments, "who": ["mrs-old", "mr-new"]}), batch="1")
    tables.forget("t", "at", datetime(2026, 1, 2, tzinfo=UTC))
    files = [path for path in (tmp_path / "t").rglob("*") if path.is_file()]
    assert len(files) >= 3
    held = [pl.read_parquet(path)["who"].to_list() for path in files if path.suffix == ".parquet"]
    assert held == [["mr-new"]]
    assert not [path for path in files if b"mrs-old" in path.read_bytes()]


def test_a_version_that_never_was_is_named(tmp_path):
    tables = DeltaTables(tmp_path)
    tables.append("t", pl.DataFrame({"a": [1]}), batch="1")
    with pytest.raises(NotFound, match="has no version 9"):
        tables.read("t", version=9)


def test_values_of_system_columns_never_reach_the_log(tmp_path):
    tables = DeltaTables(tmp_path)
    rows = pl.DataFrame({"_subject": ["N123-secret"], "_key": ["k-secret"], "a": [1.0]})
    tables.append("t", rows, batch="1")
    log = b"".join(file.read_bytes() for file in (tmp_path / "t" / "_delta_log").iterdir())
    assert b"secret" not in log


def _append_for_ever(folder: Path, sender) -> None:
    tables = DeltaTables(folder)
    for i in range(10_000):
        tables.append("t", pl.DataFrame({"a": [i]}), batch=f"batch {i}")
        sender.send(i)


def test_rows_acknowledged_before_a_kill_are_there_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_append_for_ever, args=(tmp_path, sender))
    process.start()
    acknowledged = [receiver.recv() for _ in range(5)]
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    tables = DeltaTables(tmp_path)
    for i in range(7):  # the batch that was in flight, and one nobody tried yet
        tables.append("t", pl.DataFrame({"a": [i]}), batch=f"batch {i}")
    rows = tables.read("t")["a"].to_list()
    assert len(rows) == len(set(rows))
    assert set(acknowledged) | set(range(7)) <= set(rows)


def _append_some(folder: Path, name: str) -> None:
    tables = DeltaTables(folder)
    for i in range(10):
        tables.append("t", pl.DataFrame({"who": [name], "i": [i]}), batch=f"{name} {i}")


def test_two_writers_lose_nothing(tmp_path):
    DeltaTables(tmp_path).append("t", pl.DataFrame({"who": ["first"], "i": [0]}), batch="first")
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append_some, args=(tmp_path, name)) for name in ("a", "b")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert DeltaTables(tmp_path).read("t").n_unique() == 21


def test_the_schema_is_that_of_the_newest_version(tables):
    assert tables.schema("t") == {}
    tables.append("t", pl.DataFrame({"a": [1]}), batch="1")
    tables.append("t", pl.DataFrame({"a": [2], "b": ["x"]}), batch="2")
    assert tables.schema("t") == {"a": pl.Int64, "b": pl.String}


def test_whole_numbers_become_the_tables_numbers(tables):
    tables.append("t", pl.DataFrame({"a": [1.5]}), batch="1", retype=True)
    tables.append("t", pl.DataFrame({"a": [2]}), batch="2", retype=True)
    assert tables.read("t").sort("a")["a"].to_list() == [1.5, 2.0]


def test_a_column_takes_the_type_that_newer_rows_have(tables):
    first = tables.append("t", pl.DataFrame({"a": ["1", "x"], "b": [1, 2]}), batch="1", retype=True)
    tables.append("t", pl.DataFrame({"a": [3], "c": [True]}), batch="2", retype=True)
    assert tables.schema("t") == {"a": pl.Int64, "b": pl.Int64, "c": pl.Boolean}
    assert sorted(tables.read("t").rows(), key=str) == [(1, 1, None), (3, None, True), (None, 2, None)]
    assert tables.read("t", version=first)["a"].to_list() == ["1", "x"]
    tables.append("t", pl.DataFrame({"a": [3], "c": [True]}), batch="2", retype=True)
    assert tables.read("t").height == 3
