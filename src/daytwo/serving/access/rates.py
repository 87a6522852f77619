"""How many rows one token may ask for in a time: a bucket that fills at the rate and holds a second's worth.

Pure: the moment is handed in. A request is let in while there is at least one row in the bucket, and what it turns out
to hold is taken out afterwards, so a large request passes and the next ones wait until it is paid for. The
buckets of several processes are kept by `shared_rates.py` next door.
"""

from __future__ import annotations

from typing import Protocol


class Rate(Protocol):
    """How fast one token may ask."""

    rate_per_s: float

    def wait_s(self, now: float) -> float:
        """Return in how many seconds a request may come; 0 if at once."""
        ...

    def take(self, rows: int) -> None:
        """Take out what was asked for."""
        ...


class Bucket:
    """A full bucket at the moment `now` (seconds of any clock that only goes forward), filled by `rate_per_s`.

    Examples
    --------
    >>> bucket = Bucket(10.0, now=0.0)
    >>> bucket.wait_s(0.0)
    0.0
    >>> bucket.take(15)
    >>> bucket.wait_s(0.0)
    0.6
    """

    __slots__ = ("_at", "_level", "burst", "rate_per_s")

    def __init__(self, rate_per_s: float, *, now: float) -> None:
        self.rate_per_s, self.burst = rate_per_s, max(1.0, rate_per_s)
        self._level, self._at = self.burst, now

    @property
    def state(self) -> tuple[float, float]:
        """How many rows are in it, and as of when."""
        return self._level, self._at

    def at(self, level: float, moment: float) -> Bucket:
        """Return this bucket as it was left."""
        self._level, self._at = level, moment
        return self

    def wait_s(self, now: float) -> float:
        """Return in how many seconds a request may come; 0 if at once."""
        self._level = min(self.burst, self._level + max(0.0, now - self._at) * self.rate_per_s)
        self._at = max(now, self._at)
        return 0.0 if self._level >= 1.0 else (1.0 - self._level) / self.rate_per_s

    def take(self, rows: int) -> None:
        """Take out what was asked for, also if it is more than there is."""
        self._level -= rows
