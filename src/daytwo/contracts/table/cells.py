"""Every broken rule of some rows of a table, named cell by cell, and what repairs made of them.

`suspects.py` finds the rows. A column is tested by expressions here; one with repairs value by value in `remade.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from daytwo.contracts.action import Action
from daytwo.contracts.column import Column, Role
from daytwo.contracts.rules import message, rule_column, rule_name
from daytwo.contracts.table.lines import LINES, ROW
from daytwo.contracts.table.plan import Plan
from daytwo.contracts.table.remade import Remade, is_remade, remade
from daytwo.contracts.table.suspects import levels, outcome, outside, unmatched
from daytwo.contracts.table.typed import Reading


@dataclass(frozen=True, slots=True)
class Named:
    """Every broken rule of some rows: `lines` in their order; `remade` is what became of columns with repairs."""

    lines: pl.DataFrame
    remade: Mapping[str, Remade]


@dataclass(frozen=True, slots=True)
class _Test:
    """One rule: `fails` is a boolean expression over the working table; `cell` is the value's text."""

    column: str
    rule: str
    action: Action
    message: str
    fails: pl.Expr
    cell: pl.Expr


def name_cells(held: Plan, work: pl.DataFrame) -> Named:
    """Name what the rows of a table break, given under the plan's names and with their numbers, `_row`."""
    found = [LINES.to_frame()]
    made: dict[str, Remade] = {}
    usable: dict[str, pl.Expr] = {}
    for i, (column, dtype) in enumerate(zip(held.columns, held.dtypes, strict=True)):
        name, cell = column.name, pl.col(held.cells[i])
        if is_remade(column):
            absent, told = name in held.absent, held.told(i)
            made[name] = remade(column, work, cell, dtype, told, held.judges, parse_text=held.parse_text, absent=absent)
            found.append(made[name].lines)
            work = work.with_columns(made[name].usable.alias(_usable(i)))
            usable[name] = pl.col(_usable(i))
        else:
            broken = _broken(work, list(_tests(column, held.read(i), held.told(i))))
            found.append(_lines(work, broken))
            value = held.read(i).value
            hard = [test.fails for test in broken if test.action is Action.REJECT]
            usable[name] = pl.when(~pl.any_horizontal(hard)).then(value) if hard else value
    found.append(_lines(work, _broken(work, list(_rule_tests(held, usable)))))
    return Named(pl.concat(found).sort("row", maintain_order=True), made)


def _usable(position: int) -> str:
    return f"_usable {position}"


def _rule_tests(held: Plan, usable: dict[str, pl.Expr]) -> Iterator[_Test]:
    for rule in held.rules:
        fails = ~outcome(rule, {name: usable[name] for name in rule.columns})
        nothing = pl.lit(None, pl.String)
        yield _Test(rule_column(rule), rule_name(rule.rule), rule.rule.action, message(rule.rule), fails, nothing)


def _tests(column: Column, read: Reading, told: pl.Expr) -> Iterator[_Test]:
    value, unread = read.value, [mask for _, mask in read.failed]

    def test(rule: str, fails: pl.Expr, action: Action = Action.REJECT) -> _Test:
        action = Action.WARN if rule in column.warn else action
        return _Test(column.name, rule, action, column.message(rule), fails, told)

    if not column.nullable:
        yield test("not_null", value.is_null() & ~pl.any_horizontal(unread) if unread else value.is_null())
    for rule, mask in read.failed:
        yield test(rule, mask)
    beyond = outside(column, value, column.minimum, column.maximum)
    unexpected = outside(column, value, column.expected_minimum, column.expected_maximum)
    if beyond is not None:
        yield test("between", beyond)
    if unexpected is not None:
        yield test("expected_between", unexpected if beyond is None else unexpected & ~beyond, Action.WARN)
    if column.levels:
        keep = column.other == "keep" and column.role is not Role.TARGET
        yield test("in_set", ~value.is_in(levels(column)), Action.WARN if keep else Action.REJECT)
    if column.min_length is not None or column.max_length is not None:
        low, high = column.min_length or 0, column.max_length
        characters = value.str.len_chars()
        yield test("length", (characters < low) if high is None else (characters < low) | (characters > high))
    if column.pattern is not None:
        yield test("match_regex", unmatched(column, value))


def _broken(work: pl.DataFrame, tests: list[_Test]) -> list[_Test]:
    if not tests or not work.height:
        return []
    counts = work.lazy().select(test.fails.sum().alias(str(i)) for i, test in enumerate(tests)).collect().row(0)
    return [test for test, count in zip(tests, counts, strict=True) if count]


def _lines(work: pl.DataFrame, broken: list[_Test]) -> pl.DataFrame:
    if not broken:
        return LINES.to_frame()
    lines = [
        work.lazy()
        .filter(test.fails)
        .select(
            pl.col(ROW).alias("row"),
            pl.lit(test.column).alias("column"),
            pl.lit(test.rule).alias("rule"),
            test.cell.alias("value"),
            pl.lit(test.message).alias("message"),
            pl.lit(str(test.action)).alias("action"),
            pl.lit(None, pl.String).alias("repaired"),
        )
        for test in broken
    ]
    return pl.concat(lines).collect()
