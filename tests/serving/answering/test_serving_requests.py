from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.predictions.record import BreachRecord
from daytwo.serving.answering.outcome_requests import read_feedback, read_labels
from daytwo.serving.answering.requests import MAX_DEPTH, read_predict
from daytwo.serving.transport.messages import HttpError


def test_rows_come_in_three_forms():
    for body in (b'{"rows": [{"a": 1}]}', b' [{"a": 1}]', b'\n{"a": 1}'):
        assert read_predict(body, 10).rows == [{"a": 1}]


def test_a_row_may_have_a_column_named_rows():
    assert read_predict(b'{"rows": 5, "a": 1}', 10).rows == [{"rows": 5, "a": 1}]


def test_the_rows_text_is_kept_as_it_was_sent():
    assert read_predict(b'{"rows": [ {"a": 1.0} ], "request_id": "x"}', 10).text == b'[ {"a": 1.0} ]'


def test_everything_around_the_rows_is_read():
    read = read_predict(b'{"rows": [{}, {}], "request_id": "x", "explain": true, "replay_of": [null, "q-1"]}', 10)
    assert (read.request_id, read.explain, read.replay_of) == ("x", True, [None, "q-1"])


@pytest.mark.parametrize(
    ("body", "status", "code", "words"),
    [
        (b"", 400, "json", "truncated"),
        (b"{", 400, "json", "truncated"),
        (b'[{"a": 1},]', 400, "json", "trailing comma"),
        (b'{"a": 1} {"a": 2}', 400, "json", "trailing"),
        (b'{"a": 1}, {"a": 2}', 400, "json", "trailing"),
        (b"5", 400, "request", "neither an object nor a list"),
        (b'"rows"', 400, "request", "neither"),
        (b"null", 400, "request", "neither"),
        (b"[]", 422, "empty", "no rows"),
        (b'{"rows": []}', 422, "empty", "no rows"),
        (b"[" + b"{}," * 10 + b"{}]", 413, "too_many_rows", "11 rows"),
        (b'[{"a": NaN}]', 400, "json", "invalid character"),
        (b'[{"a": -Infinity}]', 400, "json", "invalid"),
        (b'[{"a": "\xff"}]', 400, "encoding", "not UTF-8"),
        (b'{"a": "\xff"}', 400, "encoding", "not UTF-8"),
        (b'[{"a": "\\ud800"}]', 400, "json", ""),
        (b'[{"a": ' + b"[" * 5000 + b"]" * 5000 + b"}]", 400, "depth", "deeper"),
        (b'[{"a": ' + b"[" * 30 + b"]" * 30 + b"}]", 400, "depth", "deeper"),
        (b'{"rows": [{}], "request_Id": "x"}', 400, "request", "unknown field `request_Id`"),
        (b'{"rows": [{}], "request_id": 5}', 400, "request", "Expected `str | null`"),
        (b'{"rows": [{}], "request_id": ""}', 422, "request", "1 to 200"),
        (b'{"rows": [{}], "request_id": "' + b"x" * 201 + b'"}', 422, "request", "1 to 200"),
        (b'{"rows": [{}], "replay_of": []}', 422, "request", "another length"),
        (b'{"rows": [{}], "rows": [{}]}', 400, "duplicate_key", "'rows' stands twice"),
        (b'{"request_id": "a", "rows": [{}], "request_id": "b"}', 400, "duplicate_key", "'request_id' stands twice"),
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused_with_its_name(body, status, code, words):
    with pytest.raises(HttpError) as refusal:
        read_predict(body, 10)
    assert (refusal.value.status, refusal.value.name) == (status, code)
    assert words in refusal.value.message
    assert refusal.value.hint or code == "json"


def test_nan_is_refused_with_a_way_out():
    with pytest.raises(HttpError, match="send null for a missing number"):
        read_predict(b'[{"a": NaN}]', 10)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (b"5", "Expected `object`"),
        (b"null", "Expected `object`"),
        (b'{"a": 1e999}', "out of range"),
        (b'{"a": ' + b"9" * 5000 + b"}", "out of range"),
        (b'{"a": 1, "a": 2}', "'a' stands twice"),
        (b'{"a": 1, "a" : 2}', "'a' stands twice"),
        (b'{"a": {"b": 1, "b": 2}}', "'b' stands twice"),
    ],
)
def test_a_row_that_is_no_row_is_named_among_good_ones(row, words):
    first, second, third = read_predict(b'{"rows": [{"a": 1}, ' + row + b', {"a": 2}]}', 10).rows
    assert (first, third) == ({"a": 1}, {"a": 2})
    assert isinstance(second, BreachRecord)
    assert words in second.message


def test_a_single_row_that_is_no_row_is_a_bad_row():
    (row,) = read_predict(b'{"a": 1e999}', 10).rows
    assert isinstance(row, BreachRecord)


def test_a_little_nesting_is_the_contracts_matter():
    (row,) = read_predict(b'[{"a": ' + b"[" * 10 + b"]" * 10 + b"}]", 10).rows
    assert isinstance(row, dict)
    assert MAX_DEPTH > 10


_KEYS = st.sampled_from(["a", "b", "c", ":", '"', "x y"])
_VALUES = st.one_of(st.integers(), st.none(), st.sampled_from([":", '":', '"', " :", '" :', "a\\", ""]))
_SPACES = st.sampled_from(["", " ", "\n\t"])


@given(st.lists(st.lists(st.tuples(_KEYS, _VALUES), max_size=4), min_size=1, max_size=4), _SPACES, st.booleans())
def test_exactly_the_rows_with_a_key_that_stands_twice_are_named(rows, space, wrapped):
    texts = [
        "{" + ",".join(f"{json.dumps(key)}{space}:{space}{json.dumps(value)}" for key, value in row) + "}"
        for row in rows
    ]
    body = "[" + ",".join(texts) + "]"
    if wrapped:
        body = '{"rows":' + body + ',"explain":true}'
    read = read_predict(body.encode(), 10).rows
    for row, one in zip(rows, read, strict=True):
        keys = [key for key, _ in row]
        if len(set(keys)) < len(keys):
            assert isinstance(one, BreachRecord)
            assert one.rule == "duplicate_key"
        else:
            assert one == dict(row)


def test_large_bodies_are_searched_for_doubled_keys_too():
    rows = [{"a": "x" * 50, "b": ":"} for _ in range(200)]
    assert read_predict(json.dumps(rows).encode(), 300).rows == rows
    doubled = json.dumps(rows).replace('"b"', '"a"', 1)
    assert isinstance(read_predict(doubled.encode(), 300).rows[0], BreachRecord)
    spaced = json.dumps(rows).replace('"b":', '"a" :', 1)
    assert isinstance(read_predict(spaced.encode(), 300).rows[0], BreachRecord)


@given(st.binary(max_size=60))
def test_no_bytes_are_more_than_a_refusal(body):
    for read in (lambda: read_predict(body, 10), lambda: read_labels(body, 10), lambda: read_feedback(body, 10)):
        status = 400
        try:
            read()
        except HttpError as err:
            status = err.status
        assert 400 <= status < 500


@pytest.mark.parametrize("body", [b'["\xf4\x90\x80\x80"]', b'{"rows": [{"a": 1}, "\xff"]}', b'[{"a": 1}, \xc3]'])
def test_a_body_that_is_not_utf_8_is_refused_where_no_value_is_read_either(body):
    with pytest.raises(HttpError) as caught:
        read_predict(body, 10)
    assert (caught.value.status, caught.value.name) == (400, "encoding")
