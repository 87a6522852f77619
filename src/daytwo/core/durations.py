"""Spans of time and rates as people write them in settings: `2d`, `12h`, `90d`, `1 per quarter`."""

from __future__ import annotations

import re
from datetime import timedelta

from daytwo.core.errors import SettingsError

_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_PERIODS = {
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=30.4375),
    "quarter": timedelta(days=91.3125),
    "year": timedelta(days=365.25),
}


def duration(text: str) -> timedelta:
    """Read a span such as `90s`, `15m`, `12h`, `2d` or `1w`.

    Raises
    ------
    SettingsError
        If the text is no span, or one longer than a calendar can count.

    Examples
    --------
    >>> duration("2d").total_seconds()
    172800.0
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*", text)
    if not match:
        raise SettingsError(f"{text!r} is no duration", hint="Write a number and one of s, m, h, d, w, such as '2d'")
    try:
        return float(match[1]) * _UNITS[match[2]]
    except OverflowError as err:
        raise SettingsError(f"{text!r} is too long a duration", hint="Write a shorter one, such as '52w'") from err


def rate_per_day(text: str) -> float:
    """Read a rate such as `1 per quarter`, in events a day.

    Raises
    ------
    SettingsError
        If the text is no rate.

    Examples
    --------
    >>> rate_per_day("7 per week")
    1.0
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s+per\s+([a-z]+)\s*", text)
    if not match or match[2] not in _PERIODS:
        raise SettingsError(
            f"{text!r} is no rate", hint=f"Write '1 per quarter'; the periods are {', '.join(_PERIODS)}"
        )
    return float(match[1]) / (_PERIODS[match[2]] / timedelta(days=1))


def in_words(span: timedelta) -> str:
    """Say how long a span is, in the largest unit of which it has two.

    Examples
    --------
    >>> in_words(timedelta(seconds=91)), in_words(timedelta(hours=5)), in_words(timedelta(days=2.4))
    ('91 s', '5 hours', '2 days')
    """
    for name, unit in (("days", "d"), ("hours", "h"), ("minutes", "m")):
        if span >= 2 * _UNITS[unit]:
            return f"{span / _UNITS[unit]:.0f} {name}"
    return f"{span / _UNITS['s']:.0f} s"
