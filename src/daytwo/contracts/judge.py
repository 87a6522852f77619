"""One value against one column, naming every rule it breaks: the thorough path behind `decoder.py`.

The meaning of each rule stands in `contract.py`; `columnar.py` says the same of whole columns.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from daytwo.contracts.contract import FLOAT32_MAX, Action, Breach, Column, shortened
from daytwo.contracts.times import parse_time
from daytwo.core.schema import Kind

# A value of one column and the list its breaches are added to -> the typed value, None where missing or failed.
Judge = Callable[[Any, list[Breach]], Any]

MISSING: Final = object()
# Beyond this a float no longer stands for one whole number.
_EXACT = float(1 << 53)
_INT64 = range(-(1 << 63), 1 << 63)


def judge_of(column: Column) -> Judge:
    """Return the judge of one column: `judge(value, breaches)` with `MISSING` for a field that is not there."""
    typed = _TYPED[column.kind]
    content = _number_breaches if column.is_numeric else _text_breaches
    pattern = re.compile(column.pattern) if column.pattern is not None else None

    def judge(value: Any, out: list[Breach]) -> Any:
        if value is MISSING:
            if column.required:
                out.append(_breach(column, "missing_field", None))
            return None
        if column.nan == "missing" and column.is_numeric and isinstance(value, float) and math.isnan(value):
            value = None
        if value is None:
            if not column.nullable:
                out.append(_breach(column, "not_null", None))
            return None
        rule, held = typed(value)
        if rule:
            out.append(_breach(column, rule, value))
            return None
        before = len(out)
        out.extend(content(column, held, pattern))
        return None if any(breach.action is Action.REJECT for breach in out[before:]) else held

    return judge


def level_holds(column: Column, level: str) -> bool:
    """Whether a known level also keeps the column's length and pattern."""
    return not any(_text_breaches(column, level, re.compile(column.pattern) if column.pattern is not None else None))


def unknown_fields(row: Mapping[str, object], known: frozenset[str], out: list[Breach]) -> None:
    """Warn of every field that the contract does not know."""
    for name in row:
        if name not in known:
            shown = str(shortened(name))
            message = f"{shown} is no column of the contract; it is not used"
            out.append(Breach(shown, "unknown_field", None, message, Action.WARN))


def _breach(column: Column, rule: str, value: object, action: Action = Action.REJECT) -> Breach:
    return Breach(column.name, rule, shortened(value), column.message(rule), action)


def _number(value: Any) -> tuple[str, float | None]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "type", None
    # Comparisons with NaN are false, so this is also how NaN is found.
    if not -FLOAT32_MAX <= value <= FLOAT32_MAX:
        return "finite", None
    return "", float(value)


def _integer(value: Any) -> tuple[str, int | None]:
    if isinstance(value, bool) or not isinstance(value, int | float):
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


def _number_breaches(column: Column, value: Any, _pattern: re.Pattern[str] | None) -> Iterator[Breach]:
    if _outside(value, column.minimum, column.maximum):
        yield _breach(column, "between", value)
    elif _outside(value, column.expected_minimum, column.expected_maximum):
        yield _breach(column, "expected_between", value, Action.WARN)


def _outside(value: float, low: float | None, high: float | None) -> bool:
    return (low is not None and value < low) or (high is not None and value > high)


def _text_breaches(column: Column, value: Any, pattern: re.Pattern[str] | None) -> Iterator[Breach]:
    if column.kind is Kind.CATEGORY and column.levels and value not in column.levels:
        yield _breach(column, "in_set", value, Action.REJECT if column.other == "reject" else Action.WARN)
    if column.max_length is not None and len(value) > column.max_length:
        yield _breach(column, "length", value)
    if pattern is not None and pattern.fullmatch(value) is None:
        yield _breach(column, "match_regex", value)
