"""Times at which nothing new is put before more people: holidays, weekends, the days of closing the books. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from daytwo.core.errors import SettingsError

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEK = timedelta(days=7)
_DATES = re.compile(r"(\d{4}-\d{2}-\d{2}) to (\d{4}-\d{2}-\d{2})")
_WEEKLY = re.compile(rf"({'|'.join(_DAYS)}) (\d{{2}}:\d{{2}}) to ({'|'.join(_DAYS)}) (\d{{2}}:\d{{2}})")


@dataclass(frozen=True, slots=True)
class Freeze:
    """One entry of `[release] freeze`: [`begin`, `end`), in UTC; `weekly` ones come again every seven days."""

    text: str
    begin: datetime
    end: datetime
    weekly: bool

    def holds(self, now: datetime) -> bool:
        """Whether it holds at a moment."""
        if not self.weekly:
            return self.begin <= now < self.end
        return (now - self.begin) % _WEEK < self.end - self.begin


def read_freeze(text: str) -> Freeze:
    """Read `2026-12-19 to 2027-01-03`, whole days, or `fri 16:00 to mon 08:00`, every week; all in UTC.

    Raises
    ------
    SettingsError
        If the text is neither, or ends before it begins.

    Examples
    --------
    >>> read_freeze("fri 16:00 to mon 08:00").holds(datetime(2026, 11, 22, 12, tzinfo=UTC))  # a Sunday
    True
    """
    try:
        found = _read(text)
    except ValueError:  # no such day or hour
        found = None
    if found is not None:
        return found
    raise SettingsError(
        f"{text!r} is no time in which nothing moves",
        hint="Write days such as '2026-12-19 to 2027-01-03', or 'fri 16:00 to mon 08:00' for every week, in UTC",
    )


def frozen_by(freezes: tuple[str, ...], now: datetime) -> str:
    """Return the first entry that holds at a moment, empty where none does."""
    return next((text for text in freezes if read_freeze(text).holds(now)), "")


def _read(text: str) -> Freeze | None:
    if match := _DATES.fullmatch(text):
        first, last = (date.fromisoformat(match[n]) for n in (1, 2))
        begin, end = (datetime.combine(day, time(), UTC) for day in (first, last + timedelta(days=1)))
        return Freeze(text, begin, end, weekly=False) if begin < end else None
    if match := _WEEKLY.fullmatch(text):
        begin, end = _moment(match[1], match[2]), _moment(match[3], match[4])
        return Freeze(text, begin, end if begin < end else end + _WEEK, weekly=True) if begin != end else None
    return None


def _moment(day: str, clock: str) -> datetime:
    """Return that day and time of some week: that of Monday, 5 January 1970."""
    return datetime.combine(date(1970, 1, 5) + timedelta(days=_DAYS.index(day)), time.fromisoformat(clock), UTC)
