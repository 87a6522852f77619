"""Rows and labels of a file, as the server's clients send them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import polars as pl
import pytest

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.decoder import compile_decoder
from daytwo.core.errors import DataError
from daytwo.core.schema import Kind
from daytwo.lifecycle.rows import DATASET
from daytwo.lifecycle.sending import example_row, labels_to_send, read_json_rows, rows_to_send

TRIPS = Contract(
    "trips",
    1,
    "ana",
    (
        Column("at", Kind.TIME, Role.TIME),
        Column("trip", Kind.TEXT, Role.KEY, max_length=20),
        Column("gate", Kind.CATEGORY, levels=("1", "2")),
        Column("wind", Kind.NUMBER, nullable=True, maximum=100.0),
        Column("fare", Kind.NUMBER, Role.IGNORED, required=False, nullable=True),
        Column("note", Kind.TEXT, Role.IGNORED, required=False, nullable=True),
        Column("late", Kind.INTEGER, Role.TARGET, levels=("0", "1")),
    ),
)
NOON = datetime(2013, 4, 1, 12, tzinfo=UTC)


def frame(**changes):
    columns = {
        "at": [NOON, NOON],
        "trip": [17, 18],
        "gate": [1, 2],
        "wind": [float("nan"), 3.0],
        "fare": [10.0, 20.0],
        "note": ["a", "b"],
        "late": [0, 1],
        "new": [True, False],
    }
    return pl.DataFrame(columns | changes)


def test_a_row_goes_out_as_the_model_knows_it():
    rows = rows_to_send(frame(), TRIPS, money=("fare",))
    assert rows[0] == {"at": NOON, "trip": "17", "gate": "1", "wind": None, "fare": 10.0, "new": True}
    assert set(rows_to_send(frame(), TRIPS)[0]) == {"at", "trip", "gate", "wind", "new"}


def test_what_goes_out_passes_the_door():
    check = compile_decoder(TRIPS).check
    for row in rows_to_send(frame().drop("new"), TRIPS, money=("fare",)):
        features, breaches = check(row | {"at": row["at"].isoformat()})
        assert features is not None
        assert breaches == ()


def test_the_example_is_the_newest_row_that_the_contract_accepts(system):
    assert example_row(system, TRIPS) is None
    rows = frame(at=[NOON] * 2, trip=["t17", "t18"], gate=["1", "2"], wind=[5.0, 3.0]).drop("new")
    system.tables.append(DATASET, rows, batch="one")
    assert example_row(system, TRIPS) == {
        "at": NOON,
        "trip": "t18",
        "gate": "2",
        "wind": 3.0,
    }
    system.tables.append(DATASET, rows.with_columns(wind=pl.lit(1e9)), batch="two")
    found = example_row(system, TRIPS)
    assert found is not None
    assert found["trip"] == "t18"
    assert found["wind"] == 3.0


def test_the_example_bears_no_flag_of_a_default(system):
    columns = [
        replace(one, nullable=False, repair=("default 4",)) if one.name == "wind" else one for one in TRIPS.columns
    ]
    mending = replace(TRIPS, columns=tuple(columns))
    rows = frame(trip=["t17", "t18"], gate=["1", "2"], wind=[5.0, 3.0]).drop("new")
    system.tables.append(DATASET, rows.with_columns(wind_imputed=pl.lit(value=False)), batch="one")
    found = example_row(system, mending)
    assert found is not None
    assert set(found) == {"at", "trip", "gate", "wind"}
    assert compile_decoder(mending).check(found | {"at": found["at"].isoformat()})[1] == ()


@pytest.mark.parametrize(
    ("columns", "labels"),
    [
        ({"trip": [17], "late": [1]}, [{"key": "17", "label": 1}]),
        ({"key": ["17"], "label": ["0"]}, [{"key": "17", "label": "0"}]),
        ({"prediction_id": ["p-1"], "trip": ["t"], "label": [1]}, [{"prediction_id": "p-1", "label": 1}]),
        ({"trip": ["a", "b"], "late": [None, 1]}, [{"key": "b", "label": 1}]),
        ({"trip": ["a"], "late": [1], "observed_at": [NOON]}, [{"key": "a", "label": 1, "observed_at": NOON}]),
    ],
)
def test_labels_are_named_by_id_or_key(columns, labels):
    assert labels_to_send(pl.DataFrame(columns), TRIPS) == labels


@pytest.mark.parametrize(
    ("columns", "words"),
    [({"late": [1]}, "names the prediction"), ({"trip": ["a"]}, "holds the outcome"), ({"x": [1]}, "names")],
)
def test_labels_without_a_name_or_an_outcome_are_refused(columns, words):
    with pytest.raises(DataError, match=words):
        labels_to_send(pl.DataFrame(columns), TRIPS)


def test_columns_of_the_contract_are_not_taken_for_ours():
    contract = Contract(
        "odd",
        1,
        "",
        (
            Column("id", Kind.INTEGER, Role.KEY),
            Column("label", Kind.NUMBER),
            Column("observed_at", Kind.CATEGORY, levels=("x",)),
            Column("key", Kind.NUMBER),
            Column("gone", Kind.CATEGORY, Role.TARGET, levels=("no", "yes")),
        ),
    )
    rows = pl.DataFrame({"id": [7], "label": [0.5], "observed_at": ["x"], "key": [1.0], "gone": ["yes"]})
    assert labels_to_send(rows, contract) == [{"key": "7", "label": "yes"}]
    with pytest.raises(DataError):
        labels_to_send(rows.drop("gone"), contract)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (b'{"a": 1}', [{"a": 1}]),
        (b'[{"a": 1}, {"a": 2}]', [{"a": 1}, {"a": 2}]),
        (b'{"rows": [{"a": 1}]}', [{"a": 1}]),
        (b'{"a": 1}\n\n{"a": 2}\n', [{"a": 1}, {"a": 2}]),
    ],
)
def test_json_rows_come_in_four_forms(text, rows):
    assert read_json_rows(text, "stdin") == rows


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"[1]", b'{"a": 1}\n{', b"\xff", b'"text"'])
def test_what_is_no_rows_is_refused_with_a_way_out(text):
    with pytest.raises(DataError) as told:
        read_json_rows(text, "stdin")
    assert "stdin" in told.value.message
    assert told.value.hint
