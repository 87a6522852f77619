"""What changed in one promised column, field by field, and whether fewer or more rows pass for it.

Pure; `diff.py` compares whole contracts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from daytwo.contracts.column import Column, Role
from daytwo.core.schema import Kind


class Effect(StrEnum):
    """What a change does to the rows that pass."""

    NARROWER = "narrower"
    WIDER = "wider"
    DIFFERENT = "different"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Change:
    """One change, in words; `column` is "" where it is about none."""

    column: str
    words: str
    effect: Effect


def added_column(column: Column) -> Change:
    """Say what a new column does."""
    effect = Effect.NARROWER if column.is_checked else Effect.NONE
    required = "required" if column.required and column.is_checked else "may be left out"
    return Change(column.name, f"{column.name} added: {column.role}, {column.kind}, {required}", effect)


def removed_column(column: Column) -> Change:
    """Say what the loss of a column does."""
    effect = Effect.WIDER if column.is_checked else Effect.NONE
    return Change(column.name, f"{column.name} removed: it was {column.role}, {column.kind}", effect)


def changed_column(old: Column, new: Column, *, batch_refuses: bool = False) -> Iterator[Change]:
    """Say what changed in a column that both contracts have; with `batch_refuses` its share of missing values rejects.

    Examples
    --------
    >>> old = Column("km", Kind.NUMBER, maximum=9.0)
    >>> [change.effect for change in changed_column(old, Column("km", Kind.NUMBER, maximum=5.0))]
    [<Effect.NARROWER: 'narrower'>]
    """
    for field, effect_of in _EFFECTS.items():
        before, after = getattr(old, field), getattr(new, field)
        if before == after:
            continue
        effect = effect_of(old, new)
        if field == "max_null_share" and batch_refuses:
            effect = _toward((1.0 if after is None else after) < (1.0 if before is None else before))
        if not (old.is_checked or new.is_checked):
            effect = Effect.NONE
        yield Change(new.name, _words(field, new.name, before, after), effect)


def _words(field: str, name: str, before: Any, after: Any) -> str:
    if field == "levels":
        gone = [level for level in before if level not in after]
        came = [level for level in after if level not in before]
        said = [f"without {_some(gone)}"] if gone else []
        said += [f"with {_some(came)}"] if came else []
        return f"levels of {name}: {', '.join(said) or 'in another order'}"
    if field in {"evidence", "false_alarm_rate"}:
        return f"{field.replace('_', ' ')} of {name} changed"
    return f"{field.replace('_', ' ')} of {name}: {_text(before)} -> {_text(after)}"


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _text(value: Any) -> str:
    if value is None or value in {"", ()}:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _toward(narrower: bool) -> Effect:  # noqa: FBT001 (it is the answer to a question)
    return Effect.NARROWER if narrower else Effect.WIDER


def _flag(field: str, *, narrow: object) -> Callable[[Column, Column], Effect]:
    return lambda _old, new: _toward(getattr(new, field) == narrow)


def _bound(field: str, rule: str, *, low: bool) -> Callable[[Column, Column], Effect]:
    nowhere = -math.inf if low else math.inf

    def effect(old: Column, new: Column) -> Effect:
        if rule in old.warn and rule in new.warn:
            return Effect.NONE
        before, after = (nowhere if held is None else held for held in (getattr(old, field), getattr(new, field)))
        return _toward((after > before) == low)

    return effect


def _role(old: Column, new: Column) -> Effect:
    if old.is_checked != new.is_checked:
        return _toward(new.is_checked)
    return Effect.DIFFERENT if Role.TARGET in {old.role, new.role} else Effect.NONE


def _kind(old: Column, new: Column) -> Effect:
    if {old.kind, new.kind} == {Kind.INTEGER, Kind.NUMBER}:
        return _toward(new.kind is Kind.INTEGER)
    return Effect.NONE if {old.kind, new.kind} == {Kind.CATEGORY, Kind.TEXT} else Effect.DIFFERENT


def _levels(old: Column, new: Column) -> Effect:
    hard = [column.role is Role.TARGET or column.other == "reject" for column in (old, new)]
    if not any(hard) or set(old.levels) == set(new.levels):
        return Effect.NONE
    if not old.levels or not new.levels:
        return _toward(bool(new.levels))
    if set(old.levels) < set(new.levels):
        return Effect.WIDER
    return Effect.NARROWER if set(old.levels) > set(new.levels) else Effect.DIFFERENT


def _typo(old: Column, new: Column) -> Effect:
    hard = [column.typo == "reject" and column.other == "keep" for column in (old, new)]
    return Effect.NONE if hard[0] == hard[1] else _toward(hard[1])


def _pattern(old: Column, new: Column) -> Effect:
    if "match_regex" in old.warn and "match_regex" in new.warn:
        return Effect.NONE
    if old.pattern is None or new.pattern is None:
        return _toward(new.pattern is not None)
    return Effect.DIFFERENT


def _warn(old: Column, new: Column) -> Effect:
    softer, harder = set(new.warn) - set(old.warn), set(old.warn) - set(new.warn)
    return Effect.DIFFERENT if softer and harder else _toward(bool(harder)) if softer or harder else Effect.NONE


def _repair(old: Column, new: Column) -> Effect:
    more, less = set(new.repair) - set(old.repair), set(old.repair) - set(new.repair)
    return Effect.DIFFERENT if (more and less) or not (more or less) else _toward(bool(less))


def _nothing(_old: Column, _new: Column) -> Effect:
    return Effect.NONE


# Every field that two columns may differ in, in the order in which changes are told.
_EFFECTS: Mapping[str, Callable[[Column, Column], Effect]] = {
    "role": _role,
    "kind": _kind,
    "required": _flag("required", narrow=True),
    "nullable": _flag("nullable", narrow=False),
    "nan": _flag("nan", narrow="reject"),
    "minimum": _bound("minimum", "between", low=True),
    "maximum": _bound("maximum", "between", low=False),
    "expected_minimum": _nothing,
    "expected_maximum": _nothing,
    "levels": _levels,
    "other": _flag("other", narrow="reject"),
    "typo": _typo,
    "pattern": _pattern,
    "min_length": _bound("min_length", "length", low=True),
    "max_length": _bound("max_length", "length", low=False),
    "max_null_share": _nothing,
    "warn": _warn,
    "repair": _repair,
    "score": _nothing,
    "owner": _nothing,
    "evidence": _nothing,
    "false_alarm_rate": _nothing,
}
