"""A table's column read as its contract's kind: typed values, and which cells could not be read and why.

Readings are expressions, so a table need not be in memory. `suspects.py` and `cells.py` test what is read here,
`judge.py` says the same of one value.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from daytwo.contracts.column import FLOAT32_MAX, Column
from daytwo.contracts.table.moments import MOMENT, moments
from daytwo.core.schema import Kind

_DTYPES = {
    Kind.NUMBER: pl.Float64(),
    Kind.INTEGER: pl.Int64(),
    Kind.BOOLEAN: pl.Boolean(),
    Kind.CATEGORY: pl.String(),
    Kind.TEXT: pl.String(),
    Kind.TIME: MOMENT,
}
_DECIMAL_TEXT = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_EXACT = float(1 << 53)
_SHOWN_CHARACTERS = 80
_TRUTH = {"true": True, "false": False}
# What a text is read as, where the source knows only texts.
FROM_TEXT = (Kind.NUMBER, Kind.INTEGER, Kind.BOOLEAN)


@dataclass(frozen=True, slots=True)
class Reading:
    """One column ready for its tests.

    `raw` is the cell as a row of a request would hold it: null where it is missing, a text for a category of the
    frame library, a number where a text was parsed. `value` has the contract's type, null where a cell is missing or
    cannot be read. `failed` says for the rules "type" and "finite" which cells cannot; only rules that may fail.
    """

    raw: pl.Expr
    value: pl.Expr
    failed: tuple[tuple[str, pl.Expr], ...]


def dtype_of(column: Column) -> pl.DataType:
    """Return the type that accepted values of this column have."""
    return _DTYPES[column.kind]


def reading(column: Column, cell: pl.Expr, dtype: pl.DataType, *, parse_text: bool) -> Reading:
    """Read the cells of a table's column of type `dtype` as what `column` promises."""
    if dtype.base_type() in {pl.Categorical, pl.Enum}:
        cell, dtype = cell.cast(pl.String), pl.String()
    if column.is_numeric and column.nan == "missing" and dtype.is_float():
        cell = cell.fill_nan(None)
    if parse_text and dtype == pl.String and column.kind in FROM_TEXT:
        return _from_text(column, cell)
    value, failed = _read(column, cell, dtype)
    return Reading(cell, value, failed)


def shown(cell: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Return the original value of a cell as text, cut to a length that is safe to store."""
    if dtype.is_nested() or dtype.base_type() in {pl.Object, pl.Binary}:
        return pl.lit(f"a value of type {dtype}")
    if isinstance(dtype, pl.Duration):
        return cell.dt.to_string("iso")
    return cell.cast(pl.String, strict=False).str.head(_SHOWN_CHARACTERS)


_Masks = tuple[tuple[str, pl.Expr], ...]


def _from_text(column: Column, cell: pl.Expr) -> Reading:
    parsed = _parsed(column, cell)
    dtype = {Kind.NUMBER: pl.Float64(), Kind.INTEGER: pl.Int64(), Kind.BOOLEAN: pl.Boolean()}[column.kind]
    value, failed = _read(column, parsed, dtype)
    unread = parsed.is_null() & cell.is_not_null()
    return Reading(parsed, value, (("type", unread), *failed))


def _parsed(column: Column, cell: pl.Expr) -> pl.Expr:
    text = cell.str.strip_chars()
    if column.kind is Kind.BOOLEAN:
        return text.str.to_lowercase().replace_strict(_TRUTH, default=None, return_dtype=pl.Boolean)
    numbers = pl.when(text.str.contains(_DECIMAL_TEXT)).then(text).cast(pl.Float64, strict=False)
    if column.kind is Kind.NUMBER:
        return numbers
    # Text by text, so that a neighbour's decimal point does not cost a long number its last digits.
    return text.cast(pl.Int64, strict=False).fill_null(_whole(numbers).cast(pl.Int64))


def _read(column: Column, cell: pl.Expr, dtype: pl.DataType) -> tuple[pl.Expr, _Masks]:
    if column.kind is Kind.NUMBER and dtype.is_numeric():
        return _number(cell, dtype)
    if column.kind is Kind.INTEGER and dtype.is_numeric():
        return _integer(cell, dtype)
    if column.kind is Kind.TIME:
        return _time(cell, dtype)
    if dtype == dtype_of(column):
        return cell, ()
    return pl.lit(None, dtype_of(column)), (("type", cell.is_not_null()),)


def _number(cell: pl.Expr, dtype: pl.DataType) -> tuple[pl.Expr, _Masks]:
    values = cell if dtype == pl.Float64 else cell.cast(pl.Float64)
    if not dtype.is_float():
        return values, ()
    # NaN is above every number here, so it is among the infinite.
    infinite = (values.abs() > FLOAT32_MAX).fill_null(False)
    return pl.when(~infinite).then(values), (("finite", infinite),)


def _integer(cell: pl.Expr, dtype: pl.DataType) -> tuple[pl.Expr, _Masks]:
    if dtype == pl.Int64:
        return cell, ()
    if dtype.is_integer():
        values = cell.cast(pl.Int64, strict=False)
        return values, (("type", values.is_null() & cell.is_not_null()),)
    numbers = cell.cast(pl.Float64)
    infinite = ~numbers.is_finite()
    whole = _whole(numbers)
    broken = (whole.is_null() & ~infinite).fill_null(False)
    return whole.cast(pl.Int64), (("type", broken), ("finite", infinite.fill_null(False)))


def _whole(numbers: pl.Expr) -> pl.Expr:
    """Return the numbers that surely stand for one whole number, null for all others."""
    return pl.when((numbers == numbers.floor()) & (numbers.abs() <= _EXACT)).then(numbers)


def _time(cell: pl.Expr, dtype: pl.DataType) -> tuple[pl.Expr, _Masks]:
    read = moments(cell, dtype)
    if dtype in {MOMENT, pl.Null()}:
        return read, ()
    return read, (("type", read.is_null() & cell.is_not_null()),)
