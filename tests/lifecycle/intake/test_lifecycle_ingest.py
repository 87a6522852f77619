"""An ingest that is killed anywhere, or done twice at once, leaves each row, each bad row and each entry once."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import polars as pl
import pytest
from deltalake import write_deltalake

from daytwo.contracts.action import Action
from daytwo.contracts.batch import Batch
from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract, Rule
from daytwo.contracts.relations import Reference, Unique
from daytwo.contracts.toml_text import to_toml
from daytwo.core.errors import Conflict, DataError, Refused
from daytwo.core.schema import Kind
from daytwo.flows import open_runner
from daytwo.lifecycle.intake import ingest as ingest_file
from daytwo.lifecycle.intake import intakes
from daytwo.lifecycle.intake.pickup import preview, take_in
from daytwo.lifecycle.windows import Span, WindowRecord
from daytwo.wiring import open_system

NOW = datetime(2013, 6, 1, tzinfo=UTC)
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["daytwo.flows", "daytwo.lifecycle.intake.pickup", "daytwo.wiring"])
CONTRACT = Contract(
    "trips",
    1,
    "ana",
    (
        Column("at", Kind.TIME, Role.TIME),
        Column("trip", Kind.TEXT, Role.KEY, max_length=9),
        Column("wind", Kind.NUMBER, minimum=0.0, maximum=100.0, owner="weather@airline.example"),
        Column("seats", Kind.INTEGER),
        Column("late", Kind.INTEGER, Role.TARGET, levels=("0", "1")),
    ),
    rules=(Rule("room", "seats >= wind / 100"),),
)
SETTINGS = """
[model]
name = "trips"
target = "late"
time = "at"
key = "trip"
owner = "ana"
[data]
owner = "dan"
[value]
true_positive = "2 * seats"
"""


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "daytwo.toml").write_text(SETTINGS)
    (folder / "contract.toml").write_text(to_toml(CONTRACT))
    return folder


def trips(first: int = 0, rows: int = 20, **columns: object) -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            "at": [datetime(2013, 1, 1, tzinfo=UTC) + timedelta(hours=first + i) for i in range(rows)],
            "trip": [f"t{first + i}" for i in range(rows)],
            "wind": [float(i) for i in range(rows)],
            "seats": [100 + i for i in range(rows)],
            "late": [i % 2 for i in range(rows)],
        }
    )
    return frame.with_columns(pl.Series(name, values) for name, values in columns.items())


def write(folder: Path, frame: pl.DataFrame, name: str = "rows.parquet") -> Path:
    path = folder / name
    frame.write_csv(path) if path.suffix == ".csv" else frame.write_parquet(path)
    return path


def with_bad(frame: pl.DataFrame) -> pl.DataFrame:
    wind = frame["wind"].to_list()
    wind[3], wind[7] = 500.0, -1.0
    return frame.with_columns(pl.Series("wind", wind))


def _directly(system, path: str):
    intake = take_in(system, path, NOW)
    return intake.again, intake.accepted, intake.rejected


def _durably(system, path: str):
    with open_runner(system) as runner:
        done = runner.run("ingest", "ingest-1", {"path": path, "now": NOW.isoformat()})
    return done["again"], done["accepted"], done["rejected"]


def _take(folder: Path, path: str, kill_at: int, told, way=_directly) -> None:
    """Take a file in, counting the moments before and after each write; at one of them the process is killed."""
    moments = 0

    def moment() -> None:
        nonlocal moments
        moments += 1
        if moments == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def watched(work):
        def call(*args, **options):
            moment()
            done = work(*args, **options)
            moment()
            return done

        return call

    system = open_system(folder)
    for thing, name in ((system.tables, "append"), (system.audit, "append"), (intakes, "write_whole")):
        setattr(thing, name, watched(getattr(thing, name)))
    found = way(system, path)
    told.send((moments, *found))


def run_to_kill(folder: Path, path: Path, kill_at: int, way=_directly):
    """Run an ingest in a process of its own; return what it told, or None where it was killed."""
    receiver, sender = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=_take, args=(folder, str(path), kill_at, sender, way))
    process.start()
    sender.close()
    try:
        return receiver.recv()
    except EOFError:
        return None
    finally:
        process.join()
        receiver.close()


def content(folder: Path) -> tuple[list[str], list[str], list[int], list[str]]:
    """Everything that an ingest leaves: keys in the dataset, bad rows, records, audit entries."""
    system = open_system(folder)
    tables = system.tables
    bad = tables.read("quarantine")
    entries = [one.entry for one in system.audit.read()]
    assert not list((folder / ".daytwo" / "intake").glob("*.json"))
    return (
        sorted(tables.read("dataset")["trip"].to_list()),
        sorted(bad["_id"].to_list()) if bad.width else [],
        tables.read("ingests").sort("version")["accepted"].to_list(),
        [f"{one.action} {one.subject} {one.detail['accepted']}+{one.detail['rejected']}" for one in entries],
    )


def test_an_ingest_killed_at_any_moment_is_there_once_after_the_next(project, tmp_path):
    path = write(tmp_path, with_bad(trips()))
    whole = run_to_kill(project, path, 0)
    moments = whole[0]
    expected = content(project)
    assert whole[1:] == (False, 18, 2)
    assert moments >= 10
    assert (len(expected[0]), len(expected[1]), expected[2]) == (18, 2, [18])
    assert expected[3] == ["ingest rows.parquet 18+2"]
    for kill_at in range(1, moments + 1):
        folder = tmp_path / f"killed-{kill_at}"
        folder.mkdir()
        for name in ("daytwo.toml", "contract.toml"):
            (folder / name).write_bytes((project / name).read_bytes())
        assert run_to_kill(folder, path, kill_at) is None
        told = take_in(open_system(folder), path, NOW)
        assert (told.again, told.accepted, told.rejected) == (False, 18, 2)
        assert content(folder) == expected
        assert take_in(open_system(folder), path, NOW).again
        assert content(folder) == expected


@pytest.mark.slow
@pytest.mark.parametrize("kill_at", [2, 4, 6, 10])
def test_a_durable_flow_that_is_killed_goes_on_with_its_ingest(project, tmp_path, kill_at):
    path = write(tmp_path, with_bad(trips()))
    assert run_to_kill(project, path, kill_at, _durably) is None
    assert run_to_kill(project, path, 0, _durably)[1:] == (False, 18, 2)
    keys, bad, accepted, entries = content(project)
    assert (len(keys), len(bad), accepted, entries) == (18, 2, [18], ["ingest rows.parquet 18+2"])
    assert run_to_kill(project, path, 0)[1:] == (True, 0, 0)


def test_what_was_cut_short_is_finished_though_source_and_contract_have_changed(project, tmp_path):
    path = write(tmp_path, with_bad(trips()))
    # The dataset's commit is the second write: whoever is killed behind it has left the rest to the next one.
    assert run_to_kill(project, path, 4) is None
    assert open_system(project).tables.read("dataset").height == 18
    path.unlink()
    wide = replace(CONTRACT.columns[2], minimum=None, maximum=None)
    (project / "contract.toml").write_text(
        to_toml(CONTRACT.renewed(columns=(*CONTRACT.columns[:2], wide, *CONTRACT.columns[3:])))
    )
    other = write(tmp_path, trips(100, 5), "other.parquet")
    assert run_to_kill(project, other, 0)[1:] == (False, 5, 0)
    keys, bad, accepted, entries = content(project)
    assert (len(keys), len(bad), accepted) == (23, 2, [18, 5])
    assert entries == ["ingest rows.parquet 18+2", "ingest other.parquet 5+0"]


def test_two_at_once_take_one_content_in_once(project, tmp_path):
    path = write(tmp_path, with_bad(trips(rows=2_000)))
    pipes, processes = [], []
    for _ in range(3):
        receiver, sender = PROCESSES.Pipe(duplex=False)
        processes.append(PROCESSES.Process(target=_take, args=(project, str(path), 0, sender)))
        pipes.append(receiver)
    for process in processes:
        process.start()
    told = [pipe.recv() for pipe in pipes]
    for process in processes:
        process.join()
    assert sorted(again for _, again, *_ in told) == [False, True, True]
    keys, bad, accepted, entries = content(project)
    assert (len(keys), len(set(keys)), accepted, len(entries)) == (len(keys), len(keys), [len(keys)], 1)
    assert len(keys) + len(bad) == 2_000


def test_a_version_records_where_it_came_from(project, tmp_path):
    system = open_system(project)
    intake = take_in(system, write(tmp_path, with_bad(trips())), NOW)
    (line,) = system.tables.read("ingests").to_dicts()
    assert (line["source"], line["rows"], line["accepted"], line["rejected"]) == ("rows.parquet", 20, 18, 2)
    assert (line["contract"], line["contract_version"]) == (CONTRACT.digest, 1)
    assert line["version"] == intake.version == system.tables.version("dataset")
    assert line["batch"] == f"file:{intake.digest}"
    assert line["last_time"] == datetime(2013, 1, 1, 19, tzinfo=UTC)
    detail = system.audit.read()[0].entry.detail
    assert (detail["contract"], detail["batch"], detail["version"]) == (CONTRACT.digest, line["batch"], line["version"])


def test_a_dry_run_says_the_same_and_writes_nothing(project, tmp_path):
    system = open_system(project)
    path = write(tmp_path, with_bad(trips()))
    before = preview(system, path, NOW)
    assert system.tables.version("dataset") is None
    assert not list(system.state.glob("intake/*"))
    after = take_in(system, path, NOW)
    assert (after.accepted, after.rejected, after.reasons) == (before.accepted, before.rejected, before.reasons)
    assert preview(system, path, NOW).again


def test_a_csv_file_gives_the_same_rows_as_parquet(project, tmp_path):
    system = open_system(project)
    frame = with_bad(trips()).with_columns(pl.lit(None, pl.Int64).alias("late"))
    frame = frame.with_columns(pl.Series("late", [None if i == 5 else i % 2 for i in range(20)]))
    by_csv = take_in(system, write(tmp_path, frame, "rows.csv"), NOW)
    by_parquet = take_in(system, write(tmp_path, frame), NOW)
    assert (by_csv.accepted, by_csv.rejected, by_csv.unlabelled) == (17, 2, 1)
    bad = system.tables.read("quarantine").sort("source", "_id")
    kept = [json.loads(row) for row in bad["row"]]
    assert [row["wind"] for row in kept] == [500.0, -1.0] * 2
    assert [row["seats"] for row in kept] == [103, 107] * 2
    both = system.tables.read("dataset").sort("trip")
    assert both.height == 34
    assert both[::2].equals(both[1::2])
    assert [reason["examples"] for reason in by_csv.reasons] == [reason["examples"] for reason in by_parquet.reasons]


def test_lines_that_are_no_rows_are_kept_aside_with_their_number(project, tmp_path):
    system = open_system(project)
    path = write(tmp_path, trips(), "rows.csv")
    lines = path.read_text().splitlines()
    lines[4] += ",one,more"
    path.write_text("\n".join(lines) + "\n")
    intake = take_in(system, path, NOW)
    assert (intake.accepted, intake.rejected) == (19, 1)
    (bad,) = system.tables.read("quarantine").to_dicts()
    assert "line 5 has 7 cells, the header 5" in bad["reasons"]
    assert "one,more" in bad["row"]
    assert any("line 5 has 7 cells" in line for line in intake.lines)


def test_a_new_column_is_told_once_and_kept_and_may_become_a_promise(project, tmp_path):
    system = open_system(project)
    take_in(system, write(tmp_path, trips()), NOW)
    second = take_in(system, write(tmp_path, trips(100, gate=[f"{i}" for i in range(20)]), "b.parquet"), NOW)
    assert second.new_columns == ("gate",)
    assert "the column 'gate' is new: it is kept, as texts, and no model reads it" in second.notes
    third = take_in(system, write(tmp_path, trips(200, gate=list(range(20)), odd=[[1]] * 20), "c.parquet"), NOW)
    assert third.new_columns == ("odd",)
    kept = system.tables.read("dataset").sort("at")
    assert kept["gate"].to_list() == [None] * 20 + [str(i) for i in range(20)] * 2
    assert kept["odd"].drop_nulls().unique().to_list() == ["[1]"]
    promised = CONTRACT.renewed(columns=(*CONTRACT.columns, Column("gate", Kind.INTEGER, nullable=True)))
    system.contract_path.write_text(to_toml(promised))
    take_in(system, write(tmp_path, trips(300, gate=list(range(20))), "d.parquet"), NOW)
    kept = system.tables.read("dataset").sort("at")
    assert kept["gate"].to_list() == [None] * 20 + list(range(20)) * 3
    assert kept.height == 80


def test_a_lost_column_is_refused_with_who_needs_it(project, tmp_path):
    system = open_system(project)
    with pytest.raises(DataError) as caught:
        take_in(system, write(tmp_path, trips().drop("wind", "seats")), NOW)
    message = caught.value.message
    assert "the data has no column 'wind', 'seats', which the contract 'trips' requires" in message
    assert "'wind': the model reads it, the rule 'room' reads it" in message
    assert "'seats': the model reads it, the rule 'room' reads it, [value] reads it" in message
    assert "ask weather@airline.example, ana" in caught.value.hint
    assert system.tables.version("dataset") is None


def test_a_column_that_changed_its_type_is_told_with_examples(project, tmp_path):
    system = open_system(project)
    path = write(tmp_path, trips(wind=[f"{i} kn" for i in range(20)]))
    intake = take_in(system, path, NOW)
    assert (intake.accepted, intake.rejected) == (0, 20)
    (note,) = [note for note in intake.notes if "changed its type" in note]
    assert "'wind'" in note
    assert "'0 kn' (row 0), '1 kn' (row 1), '2 kn' (row 2)" in note


def test_promises_between_rows_and_of_the_whole_hold_across_files(project, tmp_path):
    system = open_system(project)
    unique, port = Unique("trips", ("trip",)), Reference("port", ("seats",), "ports", ("number",))
    small = Batch(maximum_rows=30, window="10d", action=Action.REJECT)
    system.tables.append("ports", pl.DataFrame({"number": list(range(100, 119))}), batch="ports")
    system.contract_path.write_text(to_toml(replace(CONTRACT, relations=(unique, port), batch=small)))
    first = take_in(system, write(tmp_path, trips()), NOW)
    assert [(one["rule"], one["rows"]) for one in first.reasons] == [("reference:port", 1)]
    second = take_in(system, write(tmp_path, trips(15, 10), "b.parquet"), NOW)
    assert (second.accepted, [(one["rule"], one["rows"]) for one in second.reasons]) == (6, [("unique:trips", 4)])
    with pytest.raises(Refused, match=r"c\.parquet is refused as a whole"):
        take_in(system, write(tmp_path, trips(500, 60), "c.parquet"), NOW)
    assert system.tables.read("dataset").height == 25


def test_late_rows_are_accepted_and_counted_also_against_settled_windows(project, tmp_path):
    system = open_system(project)
    start = datetime(2013, 1, 1, tzinfo=UTC)
    first = take_in(system, write(tmp_path, trips(50)), NOW)
    assert (first.late, first.late_settled) == (0, 0)
    system.windows.put(WindowRecord(Span(0, start, start + timedelta(hours=5)), {}, {"rows": 1}))
    second = take_in(system, write(tmp_path, trips(0, 60), "b.parquet"), NOW)
    assert (second.accepted, second.late, second.late_settled) == (60, 60, 5)
    assert any("5 rows belong to windows that are settled" in line for line in second.lines)


def test_a_file_that_changes_while_it_is_read_is_left_alone(project, tmp_path, monkeypatch):
    system = open_system(project)
    path = write(tmp_path, trips(), "rows.csv")
    read = ingest_file.read_rows

    def slowly(source, **options):
        rows = read(source, **options)
        with path.open("a") as stream:
            stream.write("2013-03-01,late,1,1,1\n")
        return rows

    monkeypatch.setattr(ingest_file, "read_rows", slowly)
    with pytest.raises(Conflict, match="changed while it was read"):
        take_in(system, path, NOW)
    assert system.tables.version("dataset") is None


def test_a_database_that_grows_gives_each_row_once(project, tmp_path):
    system = open_system(project)
    base = tmp_path / "air.db"

    def add(frame: pl.DataFrame) -> None:
        with sqlite3.connect(base) as connection:
            connection.execute("create table if not exists trips (at text, trip text, wind real, seats int, late int)")
            rows = frame.with_columns(pl.col("at").dt.strftime("%Y-%m-%d %H:%M:%S")).rows()
            connection.executemany("insert into trips values (?, ?, ?, ?, ?)", rows)
        connection.close()

    whole, since = f"sqlite:///{base}#trips", f"sqlite:///{base}#select * from trips where at > :since"
    add(trips(0, 20))
    assert take_in(system, whole, NOW).accepted == 20
    assert take_in(system, whole, NOW).again
    add(trips(20, 5))
    found = take_in(system, whole, NOW)
    assert (found.accepted, found.known) == (5, 20)
    add(trips(25, 5))
    assert take_in(system, since, NOW).accepted == 5
    assert take_in(system, since, NOW).again
    add(trips(30, 5))
    found = take_in(system, since, NOW)
    assert (found.rows, found.accepted, found.known) == (5, 5, 0)
    assert system.tables.read("dataset")["trip"].n_unique() == system.tables.read("dataset").height == 35


def test_a_delta_table_that_grows_gives_each_row_once(project, tmp_path):
    system = open_system(project)
    place = tmp_path / "trips"
    write_deltalake(place, trips(0, 20))
    assert take_in(system, place, NOW).accepted == 20
    assert take_in(system, f"delta:{place}", NOW).again
    write_deltalake(place, trips(20, 5), mode="append")
    found = take_in(system, place, NOW)
    assert (found.accepted, found.known) == (5, 20)
    assert take_in(system, f"delta:{place}@0", NOW).again


def test_sources_are_files_folders_and_addresses(tmp_path):
    names = partial(ingest_file.sources, tmp_path)
    (tmp_path / "rows").mkdir()
    for name in ("b.csv", "a.parquet", "notes.txt"):
        (tmp_path / "rows" / name).write_text("x")
    assert [path.name for path in names("rows")] == ["a.parquet", "b.csv"]
    assert [path.name for path in names("rows/*.csv")] == ["b.csv"]
    assert names("csv:rows/*.csv#decimal=,") == (f"csv:{tmp_path}/rows/b.csv#decimal=,",)
    assert names("sqlite:///air.db#trips") == ("sqlite:///air.db#trips",)
    write_deltalake(tmp_path / "rows" / "table", trips())
    assert [path.name for path in names("rows/table")] == ["table"]
