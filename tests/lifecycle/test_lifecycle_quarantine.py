"""Rows kept aside: mended by name, sent through the same door again, each answered anew at most once."""

from datetime import UTC, datetime, timedelta

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.contracts.column import Column
from daytwo.contracts.contract import Contract
from daytwo.contracts.decoder import compile_decoder
from daytwo.core.errors import Fault, Mistake, NotFound
from daytwo.core.schema import Kind
from daytwo.lifecycle.quarantine import Repair, drop, kept_rows, mend, parse_repair, replay

NOW = datetime(2013, 6, 1, 12, tzinfo=UTC)
CONTRACT = Contract(
    "flights",
    1,
    "data@airline.example",
    (Column("wind", Kind.NUMBER, minimum=0.0, maximum=50.0), Column("seats", Kind.INTEGER, minimum=1.0)),
)
VALUES = st.none() | st.booleans() | st.integers(-9999, 9999) | st.floats(-1e6, 1e6) | st.text(max_size=8)
ROWS = st.dictionaries(st.sampled_from(["wind", "seats", "carrier"]), VALUES)
COLUMNS = st.text("abcxyz_ .", min_size=1, max_size=8)
FACTORS = st.floats(-1e6, 1e6).map(repr)
REPAIRS = st.one_of(
    st.builds(Repair, COLUMNS, st.just("parse"), st.just("")),
    st.builds(Repair, COLUMNS, st.just("scale"), FACTORS),
    st.builds(Repair, COLUMNS, st.just("default"), st.text(min_size=1, max_size=8)),
)


@given(REPAIRS)
def test_a_repair_reads_back_from_how_it_is_written(repair):
    text = f"{repair.column}={repair.kind}" + (f":{repair.argument}" if repair.argument else "")
    assert parse_repair(text) == repair


@pytest.mark.parametrize(
    "text",
    [
        "",
        "wind",
        "wind=",
        "=parse",
        "wind=scale",
        "wind=scale:",
        "wind=scale:fast",
        "wind=parse:1",
        "wind=default:",
        "wind=drop",
    ],
)
def test_what_is_no_repair_is_told_with_the_three_there_are(text):
    with pytest.raises(Mistake, match=r"no repair.*COLUMN=parse, COLUMN=scale:FACTOR or COLUMN=default:VALUE"):
        parse_repair(text)


@given(ROWS, st.lists(st.sampled_from(["wind=parse", "wind=scale:2", "seats=default:7"]).map(parse_repair)))
def test_only_the_columns_named_are_touched_and_the_row_itself_is_not(row, repairs):
    before = dict(row)
    mended = mend(row, repairs)
    touched = {repair.column for repair in repairs}
    assert row == before
    assert {name: value for name, value in mended.items() if name not in touched} == {
        name: value for name, value in row.items() if name not in touched
    }
    assert mend(row, []) == row


@given(
    st.floats(-1e9, 1e9), st.floats(-1e3, 1e3), st.sampled_from(["", "wind ", "~"]), st.sampled_from(["", " mph", "kt"])
)
def test_the_number_in_a_text_is_read_and_scaled(number, factor, before, after):
    row = {"wind": f"{before}{number!r}{after}"}
    assert mend(row, [Repair("wind", "parse")]) == {"wind": number}
    assert mend(row, [Repair("wind", "scale", repr(factor))]) == {"wind": number * factor}


@given(VALUES)
def test_reading_twice_reads_no_more_than_once(value):
    once = mend({"wind": value}, [Repair("wind", "parse")])
    assert mend(once, [Repair("wind", "parse")]) == once


@pytest.mark.parametrize("value", [None, True, "calm", [1], {"mph": 3}])
def test_what_holds_no_number_stays_as_it_is(value):
    for repair in (Repair("wind", "parse"), Repair("wind", "scale", "2")):
        assert mend({"wind": value}, [repair]) == {"wind": value}


def test_a_default_is_a_number_where_it_can_be_one_and_fills_in_what_is_missing():
    assert mend({}, [Repair("wind", "default", "3.5"), Repair("carrier", "default", "AA")]) == {
        "wind": 3.5,
        "carrier": "AA",
    }


class Door:
    """Answers rows as the server does: by the contract, each request id once, on record before the answer."""

    def __init__(self, *, cut_after: int | None = None) -> None:
        self._decoder = compile_decoder(CONTRACT)
        self._cut_after = cut_after
        self.answered: dict[str, dict] = {}
        self.calls = 0

    def predict(self, rows, *, request_id, replay_of):
        self.calls += 1
        if request_id not in self.answered:
            self.answered[request_id] = {
                "predictions": [
                    {
                        "prediction_id": f"{request_id}-{i}",
                        "arm": "champion" if self._decoder.check(row)[0] else "fallback",
                    }
                    for i, row in enumerate(rows)
                ],
                "replay_of": replay_of,
            }
        if self.calls == self._cut_after:
            raise Fault("the connection broke before the answer came")
        return self.answered[request_id]


