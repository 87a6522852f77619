"""A table's column read as its contract's kind: the typed values, and which cells could not be read and why.

Half of `columnar.py`: there the rules, here the readings of whatever type a file came with.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from daytwo.contracts.column import FLOAT32_MAX, Column
from daytwo.contracts.moments import MOMENT, read_moments
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


@dataclass(frozen=True, slots=True)
class Typed:
    """One column ready for its tests.

    `values` has the column's name and the contract's type, null where a cell is missing or could not be read.
    `failed` are the cells that could not be read, by rule ("type", "finite"), as masks; only rules that failed
    somewhere. `original` is what the table held.
    """

    values: pl.Series
    failed: tuple[tuple[str, pl.Series], ...]
    original: pl.Series


def dtype_of(column: Column) -> pl.DataType:
    """Return the type that accepted values of this column have."""
    return _DTYPES[column.kind]


def typed(column: Column, original: pl.Series, *, parse_text: bool) -> Typed:
    """Read `original` as what `column` promises."""
    raw = original.cast(pl.String) if original.dtype.base_type() in {pl.Categorical, pl.Enum} else original
    if column.is_numeric and column.nan == "missing" and raw.dtype.is_float():
        raw = raw.fill_nan(None)
    if parse_text and raw.dtype == pl.String and column.kind in {Kind.NUMBER, Kind.INTEGER, Kind.BOOLEAN}:
        parsed = _parsed(column, raw)
        values, failed = _read(column, parsed)
        unread = parsed.is_null() & raw.is_not_null()
        by_rule = dict(failed)
        failed = tuple((by_rule | {"type": by_rule.get("type", unread) | unread}).items())
    else:
        values, failed = _read(column, raw)
    return Typed(
        values.alias(column.name),
        tuple((rule, mask.fill_null(False)) for rule, mask in failed if mask.any()),
        original,
    )


def shown(original: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Return the original value of a cell as text, cut to a length that is safe to store."""
    if dtype.is_nested() or dtype.base_type() in {pl.Object, pl.Binary}:
        return pl.lit(f"a value of type {dtype}")
    return original.cast(pl.String, strict=False).str.head(_SHOWN_CHARACTERS)


_Masks = tuple[tuple[str, pl.Series], ...]
_Reading = tuple[pl.Series, _Masks]


def _parsed(column: Column, raw: pl.Series) -> pl.Series:
    text = raw.str.strip_chars()
    if column.kind is Kind.BOOLEAN:
        return text.str.to_lowercase().replace_strict(_TRUTH, default=None, return_dtype=pl.Boolean)
    numbers = text.set(~text.str.contains(_DECIMAL_TEXT), None).cast(pl.Float64, strict=False)
    if column.kind is Kind.NUMBER:
        return numbers
    # Text by text, so that a neighbour's decimal point does not cost a long number its last digits.
    return text.cast(pl.Int64, strict=False).fill_null(_integer(numbers)[0])


def _read(column: Column, raw: pl.Series) -> _Reading:
    dtype = raw.dtype
    if column.kind is Kind.NUMBER and dtype.is_numeric():
        return _number(raw)
    if column.kind is Kind.INTEGER and dtype.is_numeric():
        return _integer(raw)
    if column.kind is Kind.TIME:
        moments = read_moments(raw)
        return moments, (("type", moments.is_null() & raw.is_not_null()),)
    if dtype == dtype_of(column):
        return raw, ()
    nothing = pl.repeat(None, len(raw), dtype=dtype_of(column), eager=True)
    return nothing, (("type", raw.is_not_null()),)


def _number(raw: pl.Series) -> _Reading:
    values = raw.cast(pl.Float64)
    if not raw.dtype.is_float():
        return values, ()
    # NaN is above every number here, so it is among the infinite.
    infinite = values.abs() > FLOAT32_MAX
    return (values.set(infinite, None), (("finite", infinite),)) if infinite.any() else (values, ())


def _integer(raw: pl.Series) -> _Reading:
    if raw.dtype.is_integer():
        values = raw.cast(pl.Int64, strict=False)
        return values, (("type", values.is_null() & raw.is_not_null()),)
    numbers = raw.cast(pl.Float64)
    infinite = ~numbers.is_finite()
    whole = (numbers == numbers.floor()) & (numbers.abs() <= _EXACT) & ~infinite
    return numbers.set(~whole, None).cast(pl.Int64), (("type", ~whole & ~infinite), ("finite", infinite))
