"""Moments in rows: ISO 8601 texts, dates and datetimes, read the same way from a request and from a table.

A time without a zone is UTC; a date is its midnight; `2008-05` is the first of that month.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from daytwo.contracts.contract import Contract
from daytwo.core.errors import DataError

_ISO = re.compile(
    r"[0-9]{4}-(?:0[1-9]|1[0-2])"
    r"(?:-[0-3][0-9](?:[T ][0-2][0-9]:[0-5][0-9](?::[0-5][0-9](?P<fraction>\.[0-9]{1,9})?)?"
    r"(?:Z|[+-][0-2][0-9](?::?[0-5][0-9])?)?)?)?"
)
_MONTH_LENGTH = len("2008-05")
_MICROSECONDS = len(".123456")


class Frame(Protocol):
    """The little that light code needs of a table; a Polars frame is one."""

    @property
    def columns(self) -> list[str]:
        """The columns' names."""
        ...

    @property
    def height(self) -> int:
        """How many rows there are."""
        ...

    def get_column(self, name: str) -> Any:
        """Return one column as a series."""
        ...


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
        return _parse_text(value)
    if isinstance(value, datetime):
        return _in_utc(value)
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC)
    return None


def times_of(contract: Contract, frame: Frame) -> npt.NDArray[np.datetime64]:
    """Return when each row happened: shape (n,), datetime64[us] in UTC, NaT where the time is missing.

    Raises
    ------
    DataError
        If the contract has no time column, the frame does not have it, or a value names no moment.
    """
    column = contract.time
    if column is None:
        raise DataError(
            f"the contract {contract.name!r} has no time column", hint="Name one as [model] time in daytwo.toml"
        )
    if column.name not in frame.columns:
        raise DataError(
            f"the data has no time column {column.name!r}", hint=f"Its columns are {', '.join(frame.columns[:20])}"
        )
    raw = frame.get_column(column.name).to_numpy()
    if raw.dtype.kind == "M":
        moments: npt.NDArray[np.datetime64] = raw.astype("datetime64[us]")
        return moments
    return np.array([_moment(value, column.name) for value in raw.tolist()], dtype="datetime64[us]")


def _moment(value: object, name: str) -> datetime | None:
    if value is None:
        return None
    parsed = parse_time(value)
    if parsed is None:
        raise DataError(
            f"{value!r} in the column {name!r} is no time", hint="Write times in ISO 8601, such as 2013-04-01T17:30:00Z"
        )
    return parsed.replace(tzinfo=None)


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
    try:
        return _in_utc(datetime.fromisoformat(text))
    except ValueError:
        return None


def _in_utc(moment: datetime) -> datetime | None:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return None
