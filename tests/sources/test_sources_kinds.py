"""What texts are read as, for proposals: amounts as numbers, codes as the texts they are."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.sources.kinds import typed, typed_rows
from daytwo.sources.rows import Rows


@pytest.mark.parametrize(
    ("texts", "dtype", "values", "note"),
    [
        (["1", "-2", None], pl.Int64, [1, -2, None], ""),
        (["1", " 2.5 ", "1e3"], pl.Float64, [1.0, 2.5, 1000.0], ""),
        (["1", "NA", "3"], pl.Int64, [1, None, 3], "'c' holds 'NA': taken for missing"),
        (["NA", "NA", "3"], pl.String, None, ""),
        (["01234", "99999"], pl.String, None, "'c' holds codes such as '01234': texts"),
        (["0", "10"], pl.Int64, [0, 10], ""),
        (["0.5", "00.5"], pl.Float64, [0.5, 0.5], ""),
        (["+4930123456", "+4989123456"], pl.String, None, "'c' holds codes such as '+4930123456': texts"),
        (["12345678901234567", "1"], pl.String, None, "'c' holds whole numbers of up to 17 digits: texts"),
        (["True", "false", None], pl.Boolean, [True, False, None], ""),
        (["2013-01-31", None], pl.Date, [date(2013, 1, 31), None], ""),
        (["2013-02-31"], pl.String, None, ""),
        (["1 234", "2"], pl.String, None, ""),
        (["x", "NA"], pl.String, None, ""),
        (["NA", None], pl.String, None, ""),
    ],
)
def test_a_column_is_what_all_its_values_are(texts, dtype, values, note):
    found = typed(pl.DataFrame({"c": texts}, schema={"c": pl.String}))
    assert found.frame.schema == {"c": dtype}
    assert found.frame["c"].to_list() == (texts if values is None else values)
    assert found.notes == ((note,) if note else ())


@pytest.mark.parametrize("name", ["zip", "phone", "phone_number", "billing_postcode", "Zip"])
def test_columns_called_like_codes_stay_texts(name):
    found = typed(pl.DataFrame({name: ["12345", "54321"]}))
    assert found.frame.schema == {name: pl.String}
    assert found.notes == (f"{name!r} is called like a code: texts",)
    assert typed(pl.DataFrame({"zipper": ["1"]})).frame.dtypes == [pl.Int64]


def test_moments_with_and_without_zone_are_the_same_moments():
    told = ["2013-01-31T12:00Z", "2013-01-31 12:00:00", "2013-01-31T13:00:00.0+01:00", "2013-01-31T12:00:00.000000"]
    found = typed(pl.DataFrame({"at": told})).frame
    assert found.schema == {"at": pl.Datetime("us", "UTC")}
    assert found["at"].n_unique() == 1


@given(st.lists(st.integers(-(10**15) + 1, 10**15 - 1), min_size=1))
def test_whole_numbers_come_back(numbers):
    assert typed(pl.DataFrame({"c": [str(n) for n in numbers]})).frame["c"].to_list() == numbers


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: "." in repr(x)), min_size=1))
def test_numbers_come_back(numbers):
    assert typed(pl.DataFrame({"c": [repr(n) for n in numbers]})).frame["c"].to_list() == numbers


def test_columns_with_types_stay_as_they_are():
    frame = pl.DataFrame({"a": [1], "b": ["1"]})
    assert typed_rows(Rows(frame)).equals(frame)
    assert typed_rows(Rows(frame, texts=True)).dtypes == [pl.Int64, pl.Int64]
