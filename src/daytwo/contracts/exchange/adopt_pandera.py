"""A pandera schema as a contract: columns, types and built-in checks carried over, the rest named.

Pure. Read from what `schema.to_yaml()` or `schema.to_json()` writes, with the checks of a column beside its other
keys (newer versions) or under `checks`, as a mapping or a list (older ones). Checks written as functions are not in
such a file: pandera itself leaves them out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from daytwo.contracts.column import Role
from daytwo.contracts.exchange.adopt import Adopted, Draft, kind_named, none_of, read_by_rule, whole_pattern
from daytwo.contracts.relations import Unique
from daytwo.core.errors import DataError
from daytwo.core.schema import Kind

_COLUMN_KEYS = frozenset(
    (
        *("dtype", "nullable", "unique", "coerce", "required", "regex", "checks", "name", "title", "description"),
        *("metadata", "default", "report_duplicates", "drop_invalid_rows", "parsers"),
    )
)
_MOST_VALUES = 20
_PARSED = (Kind.NUMBER, Kind.INTEGER, Kind.BOOLEAN, Kind.TIME, Kind.TEXT, Kind.CATEGORY)


@dataclass(frozen=True, slots=True)
class _Check:
    """One built-in check of one column; `value` is its number, text or list, `options` its named arguments."""

    name: str
    column: str
    value: Any
    options: Mapping[str, Any]
    warns: bool

    @property
    def promise(self) -> str:
        return f"{self.name}({self.column})"


def from_pandera(
    schema: Any,
    *,
    name: str = "",
    owner: str = "",
    roles: Mapping[str, Role] | None = None,
    kinds: Mapping[str, Kind] | None = None,
) -> Adopted:
    """Take a schema over.

    Raises
    ------
    DataError
        If it is no schema of a table.

    Examples
    --------
    >>> columns = {"km": {"dtype": "float64", "greater_than_or_equal_to": 0}}
    >>> from_pandera({"schema_type": "dataframe", "columns": columns}).contract.columns[0].minimum
    0.0
    """
    columns = schema.get("columns") if isinstance(schema, dict) else None
    if not isinstance(columns, dict):
        raise DataError(
            "this is no pandera schema: it has no mapping 'columns'",
            hint="Write it with schema.to_yaml('schema.yaml'), and give that file",
        )
    draft = Draft(nullable=False)
    for column, said in columns.items():
        _take_column(draft, str(column), said if isinstance(said, dict) else {})
    _take_table(draft, schema)
    title = name or str(schema.get("name") or "adopted")
    return draft.finish(name=title, owner=owner, roles=roles or {}, kinds=kinds or {})


def _take_column(draft: Draft, column: str, said: Mapping[str, Any]) -> None:
    if said.get("regex"):
        draft.leave(f"the columns {column}", "a contract names each column")
        return
    facts = draft.column(column)
    facts |= {"required": said.get("required", True) is not False, "nullable": bool(said.get("nullable", False))}
    kind = kind_named(str(said["dtype"])) if said.get("dtype") else None
    if kind is not None:
        facts["kind"] = kind
        draft.carried += 1
    if said.get("coerce"):
        facts["repair"] = ("parse",)
        draft.change(f"coerce({column})", "the repair 'parse': only a value that is wrong is changed, and each is told")
    if said.get("default") is not None and not isinstance(said["default"], dict | list):
        facts["repair"] = (*facts.get("repair", ()), f"default {said['default']}")
        facts["nullable"] = False
        draft.carried += 1
    if said.get("unique"):
        draft.add_relation(Unique(column, (column,)), f"unique({column})")
        draft.carried += 1
    if said.get("parsers"):
        draft.leave(f"parsers({column})", "a contract mends by named repairs only")
    for one in _checks(column, said):
        before = len(draft.left)
        _take(draft, one)
        draft.carried += len(draft.left) == before


def _checks(column: str, said: Mapping[str, Any]) -> Iterator[_Check]:
    held = said.get("checks")
    if isinstance(held, list):
        for one in held:
            options = one.get("options", {}) if isinstance(one, dict) else {}
            yield _check(str(options.get("check_name", "a check")), column, one)
    elif isinstance(held, dict):
        yield from (_check(str(name), column, value) for name, value in held.items())
    yield from (_check(str(name), column, value) for name, value in said.items() if name not in _COLUMN_KEYS)


def _check(name: str, column: str, held: Any) -> _Check:
    """Read one check: its value alone, its arguments by name, or `value` beside `options`."""
    options = held.get("options", {}) if isinstance(held, dict) else {}
    if isinstance(held, dict) and "value" in held:
        return _Check(name, column, held["value"], {}, bool(options.get("raise_warning")))
    arguments = {key: value for key, value in held.items() if key != "options"} if isinstance(held, dict) else {}
    return _Check(name, column, None if arguments else held, arguments, bool(options.get("raise_warning")))


def _take(draft: Draft, one: _Check) -> None:
    taker = _TAKERS.get(one.name)
    if taker is None:
        draft.leave(one.promise, "a contract has no promise of this meaning")
        return
    try:
        taker(draft, one)
    except (KeyError, TypeError, ValueError, re.error) as err:
        draft.leave(one.promise, f"its arguments cannot be read ({err})")


def _range(*, low: bool, included: bool) -> Callable[[Draft, _Check], None]:
    def take(draft: Draft, one: _Check) -> None:
        bound = one.value if one.value is not None else next(iter(one.options.values()))
        at_least, at_most = (bound, None) if low else (None, bound)
        draft.bound(one.column, at_least, at_most, one.promise, ends=(included, included), warns=one.warns)

    return take


def _in_range(draft: Draft, one: _Check) -> None:
    held = one.options
    ends = (bool(held.get("include_min", True)), bool(held.get("include_max", True)))
    draft.bound(one.column, held.get("min_value"), held.get("max_value"), one.promise, ends=ends, warns=one.warns)


def _values(one: _Check) -> list[Any]:
    held = one.value if one.value is not None else next(iter(one.options.values()))
    return list(held) if isinstance(held, list | tuple | set) else [held]


def _isin(draft: Draft, one: _Check) -> None:
    draft.allow(one.column, _values(one), one.promise, warns=one.warns)


def _equal(draft: Draft, one: _Check) -> None:
    (value,) = _values(one)
    draft.add_rule(f"{one.column}_is", f"{read_by_rule(one.column)} == {value!r}", one.promise, warns=one.warns)


def _notin(draft: Draft, one: _Check) -> None:
    values = _values(one)
    if not values or len(values) > _MOST_VALUES or not all(isinstance(value, str | int | float) for value in values):
        draft.leave(one.promise, f"a row rule names up to {_MOST_VALUES} numbers or texts")
        return
    draft.add_rule(f"{one.column}_none_of", none_of(one.column, values), one.promise, warns=one.warns)


def _pattern(made: Callable[[str], str]) -> Callable[[Draft, _Check], None]:
    def take(draft: Draft, one: _Check) -> None:
        (text,) = _values(one)
        facts = draft.column(one.column)
        if "pattern" in facts:
            draft.leave(one.promise, "the column has a pattern already, and here it has one")
            return
        facts["pattern"] = made(str(text))
        _soften(facts, "match_regex", one)

    return take


def _length(draft: Draft, one: _Check) -> None:
    exact = one.options.get("exact_value")
    low, high = (exact, exact) if exact is not None else (one.options.get("min_value"), one.options.get("max_value"))
    facts = draft.column(one.column)
    facts |= {"min_length": low if low is None else int(low), "max_length": high if high is None else int(high)}
    _soften(facts, "length", one)


def _soften(facts: dict[str, Any], rule: str, one: _Check) -> None:
    if one.warns:
        facts["warn"] = tuple(dict.fromkeys((*facts.get("warn", ()), rule)))


def _take_table(draft: Draft, schema: Mapping[str, Any]) -> None:
    unique = schema.get("unique")
    if unique:
        columns = (unique,) if isinstance(unique, str) else tuple(map(str, unique))
        draft.add_relation(Unique("_".join(columns), columns), f"unique({', '.join(columns)})")
        draft.carried += 1
    if schema.get("strict"):
        draft.change(
            "strict", "a column that the contract does not know is a warning here, and never reaches the model"
        )
    if schema.get("coerce"):
        for facts in draft.facts.values():
            if facts.get("kind") in _PARSED:
                facts.setdefault("repair", ("parse",))
        draft.change(
            "coerce", "the repair 'parse' on every column: only a value that is wrong is changed, and each is told"
        )
    if schema.get("ordered"):
        draft.leave("ordered", "the order of columns is not promised here")
    for name in schema.get("checks") or ():
        draft.leave(
            f"the check {name} of the whole table" if isinstance(name, str) else "a check of the whole table",
            "write it as a row rule, such as 'arrival >= departure'",
        )
    if schema.get("index"):
        draft.leave("index", "a contract knows columns only; make the index a column")


_TAKERS: Mapping[str, Callable[[Draft, _Check], None]] = {
    "greater_than_or_equal_to": _range(low=True, included=True),
    "greater_than": _range(low=True, included=False),
    "less_than_or_equal_to": _range(low=False, included=True),
    "less_than": _range(low=False, included=False),
    "in_range": _in_range,
    "between": _in_range,
    "isin": _isin,
    "notin": _notin,
    "equal_to": _equal,
    "not_equal_to": _notin,
    # pandera matches from the beginning of the text, and finds what it contains anywhere.
    "str_matches": _pattern(lambda text: whole_pattern(text, at_start=True)),
    "str_contains": _pattern(whole_pattern),
    "str_startswith": _pattern(lambda text: rf"{re.escape(text)}[\s\S]*"),
    "str_endswith": _pattern(lambda text: rf"[\s\S]*{re.escape(text)}"),
    "str_length": _length,
}
