"""One value against one column, naming every rule it breaks: the thorough path behind `decoder.py`.

The meaning of each rule stands in `contract.py`; `columnar.py` says the same of whole columns. A bad row must not
cost much more than a good one, so each judge is one straight function over words that were made beforehand.
`mend.py` next door makes good what a judge finds wrong.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from daytwo.contracts.action import Action, Breach
from daytwo.contracts.column import FLOAT32_MAX, Column
from daytwo.contracts.times import parse_time
from daytwo.contracts.typos import typos_of
from daytwo.contracts.words import SHOWN_CHARACTERS, shortened
from daytwo.core.schema import Kind

# A value of one column and the list its breaches are added to -> the typed value, None where missing or failed.
Judge = Callable[[Any, list[Breach]], Any]

# Judges what is no value at all, `MISSING` or None.
_Absent = Callable[[Any, list[Breach]], None]

# Says that a rule is broken: the value as it came and the list -> whether the value may still be used.
_Tell = Callable[[Any, list[Breach]], bool]

MISSING: Final = object()
# Beyond this a float no longer stands for one whole number.
_EXACT = 1 << 53
_NUMBERS = (int, float)
_INT64_END = 1 << 63


def judge_of(column: Column) -> Judge:
    """Return the judge of one column: `judge(value, breaches)` with `MISSING` for a field that is not there."""
    return _JUDGES[column.kind](column, _absent(column))


def sound_levels(column: Column) -> tuple[str, ...]:
    """Return the known levels that also keep the column's length and pattern."""
    judge = judge_of(column)
    found: list[Breach] = []
    sound: list[str] = []
    for level in column.levels:
        judge(level, found)
        if not found:
            sound.append(level)
        found.clear()
    return tuple(sound)


def unknown_fields(row: Mapping[str, object], known: frozenset[str], out: list[Breach]) -> None:
    """Warn of every field that the contract does not know."""
    if known.issuperset(row):
        return
    for name in row:
        if name not in known:
            shown = str(shortened(name))
            message = f"{shown} is no column of the contract; it is not used"
            out.append(Breach(shown, "unknown_field", None, message, Action.WARN))


def _absent(column: Column) -> _Absent:
    """Return the judge of what is no value at all."""
    field = Breach(column.name, "missing_field", None, column.message("missing_field"))
    null = Breach(column.name, "not_null", None, column.message("not_null"))
    required, nullable = column.required, column.nullable

    def judge(value: Any, out: list[Breach]) -> None:
        if value is MISSING:
            if required:
                out.append(field)
        elif not nullable:
            out.append(null)

    return judge


def _tell(column: Column, rule: str, action: Action = Action.REJECT) -> _Tell:
    name, message = column.name, column.message(rule)
    usable = action is not Action.REJECT

    def tell(value: Any, out: list[Breach]) -> bool:
        kept = value if value.__class__ is str and len(value) <= SHOWN_CHARACTERS else shortened(value)
        out.append(Breach(name, rule, kept, message, action))
        return usable

    return tell


def _softly(column: Column, rule: str) -> Action:
    return Action.WARN if rule in column.warn else Action.REJECT


def _limits(column: Column, low: float | None, high: float | None) -> tuple[float, float]:
    """Return a range; of a whole number the whole numbers within, which compare faster."""
    if column.kind is Kind.INTEGER:
        return (-_INT64_END if low is None else math.ceil(low), _INT64_END if high is None else math.floor(high))
    return _ends(low, high)


def _ends(low: float | None, high: float | None) -> tuple[float, float]:
    return (-math.inf if low is None else low, math.inf if high is None else high)


def _number_judge(column: Column, absent: _Absent) -> Judge:
    wrong, infinite = _tell(column, "type"), _tell(column, "finite")
    nan_is_missing = column.nan == "missing"
    ranged = _ranged(column)

    def judge(value: Any, out: list[Breach]) -> Any:
        if value.__class__ is float and -FLOAT32_MAX <= value <= FLOAT32_MAX:
            return ranged(value, value, out)
        if value is None or value is MISSING:
            absent(value, out)
        elif value.__class__ is bool or not isinstance(value, _NUMBERS):
            wrong(value, out)
        # Comparisons with NaN are false, so this is also how NaN is found.
        elif -FLOAT32_MAX <= value <= FLOAT32_MAX:
            return ranged(float(value), value, out)
        elif nan_is_missing and math.isnan(value):
            absent(None, out)
        else:
            infinite(value, out)
        return None

    return _hasty(column, judge, float, FLOAT32_MAX)


