"""A contract as a Great Expectations suite (1.x), for whoever checks with it elsewhere; the other way: `adopt_gx.py`.

Pure. What only warns here has the severity "warning" there. Promises that no expectation states are named in `left`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from daytwo.contracts.action import Action
from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract, Rule
from daytwo.contracts.exchange.adopt import Note
from daytwo.contracts.exchange.export_json_schema import whole_text
from daytwo.contracts.relations import Monotone, Relation, Unique


@dataclass(slots=True)
class Suite:
    """An expectation suite, ready to be written as JSON, and the promises that it cannot hold."""

    document: dict[str, Any]
    left: list[Note] = field(default_factory=list)


def to_gx(contract: Contract) -> Suite:
    """Return the contract as an expectation suite.

    Examples
    --------
    >>> from daytwo.core.schema import Kind
    >>> contract = Contract("trips", 1, "ana", (Column("km", Kind.NUMBER, minimum=0.0),))
    >>> [one["type"] for one in to_gx(contract).document["expectations"]][1:]
    ['expect_column_values_to_not_be_null', 'expect_column_values_to_be_between']
    """
    suite = Suite({})
    expectations = [one for column in contract.columns if column.is_checked for one in _column(column, suite)]
    for rule in contract.rules:
        expectations += _rule(rule, suite)
    for relation in contract.relations:
        expectations += _relation(relation, suite)
    expectations += _batch(contract, suite)
    suite.document = {
        "name": contract.name,
        "expectations": expectations,
        "meta": {"daytwo": {"version": contract.version, "owner": contract.owner, "digest": contract.digest}},
        "notes": None,
    }
    return suite


def _expect(what: str, arguments: Mapping[str, Any], *, warns: bool = False, evidence: str = "") -> dict[str, Any]:
    return {
        "type": f"expect_{what}",
        "kwargs": {key: value for key, value in arguments.items() if value is not None},
        "meta": {"notes": evidence} if evidence else {},
        "severity": "warning" if warns else "critical",
    }


def _column(column: Column, suite: Suite) -> Iterator[dict[str, Any]]:
    name = {"column": column.name}
    if column.required:
        yield _expect("column_to_exist", name, evidence=column.evidence)
    if not column.nullable:
        yield _expect("column_values_to_not_be_null", name)
    elif column.max_null_share is not None:
        mostly = round(1 - column.max_null_share, 12)
        yield _expect("column_values_to_not_be_null", name | {"mostly": mostly}, warns=True)
    if column.levels:
        keeps = column.other == "keep" and column.role is not Role.TARGET
        values = {"value_set": [_number_or_text(column, level) for level in column.levels]}
        yield _expect("column_values_to_be_in_set", name | values, warns=keeps)
    for what, limits, warns in _limits(column):
        if any(limit is not None for limit in limits.values()):
            yield _expect(what, name | limits, warns=warns)
    if column.repair:
        suite.left.append(Note(f"repair of {column.name}", "a suite only judges"))
    if column.typo != "keep":
        suite.left.append(Note(f"typo of {column.name}", "no expectation finds typing errors"))


def _limits(column: Column) -> Iterator[tuple[str, dict[str, Any], bool]]:
    hard = {"min_value": column.minimum, "max_value": column.maximum}
    yield "column_values_to_be_between", hard, "between" in column.warn
    usual = {"min_value": column.expected_minimum, "max_value": column.expected_maximum}
    yield "column_values_to_be_between", usual, True
    lengths = {"min_value": column.min_length, "max_value": column.max_length}
    yield "column_value_lengths_to_be_between", lengths, "length" in column.warn
    regex = None if column.pattern is None else whole_text(column.pattern)
    yield "column_values_to_match_regex", {"regex": regex}, "match_regex" in column.warn


def _number_or_text(column: Column, level: str) -> str | int | float | bool:
    if column.is_numeric:
        number = float(level)
        return int(number) if number.is_integer() else number
    return level == "true" if column.kind == "boolean" else level


def _rule(rule: Rule, suite: Suite) -> Iterator[dict[str, Any]]:
    warns = rule.action is Action.WARN
    match ast.parse(rule.expression.strip(), mode="eval").body:
        case ast.Compare(left=ast.Name(id=left), ops=[op], comparators=[ast.Name(id=right)]) if type(op) in _PAIRS:
            what, turned, extra = _PAIRS[type(op)]
            columns = {"column_A": right, "column_B": left} if turned else {"column_A": left, "column_B": right}
            arguments = columns | extra | {"ignore_row_if": "either_value_is_missing"}
            yield _expect(what, arguments, warns=warns, evidence=rule.evidence)
        case ast.Compare(
            left=ast.Name(id=name), ops=[op], comparators=[ast.Constant(value=int(bound) | float(bound))]
        ) if type(op) in _BOUNDS:
            end, strict = _BOUNDS[type(op)]
            arguments = {"column": name, f"{end}_value": bound} | ({f"strict_{end}": True} if strict else {})
            yield _expect("column_values_to_be_between", arguments, warns=warns, evidence=rule.evidence)
        case _:
            suite.left.append(Note(f"the rule {rule.name}", f"no expectation states {rule.expression!r}"))


_GREATER, _EQUAL = "column_pair_values_a_to_be_greater_than_b", "column_pair_values_to_be_equal"
_PAIRS: Mapping[type[ast.cmpop], tuple[str, bool, dict[str, Any]]] = {
    ast.Gt: (_GREATER, False, {}),
    ast.GtE: (_GREATER, False, {"or_equal": True}),
    ast.Lt: (_GREATER, True, {}),
    ast.LtE: (_GREATER, True, {"or_equal": True}),
    ast.Eq: (_EQUAL, False, {}),
}
_BOUNDS: Mapping[type[ast.cmpop], tuple[str, bool]] = {
    ast.Gt: ("min", True),
    ast.GtE: ("min", False),
    ast.Lt: ("max", True),
    ast.LtE: ("max", False),
}


def _relation(relation: Relation, suite: Suite) -> Iterator[dict[str, Any]]:
    warns = relation.action is Action.WARN
    match relation:
        case Unique(columns=(column,)):
            yield _expect("column_values_to_be_unique", {"column": column}, warns=warns, evidence=relation.evidence)
        case Unique(columns=columns):
            arguments = {"column_list": list(columns), "ignore_row_if": "any_value_is_missing"}
            yield _expect("compound_columns_to_be_unique", arguments, warns=warns, evidence=relation.evidence)
        case Monotone(column=column, within=(), strict=strict):
            yield _expect("column_values_to_be_increasing", {"column": column, "strictly": strict}, warns=warns)
        case _:
            suite.left.append(Note(relation.rule, f"no expectation states that {relation.words}"))


def _batch(contract: Contract, suite: Suite) -> Iterator[dict[str, Any]]:
    batch = contract.batch
    rows = {"min_value": batch.minimum_rows, "max_value": batch.maximum_rows}
    if rows != {"min_value": None, "max_value": None}:
        if contract.time is None:
            yield _expect("table_row_count_to_be_between", rows, warns=batch.action is Action.WARN)
        else:
            suite.left.append(Note("volume", f"it counts rows in each {batch.window}, an expectation in a whole table"))
    if batch.max_repeat_share is not None:
        suite.left.append(
            Note("repeat_share", "an expectation counts all of the rows that are alike, not the repeated")
        )
    if batch.max_age:
        suite.left.append(Note("freshness", "no expectation knows what time it is"))
    for spread in contract.distributions:
        suite.left.append(Note(f"the distribution of {spread.column}", "no expectation measures this distance"))
