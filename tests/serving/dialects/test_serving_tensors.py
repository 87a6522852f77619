"""Tensors as rows and answers as tensors, held against numpy and the protocol's own words."""

from __future__ import annotations

import contextlib
import json
import math
import struct

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.serving.dialects.datatypes import Output, to_binary
from daytwo.serving.dialects.tensors import Inference, read_inference, write_inference
from daytwo.serving.transport.messages import HttpError

KM = {"name": "km", "shape": [2, 1], "datatype": "FP64", "data": [1.5, 2.0]}
CITY = {"name": "city", "shape": [2, 1], "datatype": "BYTES", "data": ["oslo", "bergen"]}


def binary_body(inputs: list[tuple[str, list[int], str, bytes]], **more: object) -> tuple[bytes, int]:
    head = json.dumps(
        {
            "inputs": [
                {"name": n, "shape": s, "datatype": d, "parameters": {"binary_data_size": len(b)}}
                for n, s, d, b in inputs
            ],
            **more,
        }
    ).encode()
    return head + b"".join(b for *_, b in inputs), len(head)


def texts(values: list[str]) -> bytes:
    return b"".join(struct.pack("<I", len(v.encode())) + v.encode() for v in values)


def test_json_tensors_become_rows() -> None:
    asked = read_inference(json.dumps({"id": "7", "inputs": [KM, CITY]}).encode(), None, (), 10)
    assert asked.rows == [{"km": 1.5, "city": "oslo"}, {"km": 2.0, "city": "bergen"}]
    assert (asked.identity, asked.outputs, asked.binary) == ("7", None, False)


def test_a_matrix_of_numbers_is_read_in_the_columns_order() -> None:
    body = {"inputs": [{"name": "x", "shape": [2, 2], "datatype": "FP32", "data": [[1, 2], [3, 4]]}]}
    rows = read_inference(json.dumps(body).encode(), None, ("a", "b"), 10).rows
    assert rows == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]


def test_nan_is_a_missing_value_both_ways() -> None:
    body = b'{"inputs": [{"name": "km", "shape": [2], "datatype": "FP64", "data": [NaN, 1.0]}]}'
    assert read_inference(body, None, (), 10).rows == [{"km": None}, {"km": 1.0}]
    assert math.isnan(np.frombuffer(to_binary(Output("score", "FP64", [None])), "<f8")[0])


@given(
    st.lists(
        st.tuples(st.floats(width=32, allow_nan=False, allow_infinity=False), st.text(), st.booleans()),
        min_size=1,
        max_size=20,
    )
)
def test_binary_tensors_become_the_same_rows(rows: list[tuple[float, str, bool]]) -> None:
    km = np.array([r[0] for r in rows], dtype="<f4").tobytes()
    good = np.array([r[2] for r in rows], dtype="?").tobytes()
    shape = [len(rows), 1]
    body, head = binary_body(
        [("km", shape, "FP32", km), ("city", shape, "BYTES", texts([r[1] for r in rows])), ("ok", shape, "BOOL", good)],
        parameters={"binary_data_output": True},
    )
    asked = read_inference(body, head, (), 100)
    assert [row | {"km": float(np.float32(row["km"]))} for row in asked.rows] == [
        {"km": a, "city": b, "ok": c} for a, b, c in rows
    ]
    assert asked.binary


@given(st.floats(1e-15, 1e25), st.integers(1, 6), st.sampled_from([1, -1]))
def test_a_decimal_sent_as_a_float32_is_read_as_that_decimal(size: float, digits: int, sign: int) -> None:
    decimal = sign * float(f"{size:.{digits}g}")
    for count in (1, 100):
        body, head = binary_body([("km", [count], "FP32", np.array([decimal] * count, "<f4").tobytes())])
        assert read_inference(body, head, (), 100).rows == [{"km": decimal}] * count


def test_half_numbers_are_read_and_an_infinity_is_a_text_that_no_number_column_takes() -> None:
    halves = np.array([1.5, np.nan, np.inf], "<f4")
    brain = (halves.view("<u4") >> 16).astype("<u2").tobytes()
    shape = [3]
    body, head = binary_body([("a", shape, "FP16", halves.astype("<f2").tobytes()), ("b", shape, "BF16", brain)])
    assert read_inference(body, head, (), 10).rows == [
        {"a": 1.5, "b": 1.5},
        {"a": None, "b": None},
        {"a": "Infinity", "b": "Infinity"},
    ]
    text = b'{"inputs": [{"name": "km", "shape": [2], "datatype": "FP64", "data": [-Infinity, 1.0]}]}'
    assert read_inference(text, None, (), 10).rows == [{"km": "-Infinity"}, {"km": 1.0}]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"outputs": [{"name": "score", "parameters": {"classification": 2}}]}, "classification is not offered"),
        ({"outputs": [{"name": "score", "parameters": {"shared_memory_region": "r"}}]}, "shared memory"),
        ({"parameters": {"sequence_id": 7}}, "sequences are not kept"),
        ({"parameters": {"explain": "yes"}}, "'explain' is no bool"),
        ({"parameters": {"request_id": 7}}, "'request_id' is no str"),
    ],
)
def test_what_is_not_offered_is_named(more: dict[str, object], says: str) -> None:
    with pytest.raises(HttpError, match=says):
        read_inference(json.dumps({"inputs": [KM], **more}).encode(), None, (), 10)


