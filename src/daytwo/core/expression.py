"""Safe expressions over a row's columns, such as `2.5 * seats - 120` or `arrival >= departure`.

Parsed by Python's own grammar, and only the nodes named here are understood: none of the text is ever executed. One
expression is evaluated with the operators of whatever its columns are: numbers of one row, arrays of many, or a
frame library's own column expressions, so one text has one meaning everywhere. A missing operand (None) makes the
result missing. `Expression.of_row` is a second reading of the same text, made for the one row that a server holds.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce
from typing import Any

from daytwo.core.errors import SettingsError

# Gives a value where its argument, by name, gives each column.
_Evaluate = Callable[[Callable[[str], Any]], Any]
# Gives a value where its argument holds one row's values, in the order of the expression's columns.
_OfRow = Callable[[Sequence[Any]], Any]
# Deeper than any rule a person writes, far below Python's own recursion limit.
_MAX_NODES = 200
_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_ARITHMETIC = frozenset(_BINARY.values())
_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression. `text` is what the person wrote; `columns` are the names it reads, in order of use.

    `of_row` gives the value from one row's plain values (numbers, truths, texts, moments), one for each of `columns`
    and none of them missing; it is the fast way to what `evaluate` gives of the same values.
    """

    text: str
    columns: tuple[str, ...]
    of_row: _OfRow = field(compare=False, repr=False)
    _evaluate: _Evaluate = field(compare=False, repr=False)

    def evaluate(self, column: Callable[[str], Any]) -> Any:
        """Return the value, with `column(name)` standing for each column.

        A plain number divided by zero gives infinity with its sign, or NaN for 0 / 0, as arrays do.
        """
        return self._evaluate(column)


def parse(text: str) -> Expression:
    """Read an expression of numbers, texts, column names, `+ - * /`, comparisons, `and`, `or`, `not` and brackets.

    A column whose name is no Python name is written `col("its name")`.

    Raises
    ------
    SettingsError
        If the text is no such expression; the message names the part that is not allowed.

    Examples
    --------
    >>> parse("2.5 * seats - 120").evaluate({"seats": 100}.__getitem__)
    130.0
    >>> parse("2.5 * seats - 120").of_row((100,))
    130.0
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as err:
        raise SettingsError(f"{text!r} is no expression", hint="Write it such as '2.5 * seats - 120'") from err
    nodes = list(ast.walk(tree))
    if len(nodes) > _MAX_NODES:
        raise SettingsError(f"an expression of {len(nodes)} parts is too long", hint=f"Keep it under {_MAX_NODES}")
    names: dict[str, None] = {}
    _inspect(tree, text, names)
    places = {name: place for place, name in enumerate(names)}
    return Expression(text, tuple(names), _of_row(tree, places), _compiled(tree))


def _inspect(node: ast.expr, text: str, names: dict[str, None]) -> None:
    name = _column_name(node)
    if name is not None:
        names[name] = None
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float | str):
        return
    elif isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        _inspect(node.left, text, names)
        _inspect(node.right, text, names)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd | ast.Not):
        _inspect(node.operand, text, names)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARE:
        _inspect(node.left, text, names)
        _inspect(node.comparators[0], text, names)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            _inspect(value, text, names)
    else:
        part = ast.get_source_segment(text.strip(), node) or type(node).__name__
        raise SettingsError(
            f"{part!r} is not allowed in the expression {text!r}",
            hint="Use numbers, texts, column names, + - * /, one comparison at a time, and, or, not",
        )


def _column_name(node: ast.expr) -> str | None:
    """Return the column that a part of an expression stands for, by its name or as `col("its name")`, if it is one."""
    if isinstance(node, ast.Name):
        return node.id
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "col"
        and len(node.args) == 1
        and not node.keywords
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    ):
        return node.args[0].value
    return None


def _compiled(node: ast.expr) -> _Evaluate:
    """Return the tree as nested functions: a server evaluates one for every row."""
    name = _column_name(node)
    if name is not None:
        return lambda column: column(name)
    match node:
        case ast.Constant(value=value):
            return lambda _: value
        case ast.BinOp(left=left, op=op, right=right):
            return _joined(_BINARY[type(op)], _compiled(left), _compiled(right))
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _joined(_COMPARE[type(op)], _compiled(left), _compiled(right))
        case ast.UnaryOp(op=op, operand=operand):
            return _signed(op, _compiled(operand))
        case ast.BoolOp(op=op, values=values):
            combine = operator.and_ if isinstance(op, ast.And) else operator.or_
            return reduce(partial(_joined, combine), map(_compiled, values))
    raise AssertionError(f"parse() let {type(node).__name__} through")


def _joined(combine: Callable[[Any, Any], Any], left: _Evaluate, right: _Evaluate) -> _Evaluate:
    return lambda column: _apply(combine, left(column), right(column))


def _signed(op: ast.unaryop, operand: _Evaluate) -> _Evaluate:
    if isinstance(op, ast.Not):
        return lambda column: _apply(operator.xor, operand(column), True)
    if isinstance(op, ast.UAdd):
        return operand
    return lambda column: None if (inner := operand(column)) is None else -_number(inner)


def _of_row(node: ast.expr, places: Mapping[str, int]) -> _OfRow:
    """Return the tree as nested functions of one row's values."""
    name = _column_name(node)
    if name is not None:
        return operator.itemgetter(places[name])
    match node:
        case ast.Constant(value=value):
            return lambda _: value
        case ast.BinOp(left=left, op=op, right=right):
            combine = _divided if isinstance(op, ast.Div) else _BINARY[type(op)]
            return _pair_of_row(combine, left, right, places)
        case ast.Compare(left=left, ops=[comparison], comparators=[right]):
            return _pair_of_row(_COMPARE[type(comparison)], left, right, places)
        case ast.UnaryOp(op=sign, operand=operand):
            return _signed_of_row(sign, _of_row(operand, places))
        case ast.BoolOp(op=joint, values=values):
            combine = operator.and_ if isinstance(joint, ast.And) else operator.or_
            return reduce(partial(_both_of_row, combine), [_of_row(value, places) for value in values])
    raise AssertionError(f"parse() let {type(node).__name__} through")


