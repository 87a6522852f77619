"""A Great Expectations suite as a contract: expectations of equal meaning carried over, the others named.

Pure. Read from the JSON of an expectation suite as version 0.18 writes it (`expectation_type`) and as 1.x does
(`type`, `severity`). An expectation that is only of warning or lower severity, or holds for `mostly` of the values,
warns here: every cell that breaks it is named, and passes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from daytwo.contracts.action import Action
from daytwo.contracts.column import Role
from daytwo.contracts.exchange.adopt import Adopted, Draft, kind_named, none_of, read_by_rule, whole_pattern
from daytwo.contracts.relations import Monotone, Unique
from daytwo.core.errors import DataError
from daytwo.core.schema import Kind

_MOST_VALUES = 20


@dataclass(frozen=True, slots=True)
class _Expectation:
    """One expectation. `promise` is how it is named to people; `warns` says that a break of it rejects nothing."""

    name: str
    arguments: Mapping[str, Any]
    promise: str
    warns: bool

    @property
    def column(self) -> str:
        return str(self.arguments["column"])

    @property
    def action(self) -> Action:
        return Action.WARN if self.warns else Action.REJECT


def from_gx(
    suite: Any,
    *,
    name: str = "",
    owner: str = "",
    roles: Mapping[str, Role] | None = None,
    kinds: Mapping[str, Kind] | None = None,
) -> Adopted:
    """Take an expectation suite over.

    Raises
    ------
    DataError
        If it is no expectation suite.

    Examples
    --------
    >>> kept = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "km", "min_value": 0}}
    >>> from_gx({"name": "trips", "expectations": [kept]}).contract.columns[0].minimum
    0.0
    """
    held = suite.get("expectations") if isinstance(suite, dict) else None
    if not isinstance(held, list) or not all(isinstance(one, dict) for one in held):
        raise DataError(
            "this is no expectation suite: it has no list 'expectations'",
            hint="Give the JSON file of a suite, as Great Expectations keeps it under expectations/",
        )
    draft = Draft()
    read = [_read(one) for one in held]
    for one in sorted(read, key=lambda one: "_type" not in one.name):  # types first: they say what a range means
        before = len(draft.left)
        _take(draft, one)
        draft.carried += len(draft.left) == before
    title = name or str(suite.get("name") or suite.get("expectation_suite_name") or "adopted")
    return draft.finish(name=title, owner=owner, roles=roles or {}, kinds=kinds or {})


def _read(one: Mapping[str, Any]) -> _Expectation:
    name = str(one.get("type") or one.get("expectation_type") or "")
    arguments = one.get("kwargs")
    arguments = arguments if isinstance(arguments, dict) else {}
    about = arguments.get("column") or arguments.get("column_list") or arguments.get("column_A") or ""
    told = ", ".join(map(str, about)) if isinstance(about, list) else str(about)
    soft = one.get("severity") in {"warning", "info"} or _mostly(arguments) < 1
    return _Expectation(name, arguments, f"{name}({told})", soft)


def _take(draft: Draft, one: _Expectation) -> None:
    taker = _TAKERS.get(one.name)
    if taker is None:
        draft.leave(one.promise, "a contract has no promise of this meaning")
        return
    if one.arguments.get("row_condition"):
        draft.leave(one.promise, "it holds only for some rows")
        return
    if _mostly(one.arguments) < 1 and one.name != "expect_column_values_to_not_be_null":
        draft.change(
            one.promise, f"mostly = {_mostly(one.arguments):g} there; here every cell that breaks it is a warning"
        )
    try:
        taker(draft, one)
    except (KeyError, TypeError, ValueError, AttributeError) as err:
        draft.leave(one.promise, f"its arguments cannot be read ({err})")


def _mostly(arguments: Mapping[str, Any]) -> float:
    held = arguments.get("mostly", 1)
    return float(held) if isinstance(held, int | float) else 1.0


def _exists(draft: Draft, one: _Expectation) -> None:
    draft.column(one.column)
    if one.arguments.get("column_index") is not None:
        draft.change(one.promise, "the order of columns is not promised here")


def _not_null(draft: Draft, one: _Expectation) -> None:
    facts = draft.column(one.column)
    if one.warns:
        facts |= {"nullable": facts.get("nullable", True), "max_null_share": round(1 - _mostly(one.arguments), 12)}
    else:
        facts["nullable"] = False


def _share_of_values(draft: Draft, one: _Expectation) -> None:
    if one.arguments.get("max_value") not in {None, 1}:
        draft.leave(one.promise, "a contract promises no least share of missing values")
        return
    draft.column(one.column)["max_null_share"] = round(1 - float(one.arguments["min_value"]), 12)


def _between(draft: Draft, one: _Expectation) -> None:
    held = one.arguments
    ends = (not held.get("strict_min"), not held.get("strict_max"))
    draft.bound(one.column, held.get("min_value"), held.get("max_value"), one.promise, ends=ends, warns=one.warns)


def _in_set(draft: Draft, one: _Expectation) -> None:
    draft.allow(one.column, list(one.arguments["value_set"]), one.promise, warns=one.warns)


def _not_in_set(draft: Draft, one: _Expectation) -> None:
    values = list(one.arguments["value_set"])
    if not values or len(values) > _MOST_VALUES or not all(isinstance(value, str | int | float) for value in values):
        draft.leave(one.promise, f"a row rule names up to {_MOST_VALUES} numbers or texts")
        return
    draft.column(one.column)
    draft.add_rule(f"{one.column}_none_of", none_of(one.column, values), one.promise, warns=one.warns)


def _regex(draft: Draft, one: _Expectation) -> None:
    _set_pattern(draft, one, whole_pattern(str(one.arguments["regex"])))


def _not_regex(draft: Draft, one: _Expectation) -> None:
    _set_pattern(draft, one, rf"(?![\s\S]*(?:{one.arguments['regex']}))[\s\S]*")


def _regex_list(draft: Draft, one: _Expectation) -> None:
    if one.arguments.get("match_on", "any") != "any":
        draft.leave(one.promise, "a column here has one pattern")
        return
    _set_pattern(draft, one, whole_pattern("|".join(f"(?:{regex})" for regex in one.arguments["regex_list"])))


def _set_pattern(draft: Draft, one: _Expectation, pattern: str) -> None:
    facts = draft.column(one.column)
    if facts.get("pattern", pattern) != pattern:
        draft.leave(one.promise, "the column has a pattern already, and here it has one")
        return
    facts["pattern"] = pattern
    _soften(facts, "match_regex", one)


def _lengths(draft: Draft, one: _Expectation) -> None:
    held = one.arguments
    low, high = held.get("min_value"), held.get("max_value")
    facts = draft.column(one.column)
    if low is not None:
        facts["min_length"] = int(low) + bool(held.get("strict_min"))
    if high is not None:
        facts["max_length"] = int(high) - bool(held.get("strict_max"))
    _soften(facts, "length", one)


def _length(draft: Draft, one: _Expectation) -> None:
    facts = draft.column(one.column)
    facts |= {"min_length": int(one.arguments["value"]), "max_length": int(one.arguments["value"])}
    _soften(facts, "length", one)


def _soften(facts: dict[str, Any], rule: str, one: _Expectation) -> None:
    if one.warns:
        facts["warn"] = tuple(dict.fromkeys((*facts.get("warn", ()), rule)))


def _unique(draft: Draft, one: _Expectation) -> None:
    draft.column(one.column)
    draft.add_relation(Unique(one.column, (one.column,), one.action), one.promise)


def _unique_together(draft: Draft, one: _Expectation) -> None:
    columns = tuple(map(str, one.arguments["column_list"]))
    for column in columns:
        draft.column(column)
    draft.add_relation(Unique("_".join(columns), columns, one.action), one.promise)


def _pair_rule(sign: str) -> Callable[[Draft, _Expectation], None]:
    def take(draft: Draft, one: _Expectation) -> None:
        left, right = str(one.arguments["column_A"]), str(one.arguments["column_B"])
        draft.column(left), draft.column(right)
        said = ">=" if sign == ">" and one.arguments.get("or_equal") else sign
        expression = f"{read_by_rule(left)} {said} {read_by_rule(right)}"
        draft.add_rule(f"{left}_{right}", expression, one.promise, warns=one.warns)
        if one.arguments.get("ignore_row_if", "both_values_are_missing") != "either_value_is_missing":
            draft.change(one.promise, "a row where one of the two is missing keeps the promise here")

    return take


def _sum(draft: Draft, one: _Expectation) -> None:
    columns = [str(column) for column in one.arguments["column_list"]]
    for column in columns:
        draft.column(column).setdefault("kind", Kind.NUMBER)
    expression = f"{' + '.join(map(read_by_rule, columns))} == {one.arguments['sum_total']!r}"
    draft.add_rule(f"{'_'.join(columns)}_sum", expression, one.promise, warns=one.warns)


def _increasing(draft: Draft, one: _Expectation) -> None:
    draft.column(one.column)
    strict = bool(one.arguments.get("strictly"))
    draft.add_relation(Monotone(one.column, one.column, strict=strict, action=one.action), one.promise)


def _rows(draft: Draft, one: _Expectation) -> None:
    held = one.arguments
    low, high = (held["value"], held["value"]) if "value" in held else (held.get("min_value"), held.get("max_value"))
    draft.batch = replace(draft.batch, minimum_rows=low, maximum_rows=high, action=one.action)


def _type(draft: Draft, one: _Expectation) -> None:
    held = one.arguments
    named = held.get("type_list") or [held.get("type_") or held.get("column_type")]
    kinds = {kind for kind in map(kind_named, map(str, named)) if kind is not None}
    if len(kinds) != 1:
        draft.leave(one.promise, f"{', '.join(map(str, named))} is no one kind of value")
        return
    draft.column(one.column)["kind"] = kinds.pop()


def _columns(draft: Draft, one: _Expectation) -> None:
    for column in one.arguments.get("column_set") or one.arguments.get("column_list") or ():
        draft.column(str(column))
    if "column_list" in one.arguments:
        draft.change(one.promise, "the order of columns is not promised here; a column besides them is a warning")
    elif one.arguments.get("exact_match", True):
        draft.change(one.promise, "a column besides them is a warning here")


_TAKERS: Mapping[str, Callable[[Draft, _Expectation], None]] = {
    "expect_column_to_exist": _exists,
    "expect_table_columns_to_match_set": _columns,
    "expect_table_columns_to_match_ordered_list": _columns,
    "expect_column_values_to_not_be_null": _not_null,
    "expect_column_proportion_of_non_null_values_to_be_between": _share_of_values,
    "expect_column_values_to_be_of_type": _type,
    "expect_column_values_to_be_in_type_list": _type,
    "expect_column_type_to_be": _type,
    "expect_column_values_to_be_between": _between,
    "expect_column_values_to_be_in_set": _in_set,
    "expect_column_distinct_values_to_be_in_set": _in_set,
    "expect_column_values_to_not_be_in_set": _not_in_set,
    "expect_column_values_to_match_regex": _regex,
    "expect_column_values_to_match_regex_list": _regex_list,
    "expect_column_values_to_not_match_regex": _not_regex,
    "expect_column_value_lengths_to_be_between": _lengths,
    "expect_column_value_lengths_to_equal": _length,
    "expect_column_values_to_be_unique": _unique,
    "expect_compound_columns_to_be_unique": _unique_together,
    "expect_column_pair_values_a_to_be_greater_than_b": _pair_rule(">"),
    "expect_column_pair_values_to_be_equal": _pair_rule("=="),
    "expect_multicolumn_sum_to_equal": _sum,
    "expect_column_values_to_be_increasing": _increasing,
    "expect_table_row_count_to_be_between": _rows,
    "expect_table_row_count_to_equal": _rows,
}
