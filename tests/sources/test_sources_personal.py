"""Rows of a source with pseudonyms: the same as in a request, whatever kind of file they came from."""

from datetime import date, datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.core.pseudonyms import Pseudonyms
from daytwo.sources.personal import hidden_frame, hidden_rows
from daytwo.sources.rows import BrokenLine, Rows

HIDDEN = Pseudonyms(["who"], "a key of many characters")
VALUES = st.none() | st.text(st.characters(codec="utf-8")) | st.integers(-(2**60), 2**60)


@given(st.lists(VALUES, min_size=1))
def test_a_value_of_a_file_is_hidden_as_that_of_a_request(values):
    texts = [None if value is None else str(value) for value in values]
    frame = pl.DataFrame({"who": pl.Series(texts, dtype=pl.String), "row": range(len(texts))})
    made = hidden_frame(frame, HIDDEN)
    assert made["who"].to_list() == [HIDDEN.row({"who": value})["who"] for value in values]
    assert made["row"].equals(frame["row"])


@pytest.mark.parametrize(
    ("values", "sent"),
    [
        (pl.Series([17, None], dtype=pl.Int32), "17"),
        (pl.Series([17.0, float("nan")]), 17),
        (pl.Series([Decimal("17.5"), None]), "17.5"),
        (pl.Series(["ana", None], dtype=pl.Categorical), "ana"),
        (pl.Series([date(1980, 1, 2), None]), "1980-01-02"),
        (pl.Series([datetime(1980, 1, 2, 3), None]), "1980-01-02T03:00:00.000000"),  # noqa: DTZ001 (as files have them)
        (pl.Series([True, None]), True),
    ],
)
def test_any_kind_of_column_becomes_texts_and_what_is_missing_stays_missing(values, sent):
    made = hidden_frame(values.alias("who").to_frame(), HIDDEN)["who"]
    assert made.to_list() == [HIDDEN.of(sent), None]


def test_rows_within_rows_are_hidden_too():
    frame = pl.DataFrame({"more": [{"who": "ana", "n": 1}, {"who": None, "n": 2}], "list": [[{"who": "ben"}], []]})
    made = hidden_frame(frame, HIDDEN)
    assert made["more"].to_list() == [{"who": HIDDEN.of("ana"), "n": 1}, {"who": None, "n": 2}]
    assert made["list"].to_list() == [[{"who": HIDDEN.of("ben")}], []]


def test_a_broken_line_and_a_note_about_a_personal_column_tell_nothing():
    rows = Rows(
        pl.DataFrame({"who": ["ana"], "seats": [1]}),
        notes=("'who' holds codes such as 'ana': texts", "the separator is ';'"),
        broken=(BrokenLine(3, "ben;1;2", "has 3 cells"),),
    )
    made = hidden_rows(rows, HIDDEN)
    assert made.notes == ("the separator is ';'",)
    assert made.broken == (BrokenLine(3, HIDDEN.of("ben;1;2"), "has 3 cells"),)


def test_where_nothing_is_personal_nothing_changes():
    rows = Rows(pl.DataFrame({"who": ["ana"]}))
    assert hidden_rows(rows, None) is rows
