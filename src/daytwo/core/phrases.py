"""Phrases that a project writes for its columns: "departs at {value}". Text with a few places, and no code.

`[reasons.phrases]` holds them; `explain/wording.py` speaks with them.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from string import Formatter

from daytwo.core.errors import SettingsError

# What may stand in braces: the row's value, the reference's, how the column is called.
PLACES = ("value", "typical", "name")
_LIST = ", ".join(f"{{{one}}}" for one in PLACES)


def read_phrase(text: str) -> tuple[tuple[str, str], ...]:
    """Return a phrase as pairs of a text and the place behind it; "" where none is.

    Examples
    --------
    >>> read_phrase("departs at {value}, not {typical}")
    (('departs at ', 'value'), (', not ', 'typical'))

    Raises
    ------
    SettingsError
        If it is empty, a brace stands alone, or a place is none that there is.
    """
    if not text.strip():
        raise SettingsError("a phrase is empty", hint=f"Write words with {_LIST} in them, or remove the line")
    try:
        parts = list(Formatter().parse(text))
    except ValueError as err:
        hint = f"Write {{value}} for the value, and {{{{ for a brace; there are {_LIST}"
        raise SettingsError(f"the phrase {text!r} cannot be read: {err}", hint=hint) from err
    for _, place, form, turned in parts:
        if place is not None and (place not in PLACES or form or turned):
            whole = f"{place}{f'!{turned}' if turned else ''}{f':{form}' if form else ''}"
            near = difflib.get_close_matches(place, PLACES, n=1, cutoff=0.5)
            asked = f"Did you mean {{{near[0]}}}? " if near else ""
            hint = f"{asked}There are {_LIST}; how a number is written is said in [reasons.formats]"
            raise SettingsError(f"the phrase {text!r} has the place {{{whole}}}, which there is not", hint=hint)
    return tuple((before, place or "") for before, place, _, _ in parts)


def check_groups(groups: Mapping[str, Sequence[str]]) -> None:
    """Raise SettingsError where a column is in two groups: its part would be told twice."""
    seen: dict[str, str] = {}
    for group, columns in groups.items():
        for column in columns:
            if column in seen:
                where = "twice" if seen[column] == group else f"in {seen[column]!r} and"
                raise SettingsError(f"{column!r} is {where} in {group!r}", hint="Leave it in one group, once")
            seen[column] = group
