"""How a person mends rows that were kept aside: by named repairs, always the same way, the row as it came untouched.

Pure. A contract's own repairs stand in `contracts/repairs.py`; these here are given by hand, once. `repairing.py`
applies them to rows in quarantine.

==================  ===========================================================================================
repair              what it makes of the row
==================  ===========================================================================================
set:VALUE           VALUE stands in the column, whatever was there
default:VALUE       VALUE stands in the column where nothing was
scale:FACTOR        the number (also one within a text, "40 dm/s") times FACTOR
scale:FACTOR+OFFSET the same plus OFFSET: `scale:1.8+32` reads Celsius as Fahrenheit
parse               the number within a text
strip               the text without white space at its ends
rename:NEW          what came under this name stands under the name NEW, unless something stands there
swap:OTHER          the two columns change their values
==================  ===========================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from daytwo.contracts.repairs import parsed
from daytwo.core.errors import Mistake
from daytwo.core.schema import Kind

Row = dict[str, object]
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_SCALE = re.compile(rf"({_NUMBER.pattern})([-+]\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)?")
_BARE = ("parse", "strip")
_KINDS = ("set", "default", "scale", "rename", "swap", *_BARE)


@dataclass(frozen=True, slots=True)
class Repair:
    """How one column is mended; the kinds stand above."""

    column: str
    kind: str
    argument: str = ""

    @property
    def text(self) -> str:
        """How it is written: `wind_speed=scale:0.2237`."""
        return f"{self.column}={self.kind}" + (f":{self.argument}" if self.argument else "")

    @property
    def option(self) -> str:
        """How `daytwo quarantine repair` is told of it: `--scale wind_speed=0.2237`."""
        return f"--{self.kind} {self.column}" + (f"={self.argument}" if self.argument else "")


def parse_repair(text: str) -> Repair:
    """Read a repair such as `wind_speed=scale:0.2237`, `seats=default:150` or `seats=parse`.

    Raises
    ------
    Mistake
        If it is none; the message says how one is written.

    Examples
    --------
    >>> parse_repair("wind_speed=scale:0.5")
    Repair(column='wind_speed', kind='scale', argument='0.5')
    """
    column, _, rest = text.partition("=")
    kind, _, argument = rest.partition(":")
    return checked(Repair(column, kind, argument), text)


def checked(repair: Repair, said: str) -> Repair:
    """Return the repair, or refuse it in the words in which it was `said`."""
    whole = bool(repair.argument) is (repair.kind not in _BARE)
    if repair.kind == "scale":
        whole = _SCALE.fullmatch(repair.argument) is not None
    if not repair.column or repair.kind not in _KINDS or not whole:
        hint = "Write COLUMN=parse, =strip, =scale:FACTOR, =set:VALUE, =default:VALUE, =rename:NEW or =swap:OTHER"
        raise Mistake(f"{said!r} is no repair", hint=hint)
    return repair


def mend(row: Mapping[str, object], repairs: Sequence[Repair], kinds: Mapping[str, Kind] | None = None) -> Row:
    """Return the row with every repair applied, in their order; what cannot be mended stays as it is.

    `kinds` tell how a VALUE is read for a column; where they do not, it is a number if it can be one.

    Examples
    --------
    >>> mend({"wind_speed": "40 dm/s"}, [Repair("wind_speed", "scale", "0.5")])
    {'wind_speed': 20.0}
    >>> mend({"wnd": 20.0}, [Repair("wnd", "rename", "wind_speed")])
    {'wind_speed': 20.0}
    """
    mended = dict(row)
    for repair in repairs:
        mended = _WAYS[repair.kind](mended, repair, kinds or {})
    return mended


def _set(row: Row, repair: Repair, kinds: Mapping[str, Kind]) -> Row:
    return row | {repair.column: _value(repair.argument, kinds.get(repair.column))}


def _default(row: Row, repair: Repair, kinds: Mapping[str, Kind]) -> Row:
    return row if row.get(repair.column) is not None else _set(row, repair, kinds)


def _scale(row: Row, repair: Repair, _: Mapping[str, Kind]) -> Row:
    found = _SCALE.fullmatch(repair.argument)
    value = _number(row.get(repair.column))
    if found is None or value is None:
        return row
    return row | {repair.column: value * float(found[1]) + (float(found[2]) if found[2] else 0.0)}


def _parse(row: Row, repair: Repair, _: Mapping[str, Kind]) -> Row:
    value = _number(row.get(repair.column))
    return row if value is None else row | {repair.column: value}


def _strip(row: Row, repair: Repair, _: Mapping[str, Kind]) -> Row:
    value = row.get(repair.column)
    return row | {repair.column: value.strip()} if isinstance(value, str) else row


def _rename(row: Row, repair: Repair, _: Mapping[str, Kind]) -> Row:
    if repair.column not in row or row.get(repair.argument) is not None:
        return row
    others = {name: value for name, value in row.items() if name != repair.argument}
    return {repair.argument if name == repair.column else name: value for name, value in others.items()}


def _swap(row: Row, repair: Repair, _: Mapping[str, Kind]) -> Row:
    if repair.column not in row or repair.argument not in row:
        return row
    return row | {repair.column: row[repair.argument], repair.argument: row[repair.column]}


_WAYS: Mapping[str, Callable[[Row, Repair, Mapping[str, Kind]], Row]] = {
    "set": _set,
    "default": _default,
    "scale": _scale,
    "parse": _parse,
    "strip": _strip,
    "rename": _rename,
    "swap": _swap,
}


def _number(value: object) -> float | None:
    if isinstance(value, str):
        found = _NUMBER.search(value)
        return float(found[0]) if found else None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _value(text: str, kind: Kind | None) -> object:
    if kind in {Kind.CATEGORY, Kind.TEXT, Kind.TIME}:
        return text
    if kind is not None:
        found = parsed(text, kind)
        return text if found is None else found
    try:
        return float(text)
    except ValueError:
        return text
