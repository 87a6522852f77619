"""The buckets of several processes: what a token has asked of one of them, it has asked of all.

They lie in a file that all processes map; a lock on it, which dies with its holder, is held for some microseconds
while a bucket is changed. `rates.py` next door is the bucket of one process alone.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daytwo.serving.access.rates import Bucket, Rate

FILE = "rates"
# A token's SHA-256, its rate a second, and the level at a moment of the monotonic clock, which is the machine's.
_BUCKET = struct.Struct("<32sddd")
_STATE = struct.Struct("<dd")
_STATE_AT = 40
_PLACE_BYTES = 64
# Tokens with a rate that there may be at one time; whoever has more gets each process's own for the rest.
_PLACES = 4096


class SharedRates:
    """The buckets in the file at `path`, which is made where there is none; it lives as long as its processes."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.ftruncate(self._handle, _PLACES * _PLACE_BYTES)
        self.memory = mmap.mmap(self._handle, _PLACES * _PLACE_BYTES)

    def bucket(self, digest: bytes, rate_per_s: float, *, now: float) -> Rate:
        """Return the bucket of the token with this SHA-256; a new one, or one of another rate, is full."""
        first = int.from_bytes(digest[:4], "little")
        with self.locked():
            for i in range(_PLACES):
                at = (first + i) % _PLACES * _PLACE_BYTES
                held, rate, _, _ = _BUCKET.unpack_from(self.memory, at)
                if held == digest and rate == rate_per_s:
                    return _Shared(self, at, rate_per_s)
                if held in {digest, bytes(32)}:
                    full = Bucket(rate_per_s, now=now)
                    _BUCKET.pack_into(self.memory, at, digest, rate_per_s, full.burst, now)
                    return _Shared(self, at, rate_per_s)
        return Bucket(rate_per_s, now=now)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let no other process change a bucket meanwhile."""
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._handle, fcntl.LOCK_UN)


class _Shared:
    """One bucket in the file."""

    __slots__ = ("_at", "_rates", "rate_per_s")

    def __init__(self, rates: SharedRates, at: int, rate_per_s: float) -> None:
        self._rates, self._at, self.rate_per_s = rates, at + _STATE_AT, rate_per_s

    def wait_s(self, now: float) -> float:
        """Return in how many seconds a request may come; 0 if at once."""
        with self._rates.locked():
            bucket = self._read()
            wait_s = bucket.wait_s(now)
            self._write(bucket)
        return wait_s

    def take(self, rows: int) -> None:
        """Take out what was asked for, also if it is more than there is."""
        with self._rates.locked():
            bucket = self._read()
            bucket.take(rows)
            self._write(bucket)

    def _read(self) -> Bucket:
        return Bucket(self.rate_per_s, now=0.0).at(*_STATE.unpack_from(self._rates.memory, self._at))

    def _write(self, bucket: Bucket) -> None:
        _STATE.pack_into(self._rates.memory, self._at, *bucket.state)
