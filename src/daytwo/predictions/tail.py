"""The end of a segment's file, where the next bytes go.

On file systems where reserved room is room for good, the file's next megabyte is reserved and mapped into memory: a
record is then on its way to the disk as soon as it is copied there. It survives the death of its process as written
bytes do, and costs a tenth of a write while the disk is catching up (ADR 17). Elsewhere it is written.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
from pathlib import Path
from typing import Protocol

from daytwo.predictions.segments import HEADER_BYTES

# Reserved and mapped in one go: some two thousand records of one row.
_WINDOW_BYTES = 1 << 20
# Where what `fallocate` has reserved can be written without asking the disk again. Copying file systems (btrfs, ZFS)
# and those of other machines promise nothing of the kind, and a mapped write that finds no room ends the process.
_KEEPING = frozenset(("ext2", "ext3", "ext4", "xfs", "tmpfs"))
_MOUNTS = Path("/proc/self/mountinfo")


class Tail(Protocol):
    """Where the next bytes of one file go. Not for several threads."""

    def put(self, content: bytes, at: int) -> None:
        """Put all of `content`, which begins with a frame, at the end `at`, or nothing; raises OSError."""
        ...

    def cut(self, at: int, length: int) -> None:
        """Take back the `length` bytes that were put at `at` last."""
        ...

    def close(self, at: int) -> None:
        """Give back the room behind `at`, where the last frame ends; the file stays open."""
        ...


class Written:
    """Bytes handed to the operating system by one call each."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def put(self, content: bytes, at: int) -> None:
        """Put all of `content` at `at`, or nothing: what a full disk took of it is cut off again."""
        try:
            written = os.pwrite(self._handle, content, at)
        except OSError:
            os.ftruncate(self._handle, at)
            raise
        if written != len(content):
            os.ftruncate(self._handle, at)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def cut(self, at: int, length: int) -> None:  # noqa: ARG002
        """Take back what was put at `at` last."""
        os.ftruncate(self._handle, at)

    def close(self, at: int) -> None:
        """Have nothing to give back."""


class Mapped:
    """Bytes copied into reserved room of the file, mapped into memory."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._map: mmap.mmap | None = None
        self._from = self._to = 0

    def put(self, content: bytes, at: int) -> None:
        """Put all of `content` at `at`, its first frame's head last: until that is there, nothing is."""
        end = at + len(content)
        if end > self._to:
            self._reserve(at, end)
        room = self._map
        assert room is not None
        begin = at - self._from
        body = begin + HEADER_BYTES
        room[body : end - self._from] = content[HEADER_BYTES:]
        room[begin:body] = content[:HEADER_BYTES]

    def cut(self, at: int, length: int) -> None:
        """Take back what was put at `at` last: room that was never written holds zeros."""
        if self._map is not None and at + length <= self._to:
            begin = at - self._from
            self._map[begin : begin + HEADER_BYTES] = bytes(HEADER_BYTES)
            self._map[begin : begin + length] = bytes(length)

    def close(self, at: int) -> None:
        """Unmap what is mapped, and give back the room behind `at`."""
        self._unmap()
        os.ftruncate(self._handle, at)

    def _reserve(self, at: int, end: int) -> None:
        """Map room from `at` to `end`, and as much beyond as there may soon be need of and the disk has."""
        begin = at // mmap.ALLOCATIONGRANULARITY * mmap.ALLOCATIONGRANULARITY
        wanted = max(end, begin + _WINDOW_BYTES)
        try:
            os.posix_fallocate(self._handle, begin, wanted - begin)
        except OSError:
            wanted = end
            os.posix_fallocate(self._handle, begin, wanted - begin)
        self._unmap()
        self._map = mmap.mmap(self._handle, wanted - begin, offset=begin)
        self._from, self._to = begin, wanted

    def _unmap(self) -> None:
        if self._map is not None:
            self._map.close()
        self._map, self._from, self._to = None, 0, 0


def tail_of(handle: int) -> Tail:
    """Return where the next bytes of the file that `handle` is open on go."""
    return Mapped(handle) if _file_system(handle) in _KEEPING else Written(handle)


def _file_system(handle: int) -> str:
    """Return the name of the file system that a file lies on; empty where it cannot be told."""
    device = os.fstat(handle).st_dev
    place = f"{os.major(device)}:{os.minor(device)}"
    with contextlib.suppress(OSError):
        for line in _MOUNTS.read_text(errors="replace").splitlines():
            before, _, after = line.partition(" - ")
            if before.split()[2:3] == [place]:
                return after.split()[0]
    return ""
