"""Hashes tell which keys must be looked at: all that repeat or are divided, whatever was written to disk."""

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daytwo.contracts.relations import Dependency, Unique
from daytwo.contracts.table import prints, spill
from daytwo.contracts.table.steps import Steps

KEYS = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 2)), max_size=20)


def frame(keys: list[tuple[str, int]]) -> pl.DataFrame:
    return pl.DataFrame(keys, schema={"key 0": pl.String, "key 1": pl.Int64}, orient="row")


@settings(max_examples=60, deadline=None)
@given(KEYS, st.integers(1, 5), st.sampled_from([0, 200, 1 << 20]))
def test_keys_that_repeat_and_keys_that_are_divided_are_found(keys: list, many: int, most: int) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(spill, "_MOST_BYTES", most)
        repeated, divided = prints.Repeated(Path(folder), "a"), prints.Divided(Path(folder), "b")
        for start in range(0, len(keys), many):
            some = frame(keys[start : start + many])
            repeated.add(some, ["key 0", "key 1"])
            divided.add(some, ["key 0"], "key 1")
        found, split = repeated.found(), divided.found()
    whole = frame(keys)
    again = whole.filter(prints.prints(whole, ["key 0", "key 1"]).is_in(found.implode()))
    counts = Counter(keys)
    assert set(again.rows()) == {key for key, count in counts.items() if count > 1}
    several = whole.filter(prints.prints(whole, ["key 0"]).is_in(split.implode()))
    assert set(several["key 0"]) == {
        key for key, _ in counts if len({other for one, other in counts if one == key}) > 1
    }


@pytest.mark.parametrize("relation", [Unique("x", ("x", "y")), Dependency("x", ("x",), "y")])
def test_all_keys_are_looked_at_where_too_many_are_suspects(tmp_path, monkeypatch, relation) -> None:
    rows = frame([("a", 1), ("a", 1), ("a", 2), ("b", 1), ("b", 1)]).with_row_index("_row").cast({"_row": pl.Int64})
    found = []
    for most, folder in ((4, tmp_path / "few"), (0, tmp_path / "many")):
        monkeypatch.setattr(prints, "_MOST", most)
        folder.mkdir()
        steps = Steps(relation, None, folder, "0")
        steps.take(rows[:2])
        steps.take(rows[2:])
        found.append(sorted(row for lines in steps.rest() for row in lines["row"]))
    assert found[0] == found[1] == ([1, 4] if isinstance(relation, Unique) else [2])
