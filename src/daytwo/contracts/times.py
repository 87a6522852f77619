"""Moments in rows: ISO 8601 texts, dates and datetimes, read the same way from a request and from a table.

`event_times.py` reads a table's own time column by it, `moments.py` a series of a frame library.

A time without a zone is UTC; a date is its midnight; `2008-05` is the first of that month.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time

_ISO = re.compile(
    r"[0-9]{4}-(?:0[1-9]|1[0-2])"
    r"(?:-[0-3][0-9](?:[T ][0-2][0-9]:[0-5][0-9](?::[0-5][0-9](?P<fraction>\.[0-9]{1,9})?)?"
    r"(?:Z|[+-][0-2][0-9](?::?[0-5][0-9])?)?)?)?"
)
# What most rows bear, such as 2013-04-01T17:30:00Z, has this length, and this as every third character from its first
# hyphen on. The standard library alone reads it, in UTC, and looks at what stands between.
_COMMON_LENGTH = 20
_COMMON = "--T::Z"
_MONTH_LENGTH = len("2008-05")
_MICROSECONDS = len(".123456")


def parse_time(value: object) -> datetime | None:
    """Return the moment that `value` names, in UTC, or None where it names none.

    Examples
    --------
    >>> parse_time("2013-04-01T17:30:00+02:00").isoformat()
    '2013-04-01T15:30:00+00:00'
    >>> parse_time("2008-05").isoformat()
    '2008-05-01T00:00:00+00:00'
    >>> parse_time("1 April 2013") is None
    True
    """
    if isinstance(value, str):
        if value[4::3] == _COMMON and len(value) == _COMMON_LENGTH:
            try:  # as `_read` does, without a call
                return datetime.fromisoformat(value)
            except ValueError:
                return None
        return _parse_text(value)
    if isinstance(value, datetime):
        return _in_utc(value)
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC)
    return None


def _parse_text(text: str) -> datetime | None:
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    if len(text) == _MONTH_LENGTH:
        text += "-01"
    fraction = match["fraction"]
    if fraction is not None and len(fraction) > _MICROSECONDS:
        start = match.start("fraction")
        text = text[: start + _MICROSECONDS] + text[start + len(fraction) :]
    moment = _read(text)
    return None if moment is None else _in_utc(moment)


def _read(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _in_utc(moment: datetime) -> datetime | None:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return None