def keep_aside(system, rows, *, source="server", column="wind"):
    frame = pl.DataFrame(
        {
            "_id": [f"q-{source}-{i:03d}" for i in range(len(rows))],
            "_received_at": [NOW + timedelta(seconds=i) for i in range(len(rows))],
            "row": [row if isinstance(row, str) else msgspec.json.encode(row).decode() for row in rows],
            "reasons": [f'[{{"column":"{column}","rule":"type","value":"x","message":"no number"}}]'] * len(rows),
            "source": [source] * len(rows),
        }
    )
    system.tables.append("quarantine", frame, batch=f"{source} {column}")


BAD = [{"wind": "12 mph", "seats": 100}, {"wind": "calm", "seats": 100}, {"wind": "7", "seats": 9}]
READ = [parse_repair("wind=parse")]


def test_rows_are_found_by_column_source_and_state(system):
    assert kept_rows(system) == ()
    keep_aside(system, BAD)
    keep_aside(system, [{"seats": "many"}], source="june.csv", column="seats")
    assert [kept.id for kept in kept_rows(system)] == ["q-june.csv-000", "q-server-000", "q-server-001", "q-server-002"]
    assert [kept.row for kept in kept_rows(system, column="wind")] == BAD
    assert [kept.source for kept in kept_rows(system, source="june.csv")] == ["june.csv"]
    assert kept_rows(system, state="dropped") == ()


def test_a_row_that_was_no_object_has_no_columns_to_mend(system):
    keep_aside(system, ["[1, 2", "[1]"])
    assert [kept.row for kept in kept_rows(system)] == [{}, {}]


def test_mended_rows_are_answered_and_the_others_stay_open(system):
    keep_aside(system, BAD)
    door = Door()
    done = replay(system, door, kept_rows(system), READ, by="ana", now=NOW)
    assert (done.replayed, done.still_bad) == (2, 1)
    assert [kept.id for kept in kept_rows(system)] == ["q-server-001"]
    assert [kept.state for kept in kept_rows(system, state="")] == ["replayed", "open", "replayed"]
    (answer,) = door.answered.values()
    assert answer["replay_of"] == ["q-server-000", "q-server-001", "q-server-002"]
    events = system.tables.read("quarantine_events")
    assert [msgspec.json.decode(detail)["prediction"] for detail in events["detail"]] == [
        answer["predictions"][0]["prediction_id"],
        answer["predictions"][2]["prediction_id"],
    ]


def test_a_replay_whose_answer_was_lost_is_done_again_without_a_second_answer(system):
    keep_aside(system, BAD)
    door = Door(cut_after=1)
    rows = kept_rows(system)
    with pytest.raises(Fault):
        replay(system, door, rows, READ, by="ana", now=NOW)
    assert len(kept_rows(system)) == 3
    done = replay(system, door, rows, READ, by="ana", now=NOW)
    again = replay(system, door, rows, READ, by="ana", now=NOW)
    assert done == again
    assert len(door.answered) == 1
    assert system.tables.read("quarantine_events").height == 2


def test_many_rows_go_in_batches_and_all_of_them(system):
    keep_aside(system, [{"wind": str(i % 50), "seats": 1} for i in range(450)])
    door = Door()
    assert replay(system, door, kept_rows(system), READ, by="ana", now=NOW).replayed == 450
    assert door.calls == 3
    assert kept_rows(system) == ()


def test_other_repairs_of_the_same_rows_are_another_request(system):
    keep_aside(system, BAD)
    door, rows = Door(), kept_rows(system)
    replay(system, door, rows, READ, by="ana", now=NOW)
    replay(system, door, rows, [parse_repair("wind=default:3")], by="ana", now=NOW)
    assert len(door.answered) == 2
    assert kept_rows(system) == ()


def test_rows_given_up_are_kept_and_told_why(system):
    keep_aside(system, BAD)
    assert drop(system, kept_rows(system)[:1], by="ana", reason="a test of the feed", now=NOW) == 1
    assert [kept.id for kept in kept_rows(system, state="dropped")] == ["q-server-000"]
    assert "a test of the feed" in system.tables.read("quarantine_events")["detail"][0]
    with pytest.raises(NotFound, match="no open row matches"):
        drop(system, [], by="ana", reason="x", now=NOW)
