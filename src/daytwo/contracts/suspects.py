"""Which rows of a table must be looked at closer: all tests of all columns as one fused mask.

It never misses a row that breaks a rule and may take a few that break none; `cells.py` then names what is broken, of
those rows only. So a good table costs one pass that compares and counts nothing else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from daytwo.contracts.action import Action, Breach
from daytwo.contracts.column import FLOAT32_MAX, Column, Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.ieee import Ieee
from daytwo.contracts.judge import MISSING
from daytwo.contracts.mend import mending_judge
from daytwo.contracts.rules import RowRule, row_rules
from daytwo.contracts.typed import dtype_of, reading
from daytwo.core.errors import DataError
from daytwo.core.schema import Kind


@dataclass(frozen=True, slots=True)
class Plan:
    """What is judged of a table: columns, each with the type that the table holds, and the rules between them.

    `absent` names columns that the table does not have and that a default stands in for. The plan's expressions name
    the columns `value 0`, `value 1`, ...: a frame library reads some names ("*", "^a$") as patterns.
    """

    contract: Contract
    columns: tuple[Column, ...]
    dtypes: tuple[pl.DataType, ...]
    absent: frozenset[str]
    rules: tuple[RowRule, ...]
    unknown: tuple[str, ...]
    parse_text: bool

    def renamed(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the judged columns of a table under the plan's names."""
        held = [
            frame.get_column(column.name) if column.name not in self.absent else _nothing(frame.height, dtype)
            for column, dtype in zip(self.columns, self.dtypes, strict=True)
        ]
        return pl.DataFrame([series.alias(cell_name(i)) for i, series in enumerate(held)], height=frame.height)

    def suspicious(self) -> pl.Expr:
        """Return which rows may break a rule."""
        masks = [pl.lit(False)]
        for i, (column, dtype) in enumerate(zip(self.columns, self.dtypes, strict=True)):
            masks += suspect(column, pl.col(cell_name(i)), dtype, parse_text=self.parse_text)
        masks += [~outcome(rule, dict(self._read(rule))) for rule in self.rules]
        return pl.any_horizontal(masks).fill_null(False)

    def _read(self, rule: RowRule) -> Iterator[tuple[str, pl.Expr]]:
        names = [column.name for column in self.columns]
        for name in rule.columns:
            i = names.index(name)
            yield name, reading(self.columns[i], pl.col(cell_name(i)), self.dtypes[i], parse_text=self.parse_text).value


def _nothing(height: int, dtype: pl.DataType) -> pl.Series:
    return pl.repeat(None, height, dtype=dtype, eager=True)


def cell_name(position: int) -> str:
    """Return what the plan calls the column at `position`."""
    return f"value {position}"


def plan(contract: Contract, schema: pl.Schema, *, labels: bool, parse_text: bool) -> Plan:
    """Return what is judged of a table of these columns.

    Raises
    ------
    DataError
        If a required column is not there, and no default stands in for it.
    """
    wanted = [c for c in contract.columns if c.is_checked and (labels or c.role is not Role.TARGET)]
    absent = frozenset(c.name for c in wanted if c.name not in schema and _stands_in(c, contract))
    columns = tuple(c for c in wanted if c.name in schema or c.name in absent)
    names = [column.name for column in columns]
    known = {column.name for column in contract.columns}
    return Plan(
        contract,
        columns,
        tuple(dtype_of(c) if c.name in absent else schema[c.name] for c in columns),
        absent,
        row_rules(contract, names),
        tuple(name for name in schema if name not in known),
        parse_text,
    )


def _stands_in(column: Column, contract: Contract) -> bool:
    """Whether a default stands in for a column that is not there."""
    found: list[Breach] = []
    mending_judge(column)(MISSING, found)
    if any(breach.action is Action.REJECT for breach in found):
        raise DataError(
            f"the data has no column {column.name!r}, which the contract {contract.name!r} requires",
            hint="Bring the column back, or renew the contract with required = false for it",
        )
    return bool(found)


def suspect(column: Column, cell: pl.Expr, dtype: pl.DataType, *, parse_text: bool) -> Iterator[pl.Expr]:
    """Yield masks of cells that may break a rule of the column; null is no."""
    read = reading(column, cell, dtype, parse_text=parse_text)
    if not column.nullable:
        yield read.raw.is_null() if dtype == pl.String or not parse_text else read.value.is_null()
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
        yield ~read.value.is_in(levels(column))
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
    match = re.compile(column.pattern or "").fullmatch

    def odd(series: pl.Series) -> pl.Series:
        texts = [text for text in series.unique().drop_nulls().to_list() if match(text) is None]
        return series.is_in(pl.Series(texts, dtype=pl.String).implode())

    return value.map_batches(odd, return_dtype=pl.Boolean, is_elementwise=True)


def outcome(rule: RowRule, values: dict[str, pl.Expr]) -> pl.Expr:
    """Return where a row rule holds, null where a column it reads is null."""
    read = {
        name: Ieee(values[name].cast(pl.Float64)) if number else values[name]
        for name, number in zip(rule.columns, rule.numeric, strict=True)
    }
    usable = [value.is_not_null() for value in values.values()]
    return pl.when(pl.all_horizontal(usable)).then(rule.expression.evaluate(read.__getitem__))


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
        yield unmatched(column, value)
