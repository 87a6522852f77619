"""A table through its contract: which rows may pass, and every failing cell by row, column and rule.

The other compilation of the same contract is `decoder.py`; the meaning of each rule stands in `contract.py`. All
tests of all columns run in one fused plan that only counts; row numbers are looked up for the tests that failed.
Texts with a time or a pattern are judged once per distinct text, by the very code that judges a request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from daytwo.contracts.action import Action
from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.ieee import Ieee
from daytwo.contracts.rules import RowRule, message, row_rules, rule_column, rule_name
from daytwo.contracts.typed import Typed, dtype_of, shown, typed
from daytwo.core.errors import DataError
from daytwo.core.schema import Kind

ROW = "_row"
_FAILURES = pl.Schema(
    {"row": pl.Int64, "column": pl.String, "rule": pl.String, "value": pl.String, "message": pl.String}
)


@dataclass(frozen=True, slots=True)
class Checked:
    """A table's verdict.

    `accepted` holds the rows that may pass, with all of the contract's columns in its order and types; an ignored
    value of another type is null there. `failures` has one line for each failing cell: `row` (0-based, in the table
    that was checked), `column`, `rule`, `value`, `message`; `warnings` the same for cells that only warn. `rejected`
    holds the original rows that failed, `_row` first. `unknown` names the table's columns that the contract does
    not know.
    """

    accepted: pl.DataFrame
    failures: pl.DataFrame
    warnings: pl.DataFrame
    rejected: pl.DataFrame
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Test:
    """One rule: `fails` is a boolean expression over the working table, without nulls; `shown` is the value's text."""

    column: str
    rule: str
    action: Action
    message: str
    fails: pl.Expr
    shown: pl.Expr


def check(contract: Contract, frame: pl.DataFrame, *, labels: bool = True, parse_text: bool = False) -> Checked:
    """Judge every row of `frame`.

    With `labels` the target must be there and hold (rows to learn from); without, it is not looked at (rows to
    predict), as at the server. With `parse_text` texts are read as numbers and booleans first, for sources that
    know only texts, such as CSV; otherwise a text is never a number.

    Raises
    ------
    DataError
        If a required column is not in the table; the message names it and the next step.
    """
    if ROW in frame.columns:
        raise DataError(f"the data has a column {ROW!r}, a name of daytwo's own", hint="Rename the column")
    wanted = [c for c in contract.columns if c.is_checked and (labels or c.role is not Role.TARGET)]
    columns = [column for column in wanted if _present(column, contract, frame)]
    work: list[pl.Series] = []
    tests: list[_Test] = []
    for position, column in enumerate(columns):
        values = typed(column, frame.get_column(column.name), parse_text=parse_text)
        work += _working_series(position, values)
        tests += _tests(position, column, values)
    names = [column.name for column in columns]
    tests += [_rule_test(rule, names, tests) for rule in row_rules(contract, names)]
    table = pl.DataFrame(work, height=frame.height)
    accepted = _accepted(contract, frame, columns, table, parse_text=parse_text)
    return _verdict(contract, frame, accepted, table, tests)


def _verdict(
    contract: Contract, frame: pl.DataFrame, accepted: pl.DataFrame, work: pl.DataFrame, tests: list[_Test]
) -> Checked:
    broken = _broken(work, tests)
    rejecting = [test for test in broken if test.action is Action.REJECT]
    numbered = frame.with_row_index(ROW).cast({ROW: pl.Int64})
    if rejecting:
        bad = work.select(pl.any_horizontal([test.fails for test in rejecting]).alias(ROW)).get_column(ROW)
        accepted, rejected = accepted.filter(~bad), numbered.filter(bad)
    else:
        rejected = numbered.clear()
    known = {column.name for column in contract.columns}
    return Checked(
        accepted=accepted,
        failures=_cells(work, rejecting),
        warnings=_cells(work, [test for test in broken if test.action is Action.WARN]),
        rejected=rejected,
        unknown=tuple(name for name in frame.columns if name not in known),
    )


def _present(column: Column, contract: Contract, frame: pl.DataFrame) -> bool:
    if column.name in frame.columns:
        return True
    if not column.required:
        return False
    raise DataError(
        f"the data has no column {column.name!r}, which the contract {contract.name!r} requires",
        hint="Bring the column back, or renew the contract with required = false for it",
    )


# The working table names its columns by position: a frame library reads some names ("*", "^a$") as patterns.
def _value(position: int) -> str:
    return f"value {position}"


def _side(position: int, what: str) -> str:
    return f"{what} {position}"


def _working_series(position: int, values: Typed) -> list[pl.Series]:
    masks = [mask.alias(_side(position, rule)) for rule, mask in values.failed]
    return [values.values.alias(_value(position)), values.original.alias(_side(position, "original")), *masks]


