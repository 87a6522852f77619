from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import numpy as np
import polars as pl
import pytest

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.decoder import compile_decoder
from daytwo.contracts.encoder import Encoder
from daytwo.contracts.toml_text import to_toml
from daytwo.core.errors import Fault, NotFound
from daytwo.core.schema import Kind
from daytwo.predictions.journal import Journal
from daytwo.predictions.record import (
    BadRow,
    BreachRecord,
    Feedback,
    FeedbackRecord,
    Label,
    LabelsRecord,
    PredictionRecord,
    ShadowRecord,
    encode,
)
from daytwo.predictions.segments import sealed_segments
from daytwo.predictions.ship import ship
from daytwo.tables.delta import DeltaTables
from daytwo.tables.memory import MemoryTables

OLD = Contract(
    "trips",
    1,
    "o",
    (
        Column("id", Kind.TEXT, Role.KEY),
        Column("tail", Kind.TEXT, Role.SUBJECT),
        Column("at", Kind.TIME, Role.TIME),
        Column("wind", Kind.NUMBER, nullable=True),
        Column("seats", Kind.INTEGER),
        Column("carrier", Kind.CATEGORY, levels=("AA", "UA")),
        Column("night", Kind.BOOLEAN),
        Column("price", Kind.NUMBER, Role.IGNORED),
    ),
)
NEW = OLD.renewed(columns=(*OLD.columns, Column("rain", Kind.NUMBER)))
CONTRACTS = {"old": OLD, "new": NEW}
ROW = {
    "id": "k1", "tail": "N1", "at": "2013-04-01T10:00:00+02:00", "wind": 3, "seats": 100, "carrier": "AA",
    "night": True, "price": 9.5,
}  # fmt: skip
SECOND = 1_000_000


def contract_of(version):
    if version not in CONTRACTS:
        raise NotFound(f"no bundle {version}")
    return CONTRACTS[version]


def prediction(start, *rows, versions=("old",), **more):
    given = {
        "request_id": f"r{start}",
        "received_at_us": SECOND,
        "prefix": "p-",
        "start": start,
        "versions": versions,
        "arms": ("champion", "canary")[: len(versions)],
        "keys": ("id", "id")[: len(versions)],
        "scores": [0.5] * len(rows),
        "rows": msgspec.Raw(json.dumps(rows).encode()),
    }
    return PredictionRecord(**{**given, **more})


def write(folder, *records, prefix="p-"):
    journal = Journal(folder, prefix)
    for record in records:
        journal.append(encode(record))
    journal.close()


def test_rows_become_typed_columns_of_their_contract(tmp_path):
    record = prediction(
        0, ROW, ROW | {"wind": None, "at": "2013-05"}, acts=[True, False], gains=[2.5, None], model_us=[12.5]
    )
    write(tmp_path, record)
    tables = MemoryTables()
    shipped = ship(tmp_path, tables, contract_of, columns_of=lambda _: ("price", "unknown"))
    assert shipped.rows == {"predictions": 2}
    rows = tables.read("predictions")
    assert rows.schema == {
        "_id": pl.String, "_request": pl.String, "_received_at": pl.Datetime("us", "UTC"),
        "_time": pl.Datetime("us", "UTC"), "_key": pl.String, "_subject": pl.String, "_version": pl.String,
        "_arm": pl.String, "_score": pl.Float64, "_act": pl.Boolean, "_gain": pl.Float64, "_quarantine": pl.String,
        "_replay_of": pl.String, "_fallback": pl.String, "_stand_in": pl.String,
        "_held": pl.Boolean, "_advised": pl.Boolean, "_token": pl.String, "_model_us": pl.Float64,
        "wind": pl.Float64, "seats": pl.Int64, "carrier": pl.String, "night": pl.Boolean,
        "price": pl.Float64,
    }  # fmt: skip
    assert rows.row(0) == (
        "p-000000000", "r0", datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), datetime(2013, 4, 1, 8, tzinfo=UTC), "k1", "N1",
        "old", "champion", 0.5, True, 2.5, None, None, None, None, False, True, None, 12.5, 3.0, 100, "AA", True, 9.5,
    )  # fmt: skip
    assert rows["_time"][1] == datetime(2013, 5, 1, tzinfo=UTC)
    assert rows["wind"][1] is None


