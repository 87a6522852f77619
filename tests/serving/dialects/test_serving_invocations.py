"""MLflow's payloads as rows: its four JSON forms and CSV."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.contracts.column import Column
from daytwo.contracts.contract import Contract
from daytwo.core.schema import Kind
from daytwo.serving.answering.requests import read_rows_of
from daytwo.serving.dialects.invocations import read_csv_rows, read_invocation
from daytwo.serving.transport.messages import HttpError

ROWS = [{"km": 1.5, "city": "oslo"}, {"km": 2, "city": "bergen"}]
COLUMNS = {
    "km": Column("km", Kind.NUMBER),
    "city": Column("city", Kind.CATEGORY, levels=("oslo",)),
    "ok": Column("ok", Kind.BOOLEAN),
}


CONTRACT = Contract("trips", 1, "ana", tuple(COLUMNS.values()))
TWO = Contract("trips", 1, "ana", tuple(COLUMNS.values())[:2])
JSON = b"application/json"


def rows_of(body: bytes) -> object:
    return json.loads(read_invocation(body, JSON, TWO).text)


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_records": ROWS},
        {"dataframe_split": {"columns": ["km", "city"], "data": [[1.5, "oslo"], [2, "bergen"]]}},
        {"dataframe_split": {"columns": ["km", "city"], "index": [0, 1], "data": [[1.5, "oslo"], [2, "bergen"]]}},
        {"instances": ROWS},
        {"instances": [[1.5, "oslo"], [2, "bergen"]], "signature_name": "any"},
        {"inputs": {"km": [1.5, 2], "city": ["oslo", "bergen"]}, "params": {}},
        {"inputs": ROWS},
    ],
)
def test_every_form_means_the_same_rows(body: object) -> None:
    assert rows_of(json.dumps(body).encode()) == ROWS


@pytest.mark.parametrize("body", [b"\nkm,city\n\n1,x\r\n\r\n2,y\n\n", b"km,city\n1,x\n2,y"])
def test_an_empty_line_of_csv_is_no_row(body: bytes) -> None:
    assert read_csv_rows(body, COLUMNS) == [{"km": 1.0, "city": "x"}, {"km": 2.0, "city": "y"}]


def test_csv_of_empty_lines_alone_holds_no_rows() -> None:
    with pytest.raises(HttpError, match="no rows"):
        read_csv_rows(b"\n\n", COLUMNS)


def test_csv_is_read_by_the_contract() -> None:
    read = read_csv_rows(b'\xef\xbb\xbfkm,city,ok\n1.5,"os,lo",true\n,x,maybe\n', COLUMNS)
    assert read == [{"km": 1.5, "city": "os,lo", "ok": True}, {"km": None, "city": "x", "ok": "maybe"}]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"instances": 3}',
        b'{"instances": [[1]]}',
        b'{"inputs": {"a": [1], "b": [1, 2]}}',
        b'{"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}',
        b'{"dataframe_split": 1}',
        b'{"instances": [], "inputs": []}',
    ],
)
def test_what_is_no_invocation_is_refused(body: bytes) -> None:
    with pytest.raises(HttpError) as caught:
        rows_of(body)
    assert caught.value.status == 400


@pytest.mark.parametrize("body", [b"", b"a,a\n1,2\n", b"a,b\n1\n", b"\xff\xfe", b'a\n"1\n'])
def test_what_is_no_csv_is_refused(body: bytes) -> None:
    with pytest.raises(HttpError):
        read_csv_rows(body, COLUMNS)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(HttpError):
        assert isinstance(rows_of(body), list)
    with contextlib.suppress(HttpError):
        assert isinstance(read_csv_rows(body, COLUMNS), list)


DEEP = b"[" * 990 + b"1" + b"]" * 990


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"dataframe_records": [{"city": "\x90"}]}', "encoding"),
        (b'{"instances": [{}], "params": "\xa0"}', "encoding"),
        (b'{"instances": [{}], "params": {"temperature": 0.7}}', "request"),
        (b'{"instances": [{}], "params": {"explain": "yes"}}', "request"),
        (b'{"instances": [{}], "instances": [{}]}', "duplicate_key"),
        (b'{"instances": [{"km": 1%s, "ok": NaN}]}' % (b"0" * 5000), "json"),
        (b'{"dataframe_split": {"columns": ["km", "km"], "data": [[1, 2]]}}', "request"),
        (b'{"dataframe_records": [{"km": %s}]}' % DEEP, "depth"),
        (b'{"dataframe_split": {"columns": ["km"], "data": [%s]}}' % DEEP, "depth"),
        (b'{"inputs": {"km": %s}}' % DEEP, "depth"),
    ],
)
def test_a_body_that_no_reader_of_rows_would_take_is_refused_with_its_reason(body: bytes, code: str) -> None:
    with pytest.raises(HttpError) as refused:
        read_rows_of(read_invocation(body, JSON, CONTRACT).text, 10)
    assert (refused.value.status, refused.value.name) == (400, code)


def test_nan_is_missing_and_an_infinity_is_a_text() -> None:
    body = b'{"inputs": {"km": [NaN, -Infinity, 1e999, 2.5], "city": ["a", "b", "c", "d"]}}'
    assert rows_of(body) == [
        {"km": None, "city": "a"},
        {"km": "-Infinity", "city": "b"},
        {"km": "1e999", "city": "c"},
        {"km": 2.5, "city": "d"},
    ]


def test_params_ask_for_reasons_and_name_the_request() -> None:
    asked = read_invocation(b'{"instances": [{}], "params": {"explain": true, "request_id": "r"}}', JSON, CONTRACT)
    assert (asked.explain, asked.request_id) == (True, "r")
    asked = read_invocation(b'{"instances": [{}], "params": null}', JSON, CONTRACT)
    assert (asked.explain, asked.request_id) == (False, None)
