"""Rows mended by name: what each repair makes of a row, the row as it came untouched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.core.errors import Mistake
from daytwo.core.schema import Kind
from daytwo.lifecycle.kept_aside.mending import Repair, mend, parse_repair

VALUES = st.none() | st.booleans() | st.integers(-9999, 9999) | st.floats(-1e6, 1e6) | st.text(max_size=8)
ROWS = st.dictionaries(st.sampled_from(["wind", "seats", "carrier"]), VALUES)
COLUMNS = st.text("abcxyz_ .", min_size=1, max_size=8)
FACTORS = st.floats(-1e6, 1e6).map(repr)
WORDS = st.text(min_size=1, max_size=8)
REPAIRS = st.one_of(
    st.builds(Repair, COLUMNS, st.sampled_from(["parse", "strip"]), st.just("")),
    st.builds(Repair, COLUMNS, st.just("scale"), FACTORS),
    st.builds(Repair, COLUMNS, st.sampled_from(["set", "default", "rename", "swap"]), WORDS),
)


@given(REPAIRS)
def test_a_repair_reads_back_from_how_it_is_written(repair):
    assert parse_repair(repair.text) == repair


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
        "wind=scale:1+",
        "wind=strip: ",
        "wind=rename:",
    ],
)
def test_what_is_no_repair_is_told_with_those_there_are(text):
    with pytest.raises(Mistake, match=r"no repair.*COLUMN=parse, =strip, =scale:FACTOR"):
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


def test_set_stands_whatever_was_there_and_default_only_where_nothing_was():
    row = {"wind": 7.0, "seats": None}
    assert mend(row, [Repair("wind", "set", "3")]) == {"wind": 3.0, "seats": None}
    assert mend(row, [Repair("wind", "default", "3")]) == row
    assert mend(row, [Repair("seats", "default", "150")]) == {"wind": 7.0, "seats": 150.0}


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind.CATEGORY, "501", "501"),
        (Kind.INTEGER, "501", 501),
        (Kind.BOOLEAN, "yes", True),
        (Kind.NUMBER, "1,000", 1000.0),
        (Kind.NUMBER, "many", "many"),
        (Kind.TIME, "2013-07-15", "2013-07-15"),
    ],
)
def test_a_value_is_read_as_the_contract_promises_the_column(kind, text, value):
    mended = mend({}, [Repair("x", "set", text)], {"x": kind})["x"]
    assert (mended, type(mended)) == (value, type(value))


def test_a_unit_may_have_an_offset():
    assert mend({"t": "100 C"}, [parse_repair("t=scale:1.8+32")]) == {"t": 212.0}
    assert mend({"t": 300.0}, [parse_repair("t=scale:1-273.15")])["t"] == pytest.approx(26.85)


def test_what_came_under_another_name_takes_its_place_unless_that_is_taken():
    rename = [Repair("wnd", "rename", "wind")]
    assert list(mend({"a": 1, "wnd": 2, "b": 3}, rename).items()) == [("a", 1), ("wind", 2), ("b", 3)]
    assert mend({"wnd": 2, "wind": None}, rename) == {"wind": 2}
    assert mend({"wnd": 2, "wind": 5}, rename) == {"wnd": 2, "wind": 5}
    assert mend({"wind": 5}, rename) == {"wind": 5}


@given(ROWS)
def test_swapping_twice_changes_nothing(row):
    swap = Repair("wind", "swap", "seats")
    assert mend(row, [swap, swap]) == row
    if {"wind", "seats"} <= row.keys():
        assert mend(row, [swap])["wind"] == row["seats"] or row["seats"] != row["seats"]


def test_white_space_at_the_ends_is_taken_away():
    assert mend({"carrier": " AA\t", "wind": 3}, [Repair("carrier", "strip"), Repair("wind", "strip")]) == {
        "carrier": "AA",
        "wind": 3,
    }
