"""A whole table: who may pass, which cell failed, and what a table without a column hears."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from daytwo.contracts.column import Column, Role
from daytwo.contracts.columnar import check
from daytwo.contracts.contract import Contract
from daytwo.contracts.encoder import Encoder
from daytwo.core.errors import DataError
from daytwo.core.schema import Kind

CONTRACT = Contract(
    "trips",
    1,
    "me",
    (
        Column("at", Kind.TIME, Role.TIME),
        Column("km", Kind.NUMBER, minimum=0.0, maximum=40.0),
        Column("stops", Kind.INTEGER, nullable=True, required=False),
        Column("city", Kind.CATEGORY, levels=("Bonn", "Köln")),
        Column("note", Kind.TEXT, Role.IGNORED, required=False),
        Column("late", Kind.INTEGER, Role.TARGET, levels=("0", "1")),
    ),
)
FRAME = pl.DataFrame(
    {
        "at": [date(2013, 4, 1)] * 3,
        "km": [1.0, 50.0, 3.0],
        "city": ["Bonn", "Köln", "Ulm"],
        "note": ["x", None, "y"],
        "late": [0, 1, 2],
        "colour": ["red"] * 3,
    }
)


def test_rows_part_and_every_failing_cell_is_named() -> None:
    checked = check(CONTRACT, FRAME)
    assert checked.failures.rows() == [
        (1, "km", "between", "50.0", "km must lie between 0 and 40"),
        (2, "late", "in_set", "2", "late is none of the 2 known levels (0, 1)"),
    ]
    assert checked.warnings.select("row", "column", "rule", "value").rows() == [(2, "city", "in_set", "Ulm")]
    assert checked.rejected.columns == ["_row", *FRAME.columns]
    assert checked.rejected.get_column("_row").to_list() == [1, 2]
    assert checked.unknown == ("colour",)


def test_accepted_rows_have_the_contracts_columns_and_types() -> None:
    accepted = check(CONTRACT, FRAME).accepted
    assert accepted.schema == {
        "at": pl.Datetime("us", "UTC"),
        "km": pl.Float64,
        "stops": pl.Int64,
        "city": pl.String,
        "note": pl.String,
        "late": pl.Int64,
    }
    assert accepted.height == 1


def test_without_labels_the_target_is_not_looked_at() -> None:
    checked = check(CONTRACT, FRAME.drop("late"), labels=False)
    assert checked.rejected.get_column("_row").to_list() == [1]
    assert "late" not in checked.accepted.columns
    with pytest.raises(DataError, match=r"no column 'late'.*requires.*renew the contract"):
        check(CONTRACT, FRAME.drop("late"))


def test_texts_are_numbers_only_where_the_source_knows_only_texts() -> None:
    contract = Contract(
        "t",
        1,
        "",
        (
            Column("n", Kind.NUMBER, nullable=True),
            Column("i", Kind.INTEGER, nullable=True),
            Column("b", Kind.BOOLEAN, nullable=True),
        ),
    )
    frame = pl.DataFrame(
        {
            "n": ["1.5", " 2 ", "1e3", "nan", "inf", "1,5", "0x10", None],
            "i": ["1", "2.0", "2.5", str(2**63 - 1), "1e3", "x", "-7", None],
            "b": ["true", "False", "TRUE", "1", "yes", "x", "false", None],
        }
    )
    strict = check(contract, frame)
    assert strict.failures.filter(pl.col("rule") == "type").height == 21
    parsed = check(contract, frame, parse_text=True)
    bad = {column: set(parsed.failures.filter(pl.col("column") == column).get_column("row")) for column in "nib"}
    assert bad == {"n": {3, 4, 5, 6}, "i": {2, 5}, "b": {3, 4, 5}}
    assert parsed.failures.get_column("rule").unique().to_list() == ["type"]
    assert check(contract, frame.select("n", "i", "b").head(2), parse_text=True).accepted.rows() == [
        (1.5, 1, True),
        (2.0, 2, False),
    ]


def test_many_types_of_a_file_are_read_and_the_others_named() -> None:
    contract = Contract("t", 1, "", (Column("n", Kind.INTEGER), Column("c", Kind.CATEGORY, levels=("x",))))
    for dtype in (pl.Int8, pl.UInt64, pl.Float32, pl.Int128, pl.Decimal(10, 2)):
        frame = pl.DataFrame({"n": pl.Series([1], dtype=dtype), "c": pl.Series(["x"], dtype=pl.Categorical)})
        assert check(contract, frame).accepted.rows() == [(1, "x")]
    odd = pl.DataFrame({"n": [[1]], "c": [b"x"]})
    assert check(contract, odd).failures.select("column", "rule", "value").rows() == [
        ("n", "type", "a value of type List(Int64)"),
        ("c", "type", "a value of type Binary"),
    ]


def test_an_empty_table_is_empty_everywhere() -> None:
    checked = check(CONTRACT, FRAME.clear())
    assert (checked.accepted.height, checked.failures.height, checked.rejected.height) == (0, 0, 0)
    assert Encoder(CONTRACT).matrix(checked.accepted).shape == (0, 3)


def test_a_name_of_daytwos_own_is_refused() -> None:
    with pytest.raises(DataError, match=r"'_row'.*Rename"):
        check(CONTRACT, FRAME.with_columns(pl.lit(1).alias("_row")))


def test_a_matrix_names_what_it_lacks() -> None:
    encoder = Encoder(CONTRACT)
    matrix = encoder.matrix(FRAME)
    assert matrix.dtype == np.float32
    assert np.isnan(matrix[:, 1]).all()
    with pytest.raises(DataError, match="no column 'km'"):
        encoder.matrix(FRAME.drop("km"))
    with pytest.raises(DataError, match="'km' holds String, not a number"):
        encoder.matrix(FRAME.with_columns(pl.col("km").cast(pl.String)))
