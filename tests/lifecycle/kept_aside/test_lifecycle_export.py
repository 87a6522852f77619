"""Exported rows: whole, and no text is a formula to a spreadsheet."""

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.core.errors import Mistake
from daytwo.lifecycle.kept_aside.export import export, harmless
from daytwo.lifecycle.kept_aside.quarantine import Kept

NOW = datetime(2013, 6, 1, tzinfo=UTC)


def kept(row, source="server"):
    reason = {"column": "x", "rule": "type", "value": "=1", "message": "x must be a number"}
    return Kept("q-1", row, (reason,), source, NOW, "open")


ROWS = [
    kept({"=name": "a", "wind": -3, "note": '=HYPERLINK("http://x")'}, source="=evil.csv"),
    kept({"wind": 2.5, "note": -7}),
    kept({"note": "@x", "list": [1, 2]}),
]


def test_csv_has_no_formulas_and_numbers_stay_numbers(tmp_path):
    export(ROWS, tmp_path / "out.csv")
    found = pl.read_csv(tmp_path / "out.csv")
    assert found.columns[-4:] == ["'=name", "wind", "note", "list"]
    assert found["wind"].to_list() == [-3.0, 2.5, None]
    assert found["note"].to_list() == ['\'=HYPERLINK("http://x")', "-7", "'@x"]
    assert found["_source"].to_list() == ["'=evil.csv", "server", "server"]
    assert found["_because"][0] == 'x must be a number (got "=1")'


def test_parquet_has_the_values_as_they_came(tmp_path):
    export(ROWS, tmp_path / "out.parquet")
    found = pl.read_parquet(tmp_path / "out.parquet")
    assert found["note"].to_list() == ['=HYPERLINK("http://x")', "-7", "@x"]
    assert found["_came"].to_list() == [NOW] * 3


@given(st.text())
def test_no_text_begins_as_a_formula(text):
    assert not harmless(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert harmless(text).removeprefix("'") in {text, text.removeprefix("'")}


def test_another_kind_of_file_is_refused(tmp_path):
    with pytest.raises(Mistake, match=r"neither \.csv nor \.parquet"):
        export(ROWS, tmp_path / "out.xlsx")


def test_nothing_to_export_is_an_empty_table(tmp_path):
    export([], tmp_path / "out.csv")
    assert pl.read_csv(tmp_path / "out.csv").columns[:2] == ["_id", "_came"]
