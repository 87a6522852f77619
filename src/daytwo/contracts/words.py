"""What a rule demands, in plain words, and a value cut so that it may be stored: the same at both doors."""

from __future__ import annotations

import math
from collections.abc import Sequence

from daytwo.core.schema import Kind

KIND_WORDS = {
    Kind.NUMBER: "a number",
    Kind.INTEGER: "a whole number of at most 64 bits",
    Kind.BOOLEAN: "true or false",
    Kind.CATEGORY: "a text",
    Kind.TEXT: "a text",
    Kind.TIME: "a time in ISO 8601, such as 2013-04-01T17:30:00Z",
}
_SHOWN_LEVELS = 5
# A longer value is cut.
SHOWN_CHARACTERS = 80
# JSON readers elsewhere hold whole numbers exactly up to here.
_EXACT = 1 << 53
_CONTAINERS = (list, dict, tuple, set, bytes)


def shortened(value: object, limit: int = SHOWN_CHARACTERS) -> str | int | float | bool | None:
    """Return `value` as a JSON value that is safe to store: long texts cut, what JSON cannot hold as text.

    Examples
    --------
    >>> shortened(float("inf"))
    'inf'
    >>> shortened("abcdef", limit=4)
    'abc…'
    """
    if isinstance(value, str):
        text = value
    elif isinstance(value, float):
        if -math.inf < value < math.inf:
            return value
        text = repr(value)
    elif value is None:
        return None
    elif isinstance(value, int):
        if -_EXACT < value < _EXACT:
            return value
        text = str(value) if value.bit_length() < 4 * limit else f"an integer of {value.bit_length()} bits"
    else:
        text = f"a {type(value).__name__} of {len(value)}" if isinstance(value, _CONTAINERS) else repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def range_words(low: float | None, high: float | None) -> str:
    """Return a range in words, such as "lie between 0 and 40"."""
    if low is None and high is None:
        return "have any value"
    if high is None:
        return f"be at least {low:g}"
    if low is None:
        return f"be at most {high:g}"
    return f"lie between {low:g} and {high:g}"


def length_words(shortest: int | None, longest: int | None) -> str:
    """Return limits of a text's length in words, such as "at most 64 characters"."""
    if shortest is None:
        return f"at most {longest} characters"
    if longest is None:
        return f"at least {shortest} characters"
    return f"{shortest} characters" if shortest == longest else f"{shortest} to {longest} characters"


def levels_words(levels: Sequence[str]) -> str:
    """Return the first few levels and how many there are."""
    shown = ", ".join(levels[:_SHOWN_LEVELS]) + (", ..." if len(levels) > _SHOWN_LEVELS else "")
    return f"the {len(levels)} known levels ({shortened(shown)})"
