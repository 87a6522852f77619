"""Windows of live traffic: when each begins and ends, when it is due, and what was found in it.

A window is *watched* when it ends, before its labels come, and *settled* when its labels are due. Pure;
`records_sql.py` keeps what was found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from daytwo.lifecycle.flow import Json

# The fact that a project replays the past: the moment it has reached, in ISO 8601.
STANDS_AT = "stands_at"
# The fact of when the first version went live, in ISO 8601: windows begin there.
LIVE_SINCE = "live_since"


@dataclass(frozen=True, slots=True)
class Span:
    """Window number `index` (from 0) of the model's live life: event times in [`start`, `end`)."""

    index: int
    start: datetime
    end: datetime

    @property
    def name(self) -> str:
        """How flows and alerts call it."""
        return f"w{self.index:04d}"


@dataclass(frozen=True, slots=True)
class WindowRecord:
    """What is known of one window. `watched` and `settled` are None until it was."""

    span: Span
    watched: dict[str, Json] | None = field(default=None)
    settled: dict[str, Json] | None = field(default=None)


class WindowBook(Protocol):
    """Where windows, and the small facts of a project's life, are kept."""

    def put(self, record: WindowRecord) -> None:
        """Keep the window under its number, replacing what was there."""
        ...

    def windows(self) -> tuple[WindowRecord, ...]:
        """Every window with something known, the oldest first."""
        ...

    def fact(self, name: str) -> Json:
        """Return a fact that was kept, or None."""
        ...

    def keep_fact(self, name: str, value: Json) -> None:
        """Keep a fact under its name, replacing what was there."""
        ...


def spans(live_since: datetime, length: timedelta, until: datetime) -> Iterator[Span]:
    """Yield every window since `live_since` that has ended by `until`, the oldest first.

    Examples
    --------
    >>> day = timedelta(days=1)
    >>> [span.index for span in spans(datetime(2013, 4, 1), day, datetime(2013, 4, 3))]
    [0, 1]
    """
    index = 0
    while live_since + (index + 1) * length <= until:
        yield Span(index, live_since + index * length, live_since + (index + 1) * length)
        index += 1
