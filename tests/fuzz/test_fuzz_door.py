"""A short run of the fuzzer, always the same; `python -m tests.fuzz.long` goes on for as long as it is told."""

from __future__ import annotations

from random import Random

import pytest
from tests.fuzz.door import FuzzedDoor, run


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
