from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.predictions.record import (
    BadRow,
    BreachRecord,
    Feedback,
    FeedbackRecord,
    LabelsRecord,
    PredictionRecord,
    ShadowRecord,
    decode,
    encode,
    prediction_id,
    prediction_ids,
    read_rows,
    row_texts,
    split_id,
)

RECORDS = [
    PredictionRecord(
        request_id="r",
        given=True,
        fingerprint=7,
        received_at_us=1,
        prefix="p-",
        start=3,
        versions=("a", "b"),
        arms=("champion", "canary"),
        keys=("id", ""),
        version_of=[0, 1],
        scores=[0.5, None],
        acts=[True, None],
        gains=[1.5, None],
        bad=(BadRow(1, (BreachRecord("x", "type", "12", "x must be a number"),)),),
        warnings={0: (BreachRecord("y", "in_set", None, "unknown"),)},
        replay_of=[None, "q-1"],
        shadow="c",
        rows=msgspec.Raw(b'[{"id": 1.0}, 5]'),
    ),
    ShadowRecord(prefix="p-", start=3, version="c", received_at_us=1, scores=[0.25, None], times=[None, "2013"]),
    LabelsRecord(request_id="l", received_at_us=5, labels=[]),
    FeedbackRecord(feedback=[Feedback(prediction_id="p-000000001", action="ignored")], received_at_us=9),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_is_read_back_as_it_was_written(record):
    read = decode(encode(record))
    assert encode(read) == encode(record)
    assert type(read) is type(record)


def test_rows_are_kept_byte_for_byte():
    (record, *_) = RECORDS
    assert row_texts(decode(encode(record)).rows) == [b'{"id": 1.0}', b"5"]


@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_prediction_ids_sort_as_their_numbers_and_can_be_split(one, other):
    first, second = prediction_id("0199-", one), prediction_id("0199-", other)
    assert split_id(first) == ("0199-", one)
    if max(one, other) < 16**9:
        assert (first < second) == (one < other)


def test_ids_of_a_block_are_those_of_its_rows():
    assert prediction_ids("p-", 14, 3) == [prediction_id("p-", number) for number in (14, 15, 16)]


@pytest.mark.parametrize("text", ["", "x", "p-12", "p-00000000g", "-", "p-0000 0001"])
def test_what_is_no_prediction_id_is_told_apart(text):
    assert split_id(text) is None


def test_rows_that_are_no_rows_stand_as_the_reason_among_good_ones():
    good, number, huge = read_rows(b'[{"a": 1}, 5, {"a": 1e999}]')
    assert good == {"a": 1}
    assert "Expected `object`" in str(number)
    assert "out of range" in str(huge)