def test_a_bad_row_is_a_prediction_of_the_fallback_and_lies_in_quarantine_as_it_was_sent(tmp_path):
    breach = BreachRecord("wind", "type", "12", "wind must be a number")
    broken = b'{"id": "k2", "wind": "12",  "at": "soon"}'
    rows = msgspec.Raw(b"[" + json.dumps(ROW).encode() + b", " + broken + b", 5]")
    record = prediction(
        7, {}, {}, {}, scores=[0.5, 0.2, 0.2], rows=rows, bad=(BadRow(1, (breach,)), BadRow(2, (breach,)))
    )
    write(tmp_path, record)
    tables = MemoryTables()
    assert ship(tmp_path, tables, contract_of).rows == {"predictions": 3, "quarantine": 2}
    predictions, quarantine = tables.read("predictions"), tables.read("quarantine")
    assert predictions["_arm"].to_list() == ["champion", "fallback", "fallback"]
    assert predictions["_quarantine"].to_list() == [None, "q-p-000000008", "q-p-000000009"]
    assert predictions["_key"].to_list() == ["k1", "k2", None]
    assert predictions["wind"].to_list() == [3.0, None, None]
    assert predictions["_time"][1] == predictions["_received_at"][1]
    assert quarantine["row"].to_list() == [broken.decode(), "5"]
    assert json.loads(quarantine["reasons"][0]) == [
        {"column": "wind", "rule": "type", "value": "12", "message": "wind must be a number"}
    ]
    assert quarantine["_time"].to_list() == [None, None]
    assert quarantine["contract"].to_list() == [OLD.digest] * 2


def test_several_contracts_in_one_segment_share_the_table(tmp_path):
    write(
        tmp_path,
        prediction(0, ROW, ROW | {"rain": 1.5}, versions=("old", "new"), version_of=[0, 1]),
        prediction(2, ROW | {"rain": 2}, versions=("new",), failed=(0,), replay_of=["q-x"]),
    )
    tables = MemoryTables()
    ship(tmp_path, tables, contract_of)
    rows = tables.read("predictions").sort("_id")
    assert rows["_version"].to_list() == ["old", "new", "new"]
    assert rows["_arm"].to_list() == ["champion", "canary", "fallback"]
    assert rows["rain"].to_list() == [None, 1.5, 2.0]
    assert rows["_replay_of"].to_list() == [None, None, "q-x"]


def test_shadow_scores_labels_and_feedback_go_to_their_tables(tmp_path):
    shadow = ShadowRecord(
        prefix="p-",
        start=4,
        version="new",
        received_at_us=SECOND,
        scores=[0.1, None, 0.3],
        times=["2013-04-01", None, None],
    )
    by_key = Label(key="k", label=1.0, observed_at_us=SECOND)
    by_id = Label(prediction_id="p", label=0.0, observed_at_us=0)
    said = [
        Feedback(prediction_id="p", action="overridden", reason="storm", by="ops", outcome="0"),
        Feedback(prediction_id="q", action="ignored"),
    ]
    feedback = FeedbackRecord(request_id="f", received_at_us=SECOND, token="desk", feedback=said)
    write(tmp_path, shadow, LabelsRecord(received_at_us=2 * SECOND, labels=[by_key, by_id]), feedback)
    tables = MemoryTables()
    assert ship(tmp_path, tables, contract_of).rows == {"shadow": 2, "labels": 2, "feedback": 2}
    shadow = tables.read("shadow")
    assert shadow["_id"].to_list() == ["p-000000004", "p-000000006"]
    assert shadow["_time"].to_list() == [datetime(2013, 4, 1, tzinfo=UTC), datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)]
    assert tables.read("labels").rows()[0][:3] == (None, "k", 1.0)
    assert tables.read("feedback").rows()[0][:4] == ("p", "overridden", "storm", "ops")
    assert tables.read("feedback").rows()[0][4:6] == ("0", "desk")


class _Dying(MemoryTables):
    """Tables whose process dies after it has appended to one of them."""

    def __init__(self, after):
        super().__init__()
        self.after = after

    def append(self, table, rows, *, batch):
        version = super().append(table, rows, batch=batch)
        if table == self.after:
            self.after = None
            raise KeyboardInterrupt
        return version


