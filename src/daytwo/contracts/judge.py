"""One value against one column, naming every rule it breaks: the thorough path behind `decoder.py`.

The meaning of each rule stands in `contract.py`; `columnar.py` says the same of whole columns.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from daytwo.contracts.action import Action, Breach
from daytwo.contracts.column import FLOAT32_MAX, Column
from daytwo.contracts.times import parse_time
from daytwo.contracts.words import shortened
from daytwo.core.schema import Kind

# A value of one column and the list its breaches are added to -> the typed value, None where missing or failed.
Judge = Callable[[Any, list[Breach]], Any]

# A typed value -> the rules on its content that it breaks.
Breaks = Callable[[Any], Iterator[tuple[str, Action]]]

MISSING: Final = object()
_RULES = (
    *("missing_field", "not_null", "type", "finite"),
    *("between", "expected_between", "in_set", "length", "match_regex"),
)
# Beyond this a float no longer stands for one whole number.
_EXACT = float(1 << 53)
_NUMBERS = (int, float)
_INT64 = range(-(1 << 63), 1 << 63)


def judge_of(column: Column) -> Judge:
    """Return the judge of one column: `judge(value, breaches)` with `MISSING` for a field that is not there."""
    typed = _TYPED[column.kind]
    breaks = _number_breaks(column) if column.is_numeric else _text_breaks(column)
    says = {rule: column.message(rule) for rule in _RULES}
    name = column.name

    def judge(value: Any, out: list[Breach]) -> Any:
        if value is MISSING:
            if column.required:
                out.append(Breach(name, "missing_field", None, says["missing_field"]))
            return None
        if column.nan == "missing" and column.is_numeric and isinstance(value, float) and math.isnan(value):
            value = None
        if value is None:
            if not column.nullable:
                out.append(Breach(name, "not_null", None, says["not_null"]))
            return None
        rule, held = typed(value)
        if rule:
            out.append(Breach(name, rule, shortened(value), says[rule]))
            return None
        usable = True
        for broken, action in breaks(held):
            out.append(Breach(name, broken, shortened(value), says[broken], action))
            usable = usable and action is not Action.REJECT
        return held if usable else None

    return judge


def level_holds(column: Column, level: str) -> bool:
    """Whether a known level also keeps the column's length and pattern."""
    return not any(True for _ in _text_breaks(column)(level))


def unknown_fields(row: Mapping[str, object], known: frozenset[str], out: list[Breach]) -> None:
    """Warn of every field that the contract does not know."""
    for name in row:
        if name not in known:
            shown = str(shortened(name))
            message = f"{shown} is no column of the contract; it is not used"
            out.append(Breach(shown, "unknown_field", None, message, Action.WARN))


def _number(value: Any) -> tuple[str, float | None]:
    if isinstance(value, bool) or not isinstance(value, _NUMBERS):
        return "type", None
    # Comparisons with NaN are false, so this is also how NaN is found.
    if not -FLOAT32_MAX <= value <= FLOAT32_MAX:
        return "finite", None
    return "", float(value)


def _integer(value: Any) -> tuple[str, int | None]:
    if isinstance(value, bool) or not isinstance(value, _NUMBERS):
        return "type", None
    if isinstance(value, float):
        if not math.isfinite(value):
            return "finite", None
        if not value.is_integer() or abs(value) > _EXACT:
            return "type", None
        return "", int(value)
    return ("", value) if value in _INT64 else ("type", None)


def _boolean(value: Any) -> tuple[str, bool | None]:
    return ("", value) if isinstance(value, bool) else ("type", None)


def _text(value: Any) -> tuple[str, str | None]:
    return ("", value) if isinstance(value, str) else ("type", None)


def _time(value: Any) -> tuple[str, object]:
    moment = parse_time(value)
    return ("", moment) if moment is not None else ("type", None)


_TYPED: Mapping[Kind, Callable[[Any], tuple[str, Any]]] = {
    Kind.NUMBER: _number,
    Kind.INTEGER: _integer,
    Kind.BOOLEAN: _boolean,
    Kind.CATEGORY: _text,
    Kind.TEXT: _text,
    Kind.TIME: _time,
}


def _number_breaks(column: Column) -> Breaks:
    low, high = _ends(column.minimum, column.maximum)
    expected_low, expected_high = _ends(column.expected_minimum, column.expected_maximum)

    def breaks(value: Any) -> Iterator[tuple[str, Action]]:
        if not low <= value <= high:
            yield "between", Action.REJECT
        elif not expected_low <= value <= expected_high:
            yield "expected_between", Action.WARN

    return breaks


def _ends(low: float | None, high: float | None) -> tuple[float, float]:
    return (-math.inf if low is None else low, math.inf if high is None else high)


def _text_breaks(column: Column) -> Breaks:
    levels = frozenset(column.levels) if column.kind is Kind.CATEGORY else frozenset()
    unknown = Action.REJECT if column.other == "reject" else Action.WARN
    longest = column.max_length
    pattern = re.compile(column.pattern) if column.pattern is not None else None

    def breaks(value: Any) -> Iterator[tuple[str, Action]]:
        if levels and value not in levels:
            yield "in_set", unknown
        if longest is not None and len(value) > longest:
            yield "length", Action.REJECT
        if pattern is not None and pattern.fullmatch(value) is None:
            yield "match_regex", Action.REJECT

    return breaks
