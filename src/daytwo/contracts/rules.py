"""Promises between the columns of one row, such as `arrival >= departure`, compiled for one row.

A rule holds where a column it reads is missing or failed its own rules. `columnar.py` judges the same rules over
tables.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from daytwo.contracts.contract import Breach, Column, Contract, Rule
from daytwo.core.errors import SettingsError
from daytwo.core.expression import Expression, parse
from daytwo.core.schema import Kind


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
            check_sorts(contract, rule)
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


class _Sort:
    """Stands for a column while a rule is tried out: knows only what sort of value it is."""

    __hash__ = None  # type: ignore[assignment]  # it is compared, never kept

    def __init__(self, name: str) -> None:
        self.name = name

    def _arithmetic(self, other: object) -> _Sort:
        return _expect("number", "number", self, other)

    def _ordering(self, other: object) -> _Sort:
        if self.name == "boolean":
            raise TypeError("true and false have no order")
        return _expect(self.name, "boolean", self, other)

    def _equality(self, other: object) -> _Sort:
        return _expect(self.name, "boolean", self, other)

    def _logic(self, other: object) -> _Sort:
        return _expect("boolean", "boolean", self, other)

    def __neg__(self) -> _Sort:
        return self._arithmetic(self)

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _arithmetic
    __lt__ = __le__ = __gt__ = __ge__ = _ordering
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = _logic
    __eq__ = __ne__ = _equality  # type: ignore[assignment]  # a frame's columns answer with columns, too


def _expect(wanted: str, result: str, *values: object) -> _Sort:
    for value in values:
        if _sort_of(value) != wanted:
            raise TypeError(f"a {_sort_of(value)} stands where a {wanted} must")
    return _Sort(result)


def _sort_of(value: object) -> str:
    if isinstance(value, _Sort):
        return value.name
    if isinstance(value, bool):
        return "boolean"
    return "text" if isinstance(value, str) else "number"


def _column_sort(column: Column) -> str:
    if column.is_numeric:
        return "number"
    return "text" if column.kind in {Kind.CATEGORY, Kind.TEXT} else str(column.kind)


def check_sorts(contract: Contract, rule: Rule) -> None:
    """Refuse a rule that mixes sorts of values (a text with a number) or is no condition.

    Raises
    ------
    SettingsError
        With the rule's name and what is mixed.
    """
    expression = parse(rule.expression)
    sorts = {name: _Sort(_column_sort(contract.column(name))) for name in expression.columns}
    try:
        result = _sort_of(expression.evaluate(sorts.__getitem__))
    except TypeError as err:
        problem = str(err)
    else:
        if result == "boolean" and sorts:
            return
        problem = f"it gives a {result}, not true or false" if sorts else "it reads no column"
    raise SettingsError(
        f"rule {rule.name!r} ({rule.expression}): {problem}", hint="Compare columns, such as 'arrival >= departure'"
    )
