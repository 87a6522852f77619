"""How a value that breaks a rule may be mended: by named repairs that its column lists, always the same way.

Pure and light: the server mends by it, one value at a time. A value that breaks no rule is never touched. One that
does (`expected_between` does not count) is handed to the column's repairs in their order, each working on what the
one before left; after each the value is judged anew, and the first that breaks nothing but the expected range stands.
A repair that is not meant for what it finds leaves it as it is. If none helps, the value stands with whatever was
wrong with it at first; if one does, that is one breach whose action is "repair". `mend.py` carries it out.

==================  ===========================================================================================
repair              what it makes of the value
==================  ===========================================================================================
trim                a text without white space at its ends; an empty one is missing
lower, upper        a text in small, in capital letters
parse               a text read as the column's kind: "1,234.5" as a number, "yes" as true; a number or a truth
                    read as text where a text is promised
nearest             the known level that a mistyped one looks like (`typos.py`)
unit FACTOR         a number times FACTOR: `unit 1.609344` reads miles as kilometres
unit FACTOR OFFSET  a number times FACTOR plus OFFSET: `unit 1.8 32` reads Celsius as Fahrenheit
clip                a number moved to the nearer end of `minimum` .. `maximum`, a whole one to the next within
default VALUE       VALUE in place of a missing value (also of a missing field); a feature mended so brings the model
                    a second one, `COLUMN_imputed`, which says so
==================  ===========================================================================================
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from daytwo.contracts.times import parse_time
from daytwo.core.schema import Kind

Value = str | int | float | bool | None
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?")
_PLAIN = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_TRUTHS = {"true": True, "yes": True, "y": True, "1": True, "false": False, "no": False, "n": False, "0": False}
_TEXTUAL = (Kind.CATEGORY, Kind.TEXT)
_NUMERIC = (Kind.NUMBER, Kind.INTEGER)
# Longer texts hold no number that anybody wrote.
_LONGEST_NUMBER = 64


@dataclass(frozen=True, slots=True)
class Repair:
    """One named repair. `numbers` are the factor and offset of a unit; `default` is the value of a default."""

    text: str
    name: str
    numbers: tuple[float, float] = (1.0, 0.0)
    default: Value = None


def read_repair(text: str, kind: Kind) -> Repair:
    """Read a repair as a contract writes it, for a column of this kind.

    Raises
    ------
    ValueError
        If there is no such repair, or it makes no sense for this kind; the message says why.

    Examples
    --------
    >>> read_repair("unit 1.8 32", Kind.NUMBER).numbers
    (1.8, 32.0)
    """
    name, _, rest = text.strip().partition(" ")
    kinds = _KINDS.get(name)
    if kinds is None:
        raise ValueError(f"there is no repair {name!r}; there are {', '.join(_KINDS)}")
    if kind not in kinds:
        raise ValueError(f"the repair {name!r} is not for a {kind}")
    if name == "unit":
        return Repair(text, name, numbers=_unit(rest))
    if name == "default":
        return Repair(text, name, default=_default(rest.strip(), kind))
    if rest.strip():
        raise ValueError(f"the repair {name!r} takes nothing after its name")
    return Repair(text, name)


def trimmed(value: object) -> object:
    """Return a text without white space at its ends, None where nothing is left; anything else as it is."""
    return (value.strip() or None) if isinstance(value, str) else value


def converted(value: object, repair: Repair) -> object:
    """Return a number in the column's unit; anything else, and what would become infinite, as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    try:
        changed = repaired_number(float(value), repair)
    except OverflowError:
        return value
    return value if changed is None else changed


def clipped(value: object, low: float | None, high: float | None, *, whole: bool) -> object:
    """Return a number moved to the nearer end of `low` .. `high`, to a whole number within if `whole`.

    NaN and what is no number come back as they are.

    Examples
    --------
    >>> clipped(7.5, 0.0, 5.0, whole=False), clipped(-3, 0.5, 5.0, whole=True)
    (5.0, 1)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if low is not None and value < low:
        return math.ceil(low) if whole else low
    if high is not None and value > high:
        return math.floor(high) if whole else high
    return value


def repaired_number(value: float, repair: Repair) -> float | None:
    """Return a number in the column's unit, None where it has become infinite.

    Examples
    --------
    >>> repaired_number(100.0, read_repair("unit 1.8 32", Kind.NUMBER))
    212.0
    """
    factor, offset = repair.numbers
    changed = value * factor + offset
    return changed if math.isfinite(changed) else None


def parsed(value: object, kind: Kind) -> Value:
    """Return `value` read as `kind`, or None where it cannot be.

    Examples
    --------
    >>> parsed(" 1,234.5 ", Kind.NUMBER)
    1234.5
    >>> parsed(501, Kind.CATEGORY)
    '501'
    """
    return _PARSERS[kind](value)


def _unit(rest: str) -> tuple[float, float]:
    try:
        numbers = [float(part) for part in rest.split()]
    except ValueError as err:
        raise ValueError(f"{rest!r} is no factor; write 'unit 1.609344' or 'unit 1.8 32'") from err
    if len(numbers) not in {1, 2} or not all(math.isfinite(number) for number in numbers) or numbers[0] == 0:
        raise ValueError(f"{rest!r} is no factor; write 'unit 1.609344' or 'unit 1.8 32'")
    return numbers[0], numbers[1] if len(numbers) == 2 else 0.0


def _default(rest: str, kind: Kind) -> Value:
    if kind in _TEXTUAL:
        return rest
    found = _moment_text(rest) if kind is Kind.TIME else parsed(rest, kind)
    if found is None:
        raise ValueError(f"the default {rest!r} is no {kind}")
    return found


def _moment_text(text: str) -> str | None:
    return text if parse_time(text) is not None else None


def _parsed_number(value: object) -> float | None:
    if not isinstance(value, str) or len(value) > _LONGEST_NUMBER:
        return None
    text = value.strip()
    if _GROUPED.fullmatch(text):
        text = text.replace(",", "")
    elif not _PLAIN.fullmatch(text):
        return None
    return float(text)


def _parsed_integer(value: object) -> int | None:
    number = _parsed_number(value)
    if number is None or not number.is_integer() or abs(number) > 1 << 53:
        return None
    return int(number)


def _parsed_boolean(value: object) -> bool | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and value in {0, 1}:
        return bool(value)
    return _TRUTHS.get(value.strip().lower()) if isinstance(value, str) else None


def _parsed_text(value: object) -> str | None:
    if isinstance(value, float) and value.is_integer() and abs(value) <= 1 << 53:
        value = int(value)
    if isinstance(value, bool | int):
        return json.dumps(value) if abs(value) <= 1 << 63 else None
    return None


def _parsed_time(value: object) -> str | None:
    return _moment_text(value.strip()) if isinstance(value, str) else None


_PARSERS: Mapping[Kind, Callable[[object], Value]] = {
    Kind.NUMBER: _parsed_number,
    Kind.INTEGER: _parsed_integer,
    Kind.BOOLEAN: _parsed_boolean,
    Kind.CATEGORY: _parsed_text,
    Kind.TEXT: _parsed_text,
    Kind.TIME: _parsed_time,
}
_KINDS: Mapping[str, tuple[Kind, ...]] = {
    "trim": (*_TEXTUAL, Kind.TIME),
    "lower": _TEXTUAL,
    "upper": _TEXTUAL,
    "parse": tuple(Kind),
    "nearest": (Kind.CATEGORY,),
    "unit": _NUMERIC,
    "clip": _NUMERIC,
    "default": tuple(Kind),
}
