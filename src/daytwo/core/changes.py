"""A change to one value of a row, as people write it where they say what a model must do: `+10`, `*2`, `=JFK`, `any`.

`core/settings.py` holds such texts; `lifecycle/checking/behaviour.py` applies them to rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from daytwo.core.errors import SettingsError

_NUMBER = re.compile(r"([+\-*])\s*(\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Change:
    """What is done to a value: add `number` to it, multiply it by it, set it to `text`, or try every known level."""

    kind: Literal["add", "times", "set", "any"]
    number: float = 0.0
    text: str = ""


def read_change(text: str) -> Change:
    """Read a change.

    Raises
    ------
    SettingsError
        If the text is none.

    Examples
    --------
    >>> read_change("-2.5").number, read_change("* 1.5").kind, read_change("=JFK").text, read_change("any").kind
    (-2.5, 'times', 'JFK', 'any')
    """
    said = text.strip()
    if said == "any":
        return Change("any")
    if said.startswith("=") and said[1:].strip():
        return Change("set", text=said[1:].strip())
    match = _NUMBER.fullmatch(said)
    if match is None:
        raise SettingsError(
            f"{text!r} is no change to a value",
            hint="Write '+10', '-10', '*1.5', '=VALUE', or 'any' for every level of a category",
        )
    number = float(match[2])
    if match[1] == "*":
        return Change("times", number)
    return Change("add", -number if match[1] == "-" else number)
