"""Promises between the columns of one row, such as `arrival >= departure`, compiled for one row.

A rule holds where a column it reads is missing or failed its own rules. `columnar.py` judges the same rules over
tables.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from daytwo.contracts.action import Breach
from daytwo.contracts.contract import Contract, Rule
from daytwo.core.expression import Expression, parse


@dataclass(frozen=True, slots=True)
class RowRule:
    """A rule ready to judge. `columns` are the names whose values it wants, in order."""

    rule: Rule
    expression: Expression
    columns: tuple[str, ...]
    numeric: tuple[bool, ...]

    def judge(self, values: tuple[Any, ...], out: list[Breach]) -> None:
        """Judge one row's typed values (None where missing) and add a breach to `out` where the rule is false."""
        if None in values:
            return
        held = {
            name: float(value) if number else value
            for name, value, number in zip(self.columns, values, self.numeric, strict=True)
        }
        if not self.expression.evaluate(held.__getitem__):
            out.append(Breach(rule_column(self), rule_name(self.rule), None, message(self.rule), self.rule.action))


def row_rules(contract: Contract, names: Collection[str]) -> tuple[RowRule, ...]:
    """Return the contract's rules that read only the columns in `names`; the others wait for the label."""
    ready = []
    for rule in contract.rules:
        expression = parse(rule.expression)
        if set(expression.columns) <= set(names):
            numeric = tuple(contract.column(name).is_numeric for name in expression.columns)
            ready.append(RowRule(rule, expression, expression.columns, numeric))
    return tuple(ready)


def rule_name(rule: Rule) -> str:
    """Return the name under which a broken row rule is reported."""
    return f"expression:{rule.name}"


def rule_column(rule: RowRule) -> str:
    """Return the columns a row rule is about, as one text."""
    return ", ".join(rule.columns)


def message(rule: Rule) -> str:
    """Return in plain words what the rule demands."""
    return f"{rule.expression} must hold"