@pytest.mark.parametrize("after", ["predictions", "quarantine", "labels"])
def test_a_death_between_append_and_putting_aside_ships_nothing_twice(tmp_path, after):
    breach = BreachRecord("wind", "type", "12", "wind must be a number")
    label = Label(key="k", label=1.0, observed_at_us=0)
    write(tmp_path, prediction(0, ROW, bad=(BadRow(0, (breach,)),)), LabelsRecord(received_at_us=0, labels=[label]))
    tables = _Dying(after)
    with pytest.raises(KeyboardInterrupt):
        ship(tmp_path, tables, contract_of)
    assert len(sealed_segments(tmp_path)) == 1
    assert ship(tmp_path, tables, contract_of).segments == ("p-000000",)
    assert {name: tables.read(name).height for name in ("predictions", "quarantine", "labels")} == {
        "predictions": 1,
        "quarantine": 1,
        "labels": 1,
    }
    assert ship(tmp_path, tables, contract_of).segments == ()
    assert [path.name for path in sealed_segments(tmp_path / "shipped")] == ["p-000000.segment"]


def test_a_segment_of_an_unknown_version_is_held_and_the_others_go(tmp_path):
    write(tmp_path, prediction(0, ROW, versions=("lost",)), prefix="a-")
    write(tmp_path, prediction(1, ROW), prefix="b-")
    tables = MemoryTables()
    shipped = ship(tmp_path, tables, contract_of)
    assert shipped.segments == ("b-000000",)
    assert "no bundle lost" in shipped.held["a-000000"]
    CONTRACTS["lost"] = OLD
    try:
        assert ship(tmp_path, tables, contract_of).segments == ("a-000000",)
    finally:
        del CONTRACTS["lost"]
    assert tables.read("predictions").height == 2


def test_a_record_of_another_form_is_held_with_a_reason(tmp_path):
    journal = Journal(tmp_path, "p-")
    journal.append(b'{"type":"prophecy"}')
    journal.close()
    assert "a form this version does not read" in ship(tmp_path, MemoryTables(), contract_of).held["p-000000"]


def test_bytes_that_are_no_record_are_kept_aside_and_told(tmp_path):
    write(tmp_path, prediction(0, ROW))
    (path,) = sealed_segments(tmp_path)
    path.write_bytes(path.read_bytes() + b"\1" * 100)
    shipped = ship(tmp_path, MemoryTables(), contract_of)
    assert shipped.rows == {"predictions": 1}
    assert len(shipped.damaged) == 1
    assert (tmp_path / "damaged" / shipped.damaged[0]).read_bytes() == b"\1" * 100


def test_shipped_segments_are_forgotten_after_their_time(tmp_path):
    write(tmp_path, prediction(0, ROW))
    tables = MemoryTables()
    ship(tmp_path, tables, contract_of)
    (kept,) = sealed_segments(tmp_path / "shipped")
    ship(tmp_path, tables, contract_of, keep_hours=1)
    assert kept.exists()
    os.utime(kept, (0, 0))
    ship(tmp_path, tables, contract_of, keep_hours=1)
    assert not kept.exists()


def test_a_running_writers_segment_waits_until_it_is_sealed(tmp_path):
    journal, tables = Journal(tmp_path, "p-"), MemoryTables()
    journal.append(encode(prediction(0, ROW)))
    assert ship(tmp_path, tables, contract_of).segments == ()
    journal.rotate()
    assert ship(tmp_path, tables, contract_of).segments == ("p-000000",)
    journal.close()


def test_a_folder_that_is_not_there_ships_nothing(tmp_path):
    assert ship(tmp_path / "none", MemoryTables(), contract_of).segments == ()


def test_a_folder_where_nothing_can_be_moved_is_a_fault(tmp_path):
    write(tmp_path, prediction(0, ROW))
    (tmp_path / "shipped").write_text("in the way")
    with pytest.raises(Fault, match="cannot move"):
        ship(tmp_path, MemoryTables(), contract_of)


