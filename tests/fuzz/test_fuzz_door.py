"""A short run of the fuzzer, always the same; `python -m tests.fuzz.long` goes on for as long as it is told."""

from __future__ import annotations

from random import Random

import pytest
from tests.fuzz.door import FuzzedDoor, run
from tests.fuzz.guided import Targets


@pytest.mark.parametrize("part", range(4))
def test_no_bytes_break_the_door(tmp_path, part):
    door = FuzzedDoor(tmp_path)
    for number in range(400):
        seed = part * 1_000_000 + number
        try:
            run(door, Random(seed))
        except Exception as err:
            raise AssertionError(f"case {seed}: {err}") from err
    tables = door.close()
    assert door.rows > 50
    assert tables.read("predictions").height > 50


DEEP = b"[" * 990 + b"1" + b"]" * 990


# What a guided run or a longer one found, by the target of `guided.py` that takes it.
@pytest.mark.parametrize(
    ("target", "data"),
    [
        ("invocations", b'\0{"dataframe_records": [{"carrier": "\x90"}]}'),
        ("invocations", b'\0{"dataframe_records": [{}], "params": "\xa0"}'),
        ("invocations", b'\0{"dataframe_records": [{"wind": ' + DEEP + b"}]}"),
        ("invocations", b'\0{"inputs": {"wind": ' + DEEP + b"}}"),
        ("infer", b'\xff\xff{"inputs": [{"name": "wind", "shape": [1], "datatype": "FP64", "data": [' + DEEP + b"]}]}"),
        ("infer", b'\0\0{"inputs": [{"name": "wind", "shape": [1], "datatype": "FP64", "data": [' + DEEP + b"]}]}"),
        ("infer", b'\0\0{"inputs": [{"name": "tail", "shape": [2], "datatype": "BYTES", "data": ["\\ud800", NaN]}]}'),
        (
            "infer",
            b'\0\0{"id": "\\ud800", "inputs": [{"name": "wind", "shape": [1], "datatype": "FP64", "data": [NaN]}]}',
        ),
    ],
)
def test_what_was_found_once_stays_mended(tmp_path, target, data):
    targets = Targets(FuzzedDoor, tmp_path)
    targets.run(target, data)
    targets.close()


def test_a_length_of_thousands_of_digits_is_no_number(tmp_path):
    FuzzedDoor(tmp_path).infer(b"{}", b"9" * 5000)
