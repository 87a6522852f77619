"""Promises between the columns of one row, such as `arrival >= departure`, ready for one row.

A rule holds where a column it reads is missing or failed its own rules. `columnar.py` judges the same rules over
tables.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from daytwo.contracts.action import Breach
from daytwo.contracts.contract import Contract, Rule
from daytwo.core.expression import Expression, parse


@dataclass(frozen=True, slots=True)
class RowRule:
    """A rule ready to judge.

    `columns` are the names whose values it wants, in order, `numeric` says which of them are numbers. `holds` takes
    the typed values in one tuple, none of them missing, numbers as floats; `breach` is what a row is told that breaks
    it.
    """

    rule: Rule
    expression: Expression
    numeric: tuple[bool, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it reads."""
        return self.expression.columns

    @property
    def holds(self) -> Callable[[Sequence[Any]], Any]:
        """What judges the values of one row."""
        return self.expression.of_row

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
            ready.append(RowRule(rule, expression, numeric))
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


def rule_values(rule: RowRule, values: Sequence[str]) -> str:
    """Return the source of the tuple that `rule.holds` takes; `values` are the variables that hold its columns."""
    # The fastest way to a float of the same value, the sign of zero included.
    given = [f"{value} * 1.0" if number else value for value, number in zip(values, rule.numeric, strict=True)]
    return f"({''.join(f'{value}, ' for value in given)})"