def test_parameters_of_ours_are_read_and_those_of_others_change_nothing() -> None:
    given_ = {"request_id": "r", "explain": True, "priority": 1, "timeout": 5, "content_type": "pd"}
    asked = read_inference(json.dumps({"inputs": [KM], "parameters": given_}).encode(), None, (), 10)
    assert (asked.request_id, asked.explain, asked.identity) == ("r", True, None)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"inputs": [], "inputs": []}', "duplicate_key"),
        (
            b'{"id": "a", "id": "b", "inputs": [{"name": "a", "shape": [1], "datatype": "FP64", "data": [1]}]}',
            "duplicate_key",
        ),
        (b'{"id": "\xff", "inputs": []}', "encoding"),
    ],
)
def test_a_key_that_stands_twice_and_bad_utf8_are_refused(body: bytes, code: str) -> None:
    with pytest.raises(HttpError) as caught:
        read_inference(body, None, (), 10)
    assert caught.value.name == code


@given(st.lists(st.tuples(st.floats(allow_nan=False), st.text()), min_size=1, max_size=20))
def test_answers_come_back_as_sent(values: list[tuple[float, str]]) -> None:
    outputs = [Output("score", "FP64", [v[0] for v in values]), Output("id", "BYTES", [v[1] for v in values])]
    asked = Inference("q", [], {"id": True, "score": True}, binary=False)
    body, head = write_inference(asked, outputs, model="m", version="1", identity="q")
    assert head is not None
    told = msgspec.json.decode(body[:head])
    assert [one["name"] for one in told["outputs"]] == ["id", "score"]
    size = told["outputs"][0]["parameters"]["binary_data_size"]
    assert body[head : head + size] == texts([v[1] for v in values])
    assert np.frombuffer(body[head + size :], "<f8").tolist() == [v[0] for v in values]


def test_answers_in_json_carry_no_length() -> None:
    asked = Inference(None, [], None, binary=False)
    body, head = write_inference(asked, [Output("score", "FP64", [0.5, None])], model="m", version="1", identity="q")
    assert head is None
    assert json.loads(body)["outputs"] == [{"name": "score", "shape": [2], "datatype": "FP64", "data": [0.5, None]}]


def test_an_output_that_is_not_there_is_refused() -> None:
    asked = Inference(None, [], {"proba": False}, binary=False)
    with pytest.raises(HttpError, match=r"no output 'proba'"):
        write_inference(asked, [Output("score", "FP64", [0.5])], model="m", version="1", identity="q")


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ([], "there are no inputs"),
        ([KM | {"datatype": "FP8"}], "is no datatype"),
        ([KM | {"shape": [3, 1]}], "holds 2 values"),
        ([KM | {"shape": [-1]}], "has shape"),
        ([KM | {"shape": [1, 1, 2]}], "has shape"),
        ([KM, KM], "stands twice"),
        ([KM, CITY | {"shape": [1], "data": ["oslo"]}], "rows"),
        ([KM | {"shape": [1, 2]}], "names no columns"),
        ([KM | {"data": None, "parameters": {"binary_data_size": 16}}], "ends beyond the body"),
        ([KM | {"parameters": {"binary_data_size": "x"}}], "ends beyond the body"),
        ([KM | {"parameters": {"shared_memory_region": "r"}}], "shared memory is not offered"),
        ("no", "this is no inference request"),
    ],
)
def test_what_is_no_request_is_named(inputs: object, says: str) -> None:
    with pytest.raises(HttpError, match=says) as caught:
        read_inference(json.dumps({"inputs": inputs}).encode(), None, (), 10)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("kind", "content", "says"),
    [
        ("FP64", b"1234567", "no whole number"),
        ("BYTES", struct.pack("<I", 9) + b"oslo", "ends beyond it"),
        ("BYTES", struct.pack("<I", 2) + b"\xff\xfe", "not UTF-8"),
    ],
)
def test_broken_binary_is_named(kind: str, content: bytes, says: str) -> None:
    body, head = binary_body([("km", [1], kind, content)])
    with pytest.raises(HttpError, match=says):
        read_inference(body, head, (), 10)


@pytest.mark.parametrize("head", [0, -1, 10_000])
def test_a_wrong_length_of_the_json_part_is_refused(head: int) -> None:
    with pytest.raises(HttpError, match="the header says"):
        read_inference(json.dumps({"inputs": [KM]}).encode(), head, (), 10)


def test_rows_are_counted() -> None:
    with pytest.raises(HttpError, match="2 rows are more than 1"):
        read_inference(json.dumps({"inputs": [KM]}).encode(), None, (), 1)
    with pytest.raises(HttpError, match="hold no rows"):
        read_inference(json.dumps({"inputs": [KM | {"shape": [0], "data": []}]}).encode(), None, (), 1)


@given(st.binary(max_size=200), st.one_of(st.none(), st.integers(-5, 300)))
def test_any_bytes_are_read_or_refused(body: bytes, head: int | None) -> None:
    with contextlib.suppress(HttpError):
        assert read_inference(body, head, ("a",), 10).rows
