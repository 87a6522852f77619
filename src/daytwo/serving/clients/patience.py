"""When a call is tried again: after the time that the server named, else after waits that double. Pure."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# A server that starts anew is back within a few seconds.
_FIRST_S, _LONGEST_S = 0.02, 1.0
# Clients that were refused together should not come back together.
_SPREAD = 0.25


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one call is tried again, in seconds; `chance` gives numbers in [0, 1)."""

    total_s: float
    chance: Callable[[], float] = random.random

    def wait_s(self, tries: int, spent_s: float, asked_s: float | None) -> float | None:
        """Return how long to wait after so many tries, or None where patience would end before the next.

        `asked_s` is what the server asked for, None where it did not.

        Examples
        --------
        >>> Patience(1.0, chance=lambda: 0.0).wait_s(2, 0.1, None)
        0.04
        >>> Patience(1.0, chance=lambda: 0.0).wait_s(1, 0.1, 5.0) is None
        True
        """
        wait = min(_FIRST_S * 2 ** (tries - 1), _LONGEST_S) if asked_s is None else asked_s
        wait *= 1 + _SPREAD * self.chance()
        return wait if spent_s + wait <= self.total_s else None


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks to wait, None where it says nothing that can be read.

    Examples
    --------
    >>> retry_after_s("2", datetime(2026, 1, 1, tzinfo=UTC))
    2.0
    >>> retry_after_s("Thu, 01 Jan 2026 00:00:30 GMT", datetime(2026, 1, 1, tzinfo=UTC))
    30.0

    Source: RFC 9110, section 10.2.3.
    """
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())
