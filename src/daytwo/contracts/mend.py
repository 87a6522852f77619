"""Values made good by their column's repairs, one at a time: `repairs.py` says how, this file carries it out.

Pure and light. The decoder mends by it the values of a request, `columnar.py` each distinct broken value of a table,
so both doors mend alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from daytwo.contracts.action import Action, Breach
from daytwo.contracts.column import Column
from daytwo.contracts.judge import MISSING, judge_of
from daytwo.contracts.repairs import Repair, Value, clipped, converted, parsed, trimmed
from daytwo.contracts.typos import typos_of
from daytwo.core.schema import Kind

_Step = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Mended:
    """What a column's repairs made of a value.

    `value` is what a row holds from here on, of the column's own kind (a time stays a text); `held` is the same as
    its judge returns it. `by` names the repairs that changed it, in order; `imputed` says that a default stands in
    place of a missing value.
    """

    value: Value
    held: Any
    by: tuple[str, ...]
    imputed: bool


def mender_of(column: Column) -> Callable[[Any], Mended | None]:
    """Return what mends a value that broke a rule of `column`; it gives None where no repair helps.

    Examples
    --------
    >>> mender_of(Column("km", Kind.NUMBER, maximum=40.0, repair=("parse", "clip")))(" 55 ").value
    40.0
    """
    judge = judge_of(column)
    steps = [(repair.name, _step(repair, column)) for repair in column.repairs]
    is_time = column.kind is Kind.TIME

    def mend(value: Any) -> Mended | None:
        value, imputed = _read(column, value), False
        by: tuple[str, ...] = ()
        for name, step in steps:
            changed = step(value)
            if changed.__class__ is value.__class__ and (changed is value or changed == value):
                continue
            value, by, imputed = changed, (*by, name), imputed or name == "default"
            found: list[Breach] = []
            held = judge(value, found)
            if not found or found[0].rule == "expected_between":
                return Mended(value if is_time else held, held, by, imputed)
        return None

    return mend


def mending_judge(column: Column) -> Callable[[Any, list[Breach]], tuple[Any, float]]:
    """Return the judge of a column with repairs: the typed value, and 1.0 where a default stands in it, else 0.0."""
    judge, mend = judge_of(column), mender_of(column)

    def judge_and_mend(value: Any, out: list[Breach]) -> tuple[Any, float]:
        found: list[Breach] = []
        held = judge(value, found)
        if found and found[0].rule != "expected_between":
            made = mend(value)
            if made is not None:
                out.append(_repaired(found[0], made))
                return made.held, float(made.imputed)
        out += found
        return held, 0.0

    return judge_and_mend


def _repaired(first: Breach, made: Mended) -> Breach:
    message = f"{first.message}; mended by {', '.join(made.by)}"
    return Breach(first.column, first.rule, first.value, message, Action.REPAIR, made.value)


def _read(column: Column, value: Any) -> Any:
    if value is MISSING:
        return None
    is_nan = column.is_numeric and column.nan == "missing" and isinstance(value, float) and math.isnan(value)
    return None if is_nan else value


def _step(repair: Repair, column: Column) -> _Step:
    """Return a repair as a function; what it is not meant for it gives back as it is."""
    match repair.name:
        case "trim":
            return trimmed
        case "lower":
            return lambda value: value.lower() if isinstance(value, str) else value
        case "upper":
            return lambda value: value.upper() if isinstance(value, str) else value
        case "parse":
            return lambda value: value if (found := parsed(value, column.kind)) is None else found
        case "nearest":
            nearest = typos_of(column.levels).nearest
            return lambda value: (nearest(value) or value) if isinstance(value, str) else value
        case "unit":
            return lambda value: converted(value, repair)
        case "clip":
            low, high = column.minimum, column.maximum
            whole = column.kind is Kind.INTEGER
            return lambda value: clipped(value, low, high, whole=whole)
        case _:
            return lambda value: repair.default if value is None else value
