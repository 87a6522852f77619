"""Promises between the columns of one row, such as `arrival >= departure`, ready for one row.

A rule holds where a column it reads is missing or failed its own rules. `columnar.py` judges the same rules over
tables.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from daytwo.contracts.action import Breach
from daytwo.contracts.contract import Contract, Rule
from daytwo.core.expression import Expression, parse


@dataclass(frozen=True, slots=True)
class RowRule:
    """A rule ready to judge.

    `columns` are the names whose values it wants, in order, `numeric` says which of them are numbers. `holds` takes
    the typed values, none of them missing, and `breach` is what a row is told that breaks it.
    """

    rule: Rule
    expression: Expression
    columns: tuple[str, ...]
    numeric: tuple[bool, ...]
    holds: Callable[..., bool] = field(compare=False, repr=False)

    @property
    def breach(self) -> Breach:
        """What is said of a row that breaks the rule."""
        return Breach(rule_column(self), rule_name(self.rule), None, message(self.rule), self.rule.action)


def row_rules(contract: Contract, names: Collection[str]) -> tuple[RowRule, ...]:
    """Return the contract's rules that read only the columns in `names`; the others wait for the label."""
    ready = []
    for rule in contract.rules:
        expression = parse(rule.expression)
        if set(expression.columns) <= set(names):
            numeric = tuple(contract.column(name).is_numeric for name in expression.columns)
            holds = _holds(expression, numeric)
            ready.append(RowRule(rule, expression, expression.columns, numeric, holds))
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


def _holds(expression: Expression, numeric: tuple[bool, ...]) -> Callable[..., bool]:
    """Return the rule as a function of its columns' values, in order; numbers are read as floats."""
    pairs = tuple(zip(expression.columns, numeric, strict=True))

    def holds(*values: Any) -> bool:
        held = {name: float(value) if number else value for (name, number), value in zip(pairs, values, strict=True)}
        return bool(expression.evaluate(held.__getitem__))

    return holds
