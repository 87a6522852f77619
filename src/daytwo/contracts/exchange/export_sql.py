"""Row rules and keys as SQL that counts the rows which break them, for tools that check by query.

Pure. `${table}` stands for the table, as the Open Data Contract Standard writes it. A row whose value is missing keeps
a rule in both: in SQL `not (null)` is unknown, and what is unknown is not counted.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from daytwo.core.expression import parse

_SIGNS: Mapping[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Eq: "=",
    ast.NotEq: "<>",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.And: " and ",
    ast.Or: " or ",
    ast.USub: "-",
    ast.UAdd: "+",
    ast.Not: "not ",
}


def breaking_rows(expression: str) -> str:
    """Return the query that counts rows in which a row rule is false.

    Examples
    --------
    >>> breaking_rows("arrival >= departure")
    'select count(*) from ${table} where not ("arrival" >= "departure")'
    """
    parse(expression)  # nothing but what a rule may hold is translated, and names and texts are quoted
    condition = _sql(ast.parse(expression.strip(), mode="eval").body)
    return f"select count(*) from ${{table}} where not {condition}"  # noqa: S608 (text for others; names are quoted)


def repeated_keys(columns: Sequence[str]) -> str:
    """Return the query that counts keys which more than one row has.

    Examples
    --------
    >>> repeated_keys(["day"])
    'select count(*) from (select 1 from ${table} where "day" is not null group by "day" having count(*) > 1) repeated'
    """
    names = [_name(column) for column in columns]
    there = " and ".join(f"{name} is not null" for name in names)
    keys = f"where {there} group by {', '.join(names)} having count(*) > 1"
    return f"select count(*) from (select 1 from ${{table}} {keys}) repeated"  # noqa: S608 (names are quoted)


def repeat_percent(columns: Sequence[str]) -> str:
    """Return the query for the percentage of rows that repeat another row in all of these columns.

    Examples
    --------
    >>> repeat_percent(["day"])
    'select 100.0 * sum(copies - 1) / sum(copies) from (select count(*) as copies from ${table} group by "day") alike'
    """
    alike = f"select count(*) as copies from ${{table}} group by {', '.join(map(_name, columns))}"  # noqa: S608
    return f"select 100.0 * sum(copies - 1) / sum(copies) from ({alike}) alike"  # noqa: S608 (names are quoted)


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _sql(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Call(args=[ast.Constant(value=str(name))]):
            return _name(name)
        case ast.Constant(value=bool(value)):
            return "true" if value else "false"
        case ast.Constant(value=str(value)):
            return "'" + value.replace("'", "''") + "'"
        case ast.BinOp(left=left, op=op, right=right) | ast.Compare(left=left, ops=[op], comparators=[right]):
            return f"({_sql(left)} {_SIGNS[type(op)]} {_sql(right)})"
        case ast.UnaryOp(op=op, operand=operand):
            return f"({_SIGNS[type(op)]}{_sql(operand)})"
        case ast.BoolOp(op=op, values=values):
            return f"({_SIGNS[type(op)].join(_sql(value) for value in values)})"
        case _:
            return ast.unparse(node)
