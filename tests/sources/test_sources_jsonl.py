"""JSON Lines: no key is lost, no line that is none is silent, and values keep their kinds."""

from __future__ import annotations

import gzip
import json

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daytwo.core.errors import DataError
from daytwo.sources.files import batches, read_rows

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
COLUMNS = {
    "i": st.integers(-(2**63), 2**63 - 1),
    "n": st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False, width=32),
    "b": st.booleans(),
    "t": TEXTS | st.sampled_from(["1", "true", "[]", "null"]),
}
ROWS = st.lists(
    st.fixed_dictionaries({}, optional={name: st.none() | values for name, values in COLUMNS.items()}),
    min_size=1,
    max_size=12,
)


def put(folder, content, name="rows.jsonl"):
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_rows_with_optional_keys_come_back_with_their_kinds(tmp_path, rows):
    path = put(tmp_path, "\n".join(json.dumps(row) for row in rows) + "\n")
    names = {name for row in rows for name in row}
    if not names:
        with pytest.raises(DataError, match="has no rows"):
            read_rows(path)
        return
    read = read_rows(path)
    assert set(read.frame.columns) == names
    assert read.frame.to_dicts() == [{name: row.get(name) for name in read.frame.columns} for row in rows]
    assert (read.texts, read.notes) == (False, ())


def test_a_key_of_the_last_line_is_there(tmp_path):
    lines = ['{"a": 1}'] * 200_000 + ['{"a": 2.5, "late": true}']
    read = read_rows(put(tmp_path, "\n".join(lines)))
    assert read.frame.schema == {"a": pl.Float64, "late": pl.Boolean}
    assert read.frame.row(-1) == (2.5, True)


def test_nested_values_are_their_json_and_mixed_ones_are_texts_and_both_are_told(tmp_path):
    path = put(tmp_path, '{"wind": 1, "at": {"x": [1, null]}}\n{"wind": "40 dm"}\n{"at": [2], "wind": 2.5}\n')
    read = read_rows(path)
    assert read.frame.rows() == [("1", '{"x": [1, null]}'), ("40 dm", None), ("2.5", "[2]")]
    assert read.texts
    assert read.notes == (
        "'wind' holds numbers and texts: all are read as texts, as those of a CSV file are",
        "'at' holds nested values: each is kept as its JSON text",
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"a": NaN}', "holds NaN, which is no JSON value; write null"),
        ('{"a": -Infinity}', "holds -Infinity"),
        ('{"a": 1', "is no JSON"),
        ("[1]", "is no JSON object"),
        ("a,b", "is no JSON"),
    ],
)
def test_a_line_that_is_no_row_is_told_by_its_number(tmp_path, line, reason):
    path = put(tmp_path, '{"a": 1}\n' * 9 + "\n" + line + "\n" + '{"a": 2}\n' * 9)
    with pytest.raises(DataError, match=f"line 11 {reason}"):
        read_rows(path)
    with pytest.raises(DataError, match="line 11"):
        list(batches(path))
    read = read_rows(path, keep_broken=True)
    assert read.frame["a"].to_list() == [1] * 9 + [2] * 9
    assert [(one.number, one.text) for one in read.broken] == [(11, line)]


def test_a_file_that_is_cut_off_is_told(tmp_path):
    with pytest.raises(DataError, match=r"rows\.jsonl: the file is cut off: line 2"):
        read_rows(put(tmp_path, '{"a": 1}\n{"a": '), keep_broken=True)


def test_other_encodings_and_packed_files_are_read(tmp_path):
    assert read_rows(put(tmp_path, '{"a": "ü"}\n'.encode("utf-8-sig"))).frame.item() == "ü"
    assert read_rows(put(tmp_path, '{"a": "ü"}\n'.encode("utf-16"))).frame.item() == "ü"
    assert read_rows(put(tmp_path, gzip.compress(b'{"a": 1}\n'), "rows.jsonl.gz")).frame.item() == 1
