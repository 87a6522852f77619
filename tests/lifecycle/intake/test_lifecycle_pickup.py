"""Files of the source are taken in once each, whatever else lies there."""

from __future__ import annotations

import dataclasses
import os
import sqlite3
from datetime import UTC, datetime, timedelta

import msgspec
import polars as pl
import pytest

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.toml_text import to_toml
from daytwo.core.errors import Conflict, DataError, NotFound
from daytwo.core.schema import Kind
from daytwo.core.settings import DataSettings
from daytwo.lifecycle.intake import pickup
from daytwo.lifecycle.intake.pickup import SourceWatch, take_in
from daytwo.lifecycle.rows import DATASET

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
CONTRACT = Contract(
    "trips",
    1,
    "ana",
    (
        Column("wind", Kind.NUMBER, minimum=0.0, maximum=100.0),
        Column("late", Kind.INTEGER, Role.TARGET, levels=("0", "1")),
    ),
)


@pytest.fixture
def system(ledger, make_system, tmp_path):
    made = make_system(ledger)
    settings = msgspec.structs.replace(made.settings, data=DataSettings(source="rows/*.csv", owner="dan"))
    (tmp_path / "rows").mkdir()
    made.contract_path.write_text(to_toml(CONTRACT))
    return dataclasses.replace(made, settings=settings)


def put(system, name, wind, *, age_s=60.0):
    path = system.folder / "rows" / name
    pl.DataFrame({"wind": wind, "late": [0, 1, None][: len(wind)]}).write_csv(path)
    os.utime(path, ((NOW - timedelta(seconds=age_s)).timestamp(),) * 2)
    return path


def test_a_file_is_taken_in_once_by_its_content(system):
    put(system, "a.csv", [1.0, 200.0, 3.0])
    watch = SourceWatch(system)
    (intake,) = watch.look(NOW)
    assert (intake.accepted, intake.rejected, intake.unlabelled) == (1, 1, 1)
    assert intake.words == "a.csv: 1 rows in, 1 kept aside, 1 without an outcome left out"
    put(system, "copy.csv", [1.0, 200.0, 3.0])
    assert watch.look(NOW) == []
    assert SourceWatch(system).look(NOW) == []
    assert system.tables.read(DATASET).height == 1
    put(system, "a.csv", [1.0, 2.0], age_s=30)
    assert [one.accepted for one in watch.look(NOW)] == [2]


def test_a_file_that_may_still_be_written_waits(system):
    put(system, "a.csv", [1.0], age_s=0.5)
    watch = SourceWatch(system)
    assert watch.look(NOW) == []
    assert watch.pending
    assert [one.accepted for one in watch.look(NOW + timedelta(seconds=2))] == [1]
    assert not watch.pending


def test_a_bad_file_is_told_once_and_tried_again_when_it_or_the_contract_changes(system):
    path = put(system, "bad.csv", [1.0])
    path.write_text("speed,late\n1,0\n")
    os.utime(path, (1e9, 1e9))
    put(system, "good.csv", [1.0])
    watch = SourceWatch(system)
    found = watch.look(NOW)
    assert [bool(one.trouble) for one in found] == [True, False]
    assert "bad.csv: the data has no column 'wind'" in watch.trouble
    assert watch.look(NOW) == []
    (alert,) = system.alerts.alerts()
    assert (alert.kind, alert.subject, alert.owner) == ("source.refused", "bad.csv", "dan")
    optional = dataclasses.replace(CONTRACT.columns[0], required=False, nullable=True)
    system.contract_path.write_text(to_toml(dataclasses.replace(CONTRACT, columns=(optional, CONTRACT.columns[1]))))
    assert [(one.file, one.accepted) for one in watch.look(NOW)] == [("bad.csv", 1)]


def test_nothing_is_found_where_nothing_is(system):
    assert SourceWatch(system).look(NOW) == []
    with pytest.raises(NotFound, match="no file"):
        take_in(system, system.folder / "rows" / "nothing.csv", NOW)
    (system.folder / "rows" / "odd.xyz").write_text("1")
    with pytest.raises(DataError, match="no kind that is read"):
        take_in(system, system.folder / "rows" / "odd.xyz", NOW)
    system.contract_path.unlink()
    with pytest.raises(NotFound, match=r"contract\.toml"):
        SourceWatch(system).look(NOW)


def test_a_new_column_opens_an_alert_once(system):
    for name, gates in (("a.csv", None), ("b.csv", ["x", "y"]), ("c.csv", ["z", "z"])):
        frame = pl.DataFrame({"wind": [1.0, ord(name[0])], "late": [0, 1]})
        frame = frame if gates is None else frame.with_columns(gate=pl.Series(gates))
        frame.write_csv(system.folder / "rows" / name)
        os.utime(system.folder / "rows" / name, (1e9, 1e9))
    found = SourceWatch(system).look(NOW)
    assert [one.new_columns for one in found] == [(), ("gate",), ()]
    (alert,) = system.alerts.alerts()
    assert (alert.kind, alert.subject, alert.owner) == ("source.new_column", "gate", "dan")


def test_a_file_that_changes_while_it_is_read_waits(system, monkeypatch):
    put(system, "a.csv", [1.0])
    monkeypatch.setattr(pickup, "take_in", conflict)
    watch = SourceWatch(system)
    assert watch.look(NOW) == []
    assert watch.pending
    assert system.alerts.alerts() == ()
    monkeypatch.undo()
    assert [one.accepted for one in watch.look(NOW)] == [1]


def conflict(*_):
    raise Conflict("it changed")


def test_files_whose_writing_is_told_are_picked_up(system):
    told = DataSettings(source="csv:rows/*.csv#decimal=, separator=;", owner="dan")
    system = dataclasses.replace(system, settings=msgspec.structs.replace(system.settings, data=told))
    path = put(system, "a.csv", [1.0])
    path.write_text("wind;late\n1,250;1\n")
    os.utime(path, (1e9, 1e9))
    watch = SourceWatch(system)
    assert [(one.file, one.accepted) for one in watch.look(NOW)] == [("a.csv", 1)]
    assert watch.look(NOW) == []
    assert system.tables.read(DATASET)["wind"].to_list() == [1.25]


def test_a_database_is_asked_now_and_then_and_its_trouble_is_told_once(system, tmp_path):
    base = tmp_path / "air.db"
    source = DataSettings(source=f"sqlite:///{base}#trips", owner="dan")
    system = dataclasses.replace(system, settings=msgspec.structs.replace(system.settings, data=source))
    watch = SourceWatch(system)
    assert "no table 'trips'" in watch.look(NOW)[0].trouble
    with sqlite3.connect(base) as connection:
        connection.execute("create table trips as select 1.5 as wind, 1 as late")
    connection.close()
    assert watch.look(NOW + timedelta(seconds=5)) == []
    assert [one.accepted for one in watch.look(NOW + timedelta(seconds=600))] == [1]
    assert watch.look(NOW + timedelta(seconds=1200)) == []
    assert len(system.alerts.alerts()) == 1
