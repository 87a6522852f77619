"""Which cells of a column may break a rule: comparisons that cost little where a table is good.

They never miss a cell that breaks a rule and may take a few that break none; `plan.py` puts them together, and
`cells.py` names what is broken, of the rows found only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import numpy as np
import polars as pl

from daytwo.contracts.column import FLOAT32_MAX, Column
from daytwo.contracts.rules import RowRule
from daytwo.contracts.table.ieee import Ieee
from daytwo.contracts.table.typed import dtype_of, reading
from daytwo.core.schema import Kind

# So few levels are compared one by one.
_FEW = 5
# Patterns that mean the same to both regular expression engines: plain characters and classes, repeated, in groups.
_PORTABLE = re.compile(
    r"(?:[A-Za-z0-9 _,:;/@#%=!<>~\"'-]|\\[.\-/+*?()\[\]{}|\\^$]|\."
    r"|\[(?:[A-Za-z0-9 _.,:;/@#%=!<>+*?()|-]|\\[.\-\]\[\\/])+\]"
    r"|\((?:\?:)?|[)|?*+]|\{[0-9]{1,3}(?:,[0-9]{0,3})?\})*"
)
# What one of them reads otherwise: groups that look around, repetitions that give nothing back, classes less others.
_PARTING = re.compile(r"\(\?[^:]|[?*+}]\+|--")


def suspect(column: Column, cell: pl.Expr, dtype: pl.DataType, *, parse_text: bool) -> Iterator[pl.Expr]:
    """Yield masks of cells that may break a rule of the column; null is no."""
    read = reading(column, cell, dtype, parse_text=parse_text)
    if not column.nullable:
        yield read.raw.is_null()
    if column.is_numeric and dtype.is_float() and column.kind is Kind.NUMBER:
        yield from _outside_float(column, read.raw if column.nullable else cell, dtype)
    elif column.is_numeric and dtype in _INTEGERS:
        yield from _beyond(cell, dtype, *_ends(column))
        yield from (mask for _, mask in read.failed)
    else:
        found = outside(column, read.value, *_ends(column)) if column.is_numeric else None
        yield from (mask for _, mask in read.failed)
        yield from () if found is None else (found,)
    if column.levels:
        yield _unknown(column, read.value)
    yield from _odd_texts(column, read.value)


_INTEGERS = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)


def outside(column: Column, value: pl.Expr, low: float | None, high: float | None) -> pl.Expr | None:
    """Return where a number, of the contract's type, lies outside a range; None for no range."""
    if column.kind is Kind.INTEGER:
        return pl.any_horizontal(parts) if (parts := list(_beyond(value, pl.Int64(), low, high))) else None
    parts = ([] if low is None else [value < low]) + ([] if high is None else [value > high])
    return pl.any_horizontal(parts).fill_null(False) if parts else None


def levels(column: Column) -> pl.Expr:
    """Return the column's levels in the type that its accepted values have."""
    if column.kind is Kind.BOOLEAN:
        return pl.lit(pl.Series([level == "true" for level in column.levels])).implode()
    known = pl.Series(column.levels, dtype=pl.String)
    return pl.lit(known if column.kind is Kind.CATEGORY else known.cast(dtype_of(column))).implode()


def unmatched(column: Column, value: pl.Expr) -> pl.Expr:
    """Return where a text does not match the column's pattern; each distinct text is matched once."""
    match = re.compile(column.pattern or "").fullmatch  # each text alone, as at the server

    def odd(series: pl.Series) -> pl.Series:
        texts = [text for text in series.unique().drop_nulls().to_list() if match(text) is None]
        return series.is_in(pl.Series(texts, dtype=pl.String).implode())

    return value.map_batches(odd, return_dtype=pl.Boolean, is_elementwise=True)


def outcome(rule: RowRule, values: dict[str, pl.Expr]) -> pl.Expr:
    """Return where a row rule holds, null where a column it reads is null."""
    usable = [value.is_not_null() for value in values.values()]
    return pl.when(pl.all_horizontal(usable)).then(evaluated(rule, values))


def evaluated(rule: RowRule, values: dict[str, pl.Expr]) -> pl.Expr:
    """Return a row rule's expression; it is never false where it holds, and may be where a column it reads is null."""
    read = {
        name: Ieee(values[name].cast(pl.Float64)) if number else values[name]
        for name, number in zip(rule.columns, rule.numeric, strict=True)
    }
    held: pl.Expr = rule.expression.evaluate(read.__getitem__)
    return held


def _ends(column: Column) -> tuple[float | None, float | None]:
    lows = [low for low in (column.minimum, column.expected_minimum) if low is not None]
    highs = [high for high in (column.maximum, column.expected_maximum) if high is not None]
    return max(lows, default=None), min(highs, default=None)


def _outside_float(column: Column, cell: pl.Expr, dtype: pl.DataType) -> Iterator[pl.Expr]:
    """Compare in the column's own type; NaN is above every number, so it is outside."""
    low, high = _ends(column)
    low = -FLOAT32_MAX if low is None else max(low, -FLOAT32_MAX)
    high = FLOAT32_MAX if high is None else min(high, FLOAT32_MAX)
    if dtype == pl.Float32:
        yield cell < pl.lit(-_below32(-low), pl.Float32)
        yield cell > pl.lit(_below32(high), pl.Float32)
    else:
        cell = cell if dtype == pl.Float64 else cell.cast(pl.Float64)
        yield cell < low
        yield cell > high


def _below32(number: float) -> float:
    """Return the largest float32 that is not above `number`."""
    if abs(number) > FLOAT32_MAX:
        return -math.inf if number < 0 else FLOAT32_MAX
    near = np.float32(number)
    return float(near if float(near) <= number else np.nextafter(near, np.float32(-np.inf)))


def _beyond(cell: pl.Expr, dtype: pl.DataType, low: float | None, high: float | None) -> Iterator[pl.Expr]:
    """Compare whole numbers with whole numbers, exactly, and only with ends that the type can pass."""
    least, most = _span(dtype)
    lowest = least if low is None else math.ceil(low)
    highest = most if high is None else math.floor(high)
    if lowest > least:
        yield cell < pl.lit(lowest, dtype) if lowest <= most else cell.is_not_null()
    if highest < most:
        yield cell > pl.lit(highest, dtype) if highest >= least else cell.is_not_null()


def _span(dtype: pl.DataType) -> tuple[int, int]:
    bits = int("".join(letter for letter in str(dtype) if letter.isdigit()))
    return (0, (1 << bits) - 1) if str(dtype).startswith("U") else (-(1 << bits - 1), (1 << bits - 1) - 1)


def _odd_texts(column: Column, value: pl.Expr) -> Iterator[pl.Expr]:
    if column.max_length is not None:
        # No text has more characters than bytes, and bytes need not be counted.
        yield value.str.len_bytes() > column.max_length
    if column.min_length is not None:
        yield value.str.len_chars() < column.min_length
    if column.pattern is not None:
        portable = _PORTABLE.fullmatch(column.pattern) and not _PARTING.search(column.pattern)
        yield ~value.str.contains(rf"\A(?:{column.pattern})\z") if portable else unmatched(column, value)


def _unknown(column: Column, value: pl.Expr) -> pl.Expr:
    if column.kind is Kind.CATEGORY and len(column.levels) <= _FEW:
        return pl.all_horizontal([value != level for level in column.levels])
    return ~value.is_in(levels(column))
