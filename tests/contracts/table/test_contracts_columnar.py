"""A whole table: who may pass, which cell failed, and what a table without a column hears."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract, Rule
from daytwo.contracts.encoder import Encoder
from daytwo.contracts.table.columnar import check
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


MENDED = Contract(
    "trips",
    1,
    "",
    (
        Column("km", Kind.NUMBER, maximum=40.0, expected_maximum=30.0, repair=("parse", "unit 0.001", "default 7")),
        Column("city", Kind.CATEGORY, levels=("Bonn", "Koblenz"), typo="reject", repair=("trim", "nearest")),
        Column("zone", Kind.CATEGORY, Role.CHECKED, levels=("east", "west"), typo="warn"),
        Column("note", Kind.TEXT, Role.CHECKED, min_length=2, max_length=4, pattern="[a-z]*", warn=("length",)),
        Column("late", Kind.INTEGER, Role.TARGET, levels=("0", "1"), repair=("parse", "default 1")),
    ),
)


def rows_of(**columns: list[object]) -> pl.DataFrame:
    good = {"km": [1.0], "city": ["Bonn"], "zone": ["east"], "note": ["abc"], "late": [0]}
    height = max(len(values) for values in columns.values())
    return pl.DataFrame({name: columns.get(name, values * height) for name, values in good.items()})


def test_broken_values_are_mended_and_every_mend_is_told() -> None:
    checked = check(MENDED, rows_of(km=[12.0, 5000.0, None, 1e9], city=["Bonn", " Bonn ", "Koblemz", "Ulm"]))
    assert checked.repairs.select("row", "column", "rule", "value", "repaired").rows() == [
        (1, "km", "between", "5000.0", "5.0"),
        (1, "city", "in_set", " Bonn ", "Bonn"),
        (2, "km", "not_null", None, "7.0"),
        (2, "city", "typo", "Koblemz", "Koblenz"),
    ]
    assert checked.repairs["message"][0] == "km must be at most 40; mended by unit"
    assert checked.failures.select("row", "column", "rule").rows() == [(3, "km", "between")]
    assert checked.warnings.select("row", "column", "rule").rows() == [(3, "city", "in_set")]
    assert checked.accepted.select("km", "km_imputed", "city").rows() == [
        (12.0, False, "Bonn"),
        (5.0, False, "Bonn"),
        (7.0, True, "Koblenz"),
    ]
    assert checked.accepted.columns == ["km", "km_imputed", "city", "zone", "note", "late"]
    assert Encoder(MENDED).matrix(checked.accepted)[:, 1].tolist() == [0.0, 0.0, 1.0]


def test_a_column_of_texts_is_parsed_where_its_repairs_say_so() -> None:
    checked = check(MENDED, rows_of(km=["1,234.5", "3", "x", None]))
    assert checked.accepted["km"].to_list() == [1.2345, 3.0, 7.0]
    assert checked.failures.select("row", "rule", "value").rows() == [(2, "type", "x")]


def test_a_default_stands_in_for_a_whole_column() -> None:
    checked = check(MENDED, rows_of(km=[1.0, 2.0]).drop("km"))
    assert checked.accepted.select("km", "km_imputed").rows() == [(7.0, True)] * 2
    assert checked.repairs.select("row", "rule", "repaired").rows() == [(i, "missing_field", "7.0") for i in range(2)]
    with pytest.raises(DataError, match="no column 'city'"):
        check(MENDED, rows_of(km=[1.0]).drop("city"))


def test_a_mended_target_is_one_of_its_levels() -> None:
    checked = check(MENDED, rows_of(late=["1", " 0 ", "2", None]))
    assert checked.accepted["late"].to_list() == [1, 0, 1]
    assert checked.failures.select("row", "column", "rule").rows() == [(2, "late", "in_set")]


def test_typing_errors_and_soft_rules_only_warn_where_asked() -> None:
    checked = check(MENDED, rows_of(zone=["east", "eastt", "no"], note=["a", "abcde", "AB"]))
    assert checked.warnings.select("row", "column", "rule").rows() == [
        (0, "note", "length"),
        (1, "zone", "typo"),
        (1, "note", "length"),
        (2, "zone", "in_set"),
    ]
    assert checked.failures.select("row", "column", "rule").rows() == [(2, "note", "match_regex")]


def test_a_row_rule_reads_what_was_mended() -> None:
    contract = Contract(
        "t",
        1,
        "",
        (Column("a", Kind.NUMBER, repair=("parse",)), Column("b", Kind.NUMBER, maximum=9.0)),
        (Rule("order", "a <= b"),),
    )
    checked = check(contract, pl.DataFrame({"a": ["1", "5", "x", "7"], "b": [2.0, 4.0, 0.0, 99.0]}))
    assert checked.failures.select("row", "rule").rows() == [(1, "expression:order"), (2, "type"), (3, "between")]


@pytest.mark.parametrize(("low", "high"), [(2**53 + 1, None), (None, 2**53 + 1), (0.5, 1.5), (300, None), (None, -1)])
@pytest.mark.parametrize("dtype", [pl.Int64, pl.UInt8, pl.Int16, pl.UInt64])
def test_whole_numbers_are_compared_exactly_in_any_type(low: float | None, high: float | None, dtype: type) -> None:
    contract = Contract("t", 1, "", (Column("n", Kind.INTEGER, minimum=low, maximum=high),))
    few = (-2, 0, 1, 2, 255, 2**53, 2**53 + 1, 2**53 + 2)
    values = [value for value in few if pl.Series([value]).cast(dtype, strict=False)[0] == value]
    frame = pl.DataFrame({"n": pl.Series(values, dtype=dtype)})
    bounds = contract.columns[0]
    passing = [
        value
        for value in values
        if (bounds.minimum is None or value >= bounds.minimum) and (bounds.maximum is None or value <= bounds.maximum)
    ]
    assert check(contract, frame).accepted["n"].to_list() == passing