def _tests(position: int, column: Column, values: Typed) -> list[_Test]:
    value = pl.col(_value(position))
    original = pl.col(_side(position, "original"))
    unread = [pl.col(_side(position, rule)) for rule, _mask in values.failed]
    tests: list[_Test] = []

    def add(rule: str, fails: pl.Expr, action: Action = Action.REJECT) -> None:
        cell = shown(original, values.original.dtype)
        tests.append(_Test(column.name, rule, action, column.message(rule), fails, cell))

    if not column.nullable:
        add("not_null", value.is_null() & ~pl.any_horizontal(unread) if unread else value.is_null())
    for (rule, _mask), fails in zip(values.failed, unread, strict=True):
        add(rule, fails)
    outside = _outside(value, column.minimum, column.maximum)
    unexpected = _outside(value, column.expected_minimum, column.expected_maximum)
    if outside is not None:
        add("between", outside)
    if unexpected is not None:
        add("expected_between", unexpected if outside is None else unexpected & ~outside, Action.WARN)
    if column.levels:
        keep = column.other == "keep" and column.role is not Role.TARGET
        add("in_set", ~value.is_in(_levels(column)).fill_null(True), Action.WARN if keep else Action.REJECT)
    if column.max_length is not None:
        add("length", (value.str.len_chars() > column.max_length).fill_null(False))
    if column.pattern is not None:
        pattern = re.compile(column.pattern)
        odd = [text for text in values.values.unique().drop_nulls().to_list() if pattern.fullmatch(text) is None]
        add("match_regex", value.is_in(pl.Series(odd, dtype=pl.String).implode()).fill_null(False))
    return tests


def _levels(column: Column) -> pl.Expr:
    if column.kind is Kind.BOOLEAN:
        return pl.lit(pl.Series([level == "true" for level in column.levels])).implode()
    levels = pl.Series(column.levels, dtype=pl.String)
    return pl.lit(levels if column.kind is Kind.CATEGORY else levels.cast(dtype_of(column))).implode()


def _outside(value: pl.Expr, low: float | None, high: float | None) -> pl.Expr | None:
    parts = ([] if low is None else [value < low]) + ([] if high is None else [value > high])
    if not parts:
        return None
    return (parts[0] if len(parts) == 1 else parts[0] | parts[1]).fill_null(False)


def _rule_test(rule: RowRule, names: list[str], tests: list[_Test]) -> _Test:
    held = {name: pl.col(_value(names.index(name))) for name in rule.columns}
    usable = [value.is_not_null() for value in held.values()]
    usable += [~test.fails for test in tests if test.column in rule.columns and test.action is Action.REJECT]
    read = {
        name: Ieee(held[name].cast(pl.Float64)) if number else held[name]
        for name, number in zip(rule.columns, rule.numeric, strict=True)
    }
    outcome = rule.expression.evaluate(read.__getitem__)
    fails = pl.all_horizontal(*usable, ~outcome.fill_null(True))
    nothing = pl.lit(None, pl.String)
    return _Test(rule_column(rule), rule_name(rule.rule), rule.rule.action, message(rule.rule), fails, nothing)


def _broken(work: pl.DataFrame, tests: list[_Test]) -> list[_Test]:
    if not tests or not work.height:
        return []
    counts = work.lazy().select(test.fails.sum().alias(str(i)) for i, test in enumerate(tests)).collect().row(0)
    return [test for test, count in zip(tests, counts, strict=True) if count]


def _cells(work: pl.DataFrame, broken: list[_Test]) -> pl.DataFrame:
    if not broken:
        return _FAILURES.to_frame()
    lines = [
        work.lazy()
        .with_row_index("row")
        .filter(test.fails)
        .select(
            pl.col("row").cast(pl.Int64),
            pl.lit(test.column).alias("column"),
            pl.lit(test.rule).alias("rule"),
            test.shown.alias("value"),
            pl.lit(test.message).alias("message"),
        )
        for test in broken
    ]
    return pl.concat(lines).collect().sort("row", maintain_order=True)


def _accepted(
    contract: Contract, frame: pl.DataFrame, checked: list[Column], work: pl.DataFrame, *, parse_text: bool
) -> pl.DataFrame:
    """Return all rows in the contract's columns and types, so that every batch fits the same table."""
    positions = {column.name: position for position, column in enumerate(checked)}
    series: list[pl.Series] = []
    for column in contract.columns:
        if column.name in positions:
            series.append(work.get_column(_value(positions[column.name])).alias(column.name))
        elif not column.is_checked and column.name in frame.columns:
            series.append(typed(column, frame.get_column(column.name), parse_text=parse_text).values)
        elif column.role is not Role.TARGET:
            series.append(pl.repeat(None, frame.height, dtype=dtype_of(column), eager=True).alias(column.name))
    return pl.DataFrame(series, height=frame.height)
