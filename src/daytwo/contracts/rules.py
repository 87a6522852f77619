"""Promises between the columns of one row, such as `arrival >= departure`, compiled for one row.

A rule holds where a column it reads is missing or failed its own rules. `columnar.py` judges the same rules over
tables.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from daytwo.contracts.action import Breach
from daytwo.contracts.contract import Contract, Rule
from daytwo.core.expression import Expression, column_name, divided, parse


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
            holds = _compiled(rule.expression, dict(zip(expression.columns, numeric, strict=True)))
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


def _compiled(text: str, numeric: dict[str, bool]) -> Callable[..., bool]:
    """Return a rule that `parse` has let pass as a function of its columns' values.

    It is made of the tree, not of the text, so no name in it can mean anything but a column.
    """
    places = {name: f"v{place}" for place, name in enumerate(numeric)}
    body = _Arguments(places, numeric).visit(ast.parse(text.strip(), mode="eval").body)
    arguments = ast.arguments(
        posonlyargs=[],
        args=[ast.arg(name) for name in places.values()],
        kwonlyargs=[],
        kw_defaults=[],
        defaults=[],
    )
    tree = ast.fix_missing_locations(ast.Expression(ast.Lambda(arguments, body)))
    scope = {"__builtins__": {}, "float": float, "divided": divided}
    made: Callable[..., bool] = eval(compile(tree, "<rule>", "eval"), scope)  # noqa: S307  see above
    return made


class _Arguments(ast.NodeTransformer):
    """Puts arguments in place of columns, numbers as floats, and a division that knows zero in place of `/`."""

    def __init__(self, places: dict[str, str], numeric: dict[str, bool]) -> None:
        self._places = places
        self._numeric = numeric

    def visit(self, node: ast.AST) -> Any:
        name = column_name(node) if isinstance(node, ast.expr) else None
        if name is not None:
            return _called("float", _read(self._places[name])) if self._numeric[name] else _read(self._places[name])
        node = self.generic_visit(node)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            return _called("divided", node.left, node.right)
        return node


def _read(name: str) -> ast.expr:
    return ast.Name(name, ast.Load())


def _called(name: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(_read(name), list(arguments), [])