def _integer_judge(column: Column, absent: _Absent) -> Judge:
    wrong, infinite = _tell(column, "type"), _tell(column, "finite")
    nan_is_missing = column.nan == "missing"
    ranged = _ranged(column)

    def judge(value: Any, out: list[Breach]) -> Any:
        if value.__class__ is int and -_INT64_END <= value < _INT64_END:
            return ranged(value, value, out)
        if isinstance(value, float):
            if math.isfinite(value):
                if value.is_integer() and abs(value) <= _EXACT:
                    return ranged(int(value), value, out)
                wrong(value, out)
            else:
                (absent if nan_is_missing and math.isnan(value) else infinite)(value, out)
        else:
            (absent if value is None or value is MISSING else wrong)(value, out)
        return None

    return _hasty(column, judge, int, _EXACT)


def _hasty(column: Column, judge: Judge, kind: type[Any], end: float) -> Judge:
    """Return `judge` with its most frequent finding in front: a number of `kind` outside its range, within `end`."""
    name, outside, action = column.name, column.message("between"), _softly(column, "between")
    low, high = _limits(column, column.minimum, column.maximum)
    softly = action is Action.WARN

    def judge_in_haste(value: Any, out: list[Breach]) -> Any:
        if value.__class__ is kind and (high < value < end or -end < value < low):
            out.append(Breach(name, "between", value, outside, action))
            return value if softly else None
        return judge(value, out)

    return judge_in_haste


def _ranged(column: Column) -> Callable[[Any, Any, list[Breach]], Any]:
    """Return what judges a typed number by its ranges, next to how it came, and gives it back if it may be used."""
    name = column.name
    low, high = _limits(column, column.minimum, column.maximum)
    expected_low, expected_high = _limits(column, column.expected_minimum, column.expected_maximum)
    outside, unexpected = column.message("between"), column.message("expected_between")
    action = _softly(column, "between")
    softly = action is Action.WARN

    def judge(held: Any, value: Any, out: list[Breach]) -> Any:
        kind = value.__class__
        kept = value if kind is float or (kind is int and -_EXACT < value < _EXACT) else shortened(value)
        if low <= held <= high:
            if not expected_low <= held <= expected_high:
                out.append(Breach(name, "expected_between", kept, unexpected, Action.WARN))
            return held
        out.append(Breach(name, "between", kept, outside, action))
        return held if softly else None

    return judge


def _text_judge(column: Column, absent: _Absent) -> Judge:
    wrong, unknown = _tell(column, "type"), _unknown(column)
    levels = frozenset(column.levels) if column.kind is Kind.CATEGORY else frozenset()
    shortest, longest = _ends(column.min_length, column.max_length)
    length = _tell(column, "length", _softly(column, "length"))
    matches = None if column.pattern is None else re.compile(column.pattern).fullmatch
    mismatch = _tell(column, "match_regex", _softly(column, "match_regex"))

    def judge(value: Any, out: list[Breach]) -> str | None:
        if not isinstance(value, str):
            (absent if value is None or value is MISSING else wrong)(value, out)
            return None
        usable = True
        if levels and value not in levels:
            usable = unknown(value, out)
        if not shortest <= len(value) <= longest:
            usable = length(value, out) and usable
        if matches is not None and matches(value) is None:
            usable = mismatch(value, out) and usable
        return value if usable else None

    return judge


def _unknown(column: Column) -> _Tell:
    """Return what names an unknown level: a typing error where that is asked for, else just unknown."""
    unknown = _tell(column, "in_set", Action.REJECT if column.other == "reject" else Action.WARN)
    if column.typo == "keep":
        return unknown
    mistyped = _tell(column, "typo", Action(column.typo))
    nearest = typos_of(column.levels).nearest
    return lambda value, out: (unknown if nearest(value) is None else mistyped)(value, out)


def _boolean_judge(column: Column, absent: _Absent) -> Judge:
    wrong = _tell(column, "type")

    def judge(value: Any, out: list[Breach]) -> bool | None:
        if value is True or value is False:
            return bool(value)
        (absent if value is None or value is MISSING else wrong)(value, out)
        return None

    return judge


def _time_judge(column: Column, absent: _Absent) -> Judge:
    wrong = _tell(column, "type")

    def judge(value: Any, out: list[Breach]) -> Any:
        moment = parse_time(value)
        if moment is None:
            (absent if value is None or value is MISSING else wrong)(value, out)
        return moment

    return judge


_JUDGES: Mapping[Kind, Callable[[Column, _Absent], Judge]] = {
    Kind.NUMBER: _number_judge,
    Kind.INTEGER: _integer_judge,
    Kind.BOOLEAN: _boolean_judge,
    Kind.CATEGORY: _text_judge,
    Kind.TEXT: _text_judge,
    Kind.TIME: _time_judge,
}