_SHIPPER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from daytwo.contracts.toml import from_toml
    from daytwo.predictions.ship import ship
    from daytwo.tables.delta import DeltaTables

    folder = Path(sys.argv[1])
    contract = from_toml((folder / "contract.toml").read_text())
    print("begin", flush=True)
    ship(folder / "journal", DeltaTables(folder / "tables"), lambda version: contract)
    """
)


def test_shipping_that_is_killed_again_and_again_ships_every_record_once(tmp_path):
    (tmp_path / "contract.toml").write_text(to_toml(OLD))
    for segment in range(6):
        write(tmp_path / "journal", *(prediction(10 * segment + i, ROW) for i in range(5)), prefix=f"s{segment}-")
    kills = 0
    for moment in (0.0, 0.004, 0.01, 0.02, 0.04, 0.08, 10.0):
        with subprocess.Popen(
            [sys.executable, "-c", _SHIPPER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as shipper:
            assert shipper.stdout.readline() == "begin\n"
            try:
                shipper.wait(moment)
            except subprocess.TimeoutExpired:
                os.kill(shipper.pid, signal.SIGKILL)
                kills += 1
    assert shipper.returncode == 0
    assert kills
    ids = DeltaTables(tmp_path / "tables").read("predictions")["_id"].to_list()
    assert sorted(ids) == sorted(f"p-{10 * segment + i:09x}" for segment in range(6) for i in range(5))


def test_the_table_holds_what_the_model_saw_and_the_quarantine_what_was_sent(tmp_path):
    mended = BreachRecord("wind", "type", "3 m/s", "wind must be a number; parse", 3.0)
    key = BreachRecord("id", "match_regex", " k1", "id must match k.*; trim", "k1")
    breach = BreachRecord("seats", "type", "x", "seats must be a whole number")
    sent = ROW | {"wind": "3 m/s", "id": " k1"}
    record = prediction(
        0, sent, sent, bad=(BadRow(1, (breach,)),), warnings={0: (mended, key), 1: (key,)}, fallbacks={1: "refused"},
        scores=[0.5, None],
    )  # fmt: skip
    write(tmp_path, record)
    tables = MemoryTables()
    ship(tmp_path, tables, contract_of)
    rows = tables.read("predictions")
    assert rows["wind"].to_list() == [3.0, None]
    assert rows["_key"].to_list() == ["k1", "k1"]
    assert rows["_score"].to_list() == [0.5, None]
    assert rows["_fallback"].to_list() == [None, "refused"]
    kept = tables.read("quarantine")
    assert json.loads(kept["row"][0]) == sent
    assert kept["_key"][0] == "k1"


def test_a_segment_from_before_the_fallback_was_recorded_is_still_read(tmp_path):
    record = json.loads(encode(prediction(0, ROW, {}, bad=(BadRow(1, ()),), warnings={0: ()})))
    assert not {"fallbacks", "previous"} & set(record)
    journal = Journal(tmp_path, "p-")
    journal.append(json.dumps(record).encode())
    journal.close()
    tables = MemoryTables()
    assert ship(tmp_path, tables, contract_of).rows == {"predictions": 2, "quarantine": 1}
    assert tables.read("predictions")["_fallback"].to_list() == [None, None]


def test_a_row_that_is_not_utf_8_does_not_hold_back_the_others(tmp_path):
    breach = BreachRecord("", "type", None, "this is no row")
    record = prediction(
        0, ROW, {}, rows=msgspec.Raw(b"[" + json.dumps(ROW).encode() + b', "\xf4"]'), bad=(BadRow(1, (breach,)),)
    )
    write(tmp_path, record)
    tables = MemoryTables()
    assert ship(tmp_path, tables, contract_of).rows == {"predictions": 2, "quarantine": 1}
    assert tables.read("quarantine")["row"].to_list() == ['"\N{REPLACEMENT CHARACTER}"']


def test_the_flag_of_a_default_is_kept_as_the_model_saw_it(tmp_path):
    columns = tuple(
        replace(one, repair=("parse", "default 150")) if one.name == "seats" else one for one in OLD.columns
    )
    contract = OLD.renewed(columns=columns)
    absent = {name: value for name, value in ROW.items() if name != "seats"}
    rows = [ROW, absent, ROW | {"seats": "99"}]
    decoder = compile_decoder(contract)
    warnings = {
        i: tuple(BreachRecord(one.column, one.rule, one.value, one.message, one.repaired) for one in breaches)
        for i, row in enumerate(rows)
        if (breaches := decoder.check(row)[1])
    }
    write(tmp_path, prediction(0, *rows, warnings=warnings))
    tables = MemoryTables()
    ship(tmp_path, tables, lambda _: contract)
    kept = tables.read("predictions")
    assert kept["seats"].to_list() == [100, 150, 99]
    assert kept["seats_imputed"].to_list() == [False, True, False]
    assert kept.columns.index("seats_imputed") == kept.columns.index("seats") + 1
    matrix = Encoder(contract).matrix(kept)
    for seen, row in zip(matrix, rows, strict=True):
        assert np.array_equal(seen, np.array(decoder.check(row)[0], dtype=np.float32))