def _pair_of_row(
    combine: Callable[[Any, Any], Any], left: ast.expr, right: ast.expr, places: Mapping[str, int]
) -> _OfRow:
    """Return what combines two parts; a column or a constant is taken without a call of its own, which costs most."""
    names = _column_name(left), _column_name(right)
    i, j = (None if name is None else places[name] for name in names)
    first, second = _of_row(left, places), _of_row(right, places)
    if isinstance(right, ast.Constant):
        value = right.value
        return (lambda row: combine(first(row), value)) if i is None else (lambda row: combine(row[i], value))
    if i is None:
        return _both_of_row(combine, first, second) if j is None else (lambda row: combine(first(row), row[j]))
    return (lambda row: combine(row[i], second(row))) if j is None else (lambda row: combine(row[i], row[j]))


def _both_of_row(combine: Callable[[Any, Any], Any], first: _OfRow, second: _OfRow) -> _OfRow:
    return lambda row: combine(first(row), second(row))


def _signed_of_row(op: ast.unaryop, operand: _OfRow) -> _OfRow:
    if isinstance(op, ast.Not):
        return lambda row: operand(row) ^ True
    return operand if isinstance(op, ast.UAdd) else (lambda row: -operand(row))


def _apply(combine: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    if left is None or right is None:
        return None
    if combine in _ARITHMETIC:
        left, right = _number(left), _number(right)
    if combine is operator.truediv and isinstance(left, int | float) and isinstance(right, int | float):
        return _divided(left, right)
    return combine(left, right)


def _divided(left: float, right: float) -> float:
    """Return a plain number divided by another as arrays do it: by zero, infinity with its sign, or NaN for 0 / 0."""
    if right == 0:
        return math.nan if left == 0 or math.isnan(left) else math.copysign(math.inf, left) * math.copysign(1, right)
    return left / right


def _number(value: Any) -> Any:
    # Arrays of truths would add up by "or"; a plain True already counts as 1.
    if isinstance(value, float | int):
        return value
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    return value * 1 if kind == "b" else value
