"""The journal of one server process: a record is on its way to the disk before the reply leaves.

`append` hands a record to the operating system, which survives the death of the process (`tail.py` says how); records
of several requests that are answered together are promised by `add` and handed over by one `flush`. A thread of its own
makes the disk catch up every few milliseconds, which bounds what a power cut can take; asked to be stricter, `flush`
waits for the disk itself. A segment whose file is taken away while it is written is written anew, so that a folder
removed by mistake costs nothing that was promised. `segments.py` reads segments back, `record.py` says what is in them,
`ship.py` carries sealed ones into the tables.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeAlias

from daytwo.core.errors import Fault
from daytwo.core.files import sync_folder
from daytwo.predictions.segments import HEADER_BYTES, OPEN, frame_head, seal
from daytwo.predictions.syncing import Syncer
from daytwo.predictions.tail import Tail, tail_of

_HINT = "Free some disk space; requests are answered again as soon as their records can be written"
# More than a record of one row: a disk that takes it is worth a try.
_PROBE_BYTES = 8192


class Place(NamedTuple):
    """Where a record lies: the segment's name and the payload's offset and length in it."""

    segment: str
    offset: int
    length: int


# A named tuple's own maker costs three times as much, and this runs for every request.
_place = partial(tuple.__new__, Place)

Promise: TypeAlias = Callable[[Place], object]
# Is told the segment, and the offset of each payload in it.
PromiseOfAll: TypeAlias = Callable[[str, Sequence[int]], object]


class Journal:
    """Appends records to segment files in `folder` whose names begin with `prefix`, unique to this process.

    A segment is sealed when it reaches `max_bytes`, when `rotate` is called, and on `close`. With `sync_every_s` 0
    whatever is written is durable before `append` or `flush` returns. Not for several threads.
    """

    def __init__(self, folder: Path, prefix: str, *, max_bytes: int = 64 << 20, sync_every_s: float = 0.01) -> None:
        self._folder, self._prefix, self._max_bytes = folder, prefix, max_bytes
        self._number = 0
        self._path: Path | None = None
        self._name = ""
        self._handle = -1
        self._tail: Tail
        self._end = 0
        self._opened_at = 0.0
        self._frames: list[bytes] = []
        self._promises: list[tuple[Sequence[int], PromiseOfAll]] = []
        self._due: list[tuple[str, int, list[tuple[Sequence[int], PromiseOfAll]]]] = []
        self._lost = ""
        self.fault: str | None = None
        self.rescued = 0  # segments that were written anew
        self._open()
        self._syncer = Syncer(sync_every_s)
        self._is_strict = not sync_every_s

    @property
    def age_s(self) -> float:
        """Seconds since the current segment got its first record; 0 where it has none."""
        return time.monotonic() - self._opened_at if self._end else 0.0

    @property
    def failing(self) -> str | None:
        """Why the last record could not be written or made durable; None while all is well."""
        return self.fault or self._syncer.fault

    def append(self, payload: bytes) -> Place:
        """Write one record whole, and those added before it; return where it lies.

        Raises
        ------
        Fault
            If the disk is full or refuses: nothing of the record stays, and the next one may be tried.
        """
        places: list[Place] = []
        self.add(payload, places.append)
        self.flush()
        return places[0]

    def add(self, payload: bytes, promise: Promise) -> None:
        """Take a record into what is written next; `promise` is called with its place once it is written."""
        size = len(payload)
        self._frames += (frame_head(payload), payload)
        self._promises.append(((size,), lambda segment, offsets: promise(_place((segment, offsets[0], size)))))

    def add_all(self, payloads: Sequence[bytes], promise: PromiseOfAll) -> None:
        """Take several records into what is written next; `promise` is called once they are all written."""
        for payload in payloads:
            self._frames += (frame_head(payload), payload)
        self._promises.append((list(map(len, payloads)), promise))

    def flush(self) -> None:
        """Write everything that was added, in one go, and keep the promises.

        Raises
        ------
        Fault
            If the disk is full or refuses: nothing of it stays, and no promise is kept.
        """
        self._hand_over()
        self.keep()

    def keep(self) -> None:
        """Keep the promises of all that was written."""
        due, self._due = self._due, []
        for name, end, promises in due:
            for lengths, promise in promises:
                offsets = []
                for length in lengths:
                    offsets.append(end + HEADER_BYTES)
                    end += HEADER_BYTES + length  # noqa: PLW2901 (it runs on over the promises)
                promise(name, offsets)

    def _hand_over(self) -> None:
        if not self._frames:
            return
        frames, promises = self._frames, self._promises
        self._frames, self._promises = [], []
        try:
            if self._end >= self._max_bytes:
                self.rotate()
            if self._path is None:
                self._open()
            elif self._is_strict or self._syncer.is_gone:
                self.rescue()
            begin = self._end
            self._write(b"".join(frames))
        except OSError as err:
            self.fault = self._lost = f"cannot write to the journal in {self._folder}: {err.strerror or err}"
            raise Fault(self.fault, hint=_HINT) from err
        except Fault as err:
            self._lost = err.message
            raise
        self.fault = None
        self._due.append((self._name, begin, promises))

    def commit(self) -> None:
        """Write everything that was added; whoever answers several requests at once calls this before they leave.

        The promises are kept by `keep`, which can wait until they have left.

        Raises
        ------
        Fault
            If this or a flush since the last commit failed: what was added since then may not stay.
        """
        try:
            self._hand_over()
        finally:
            lost, self._lost = self._lost, ""
        if lost:
            raise Fault(lost, hint=_HINT)

    def rotate(self) -> str | None:
        """Seal the current segment and return its name; None where nothing was written since the last time."""
        if self._path is None or not self._end:
            return None
        name = self._name
        self._finish()
        return name

    def probe(self) -> None:
        """Try whether the disk takes records again, without writing one.

        Raises
        ------
        Fault
            If it does not.
        """
        try:
            if self._path is None:
                self._open()
            self._tail.put(bytes(_PROBE_BYTES), self._end)
            self._tail.cut(self._end, _PROBE_BYTES)
            os.fdatasync(self._handle)
        except OSError as err:
            raise Fault(f"cannot write to the journal in {self._folder}: {err.strerror or err}", hint=_HINT) from err
        self.fault = self._syncer.fault = None

    def rescue(self) -> None:
        """Write the current segment anew, where its file has been taken away.

        Raises
        ------
        Fault
            If that cannot be done now: the records stay with this process, and it may be tried again.
        """
        if self._path is None or os.fstat(self._handle).st_nlink:
            return
        path, handle = self._make(self._name)
        try:
            sent = 0
            while sent < self._end:
                sent += os.sendfile(handle, self._handle, sent, self._end - sent)
            os.fdatasync(handle)
        except OSError as err:
            os.close(handle)
            with contextlib.suppress(OSError):
                path.unlink()
            self.fault = f"the journal was taken away and cannot be written anew: {err.strerror or err}"
            raise Fault(self.fault, hint=_HINT) from err
        self._syncer.forget(self._handle)
        self._tail.close(self._end)
        os.close(self._handle)
        self._path, self._handle, self._tail = path, handle, tail_of(handle)
        self.rescued += 1

    def close(self) -> None:
        """Make everything durable and seal the current segment; an empty one is removed."""
        self._syncer.stop()
        if self._path is not None:
            self._finish()

    def _write(self, framed: bytes) -> None:
        self._tail.put(framed, self._end)
        if self._is_strict:
            self._sync_or_cut(len(framed))
        else:
            self._syncer.dirty(self._handle)
        if not self._end:
            self._opened_at = time.monotonic()
        self._end += len(framed)

    def _sync_or_cut(self, length: int) -> None:
        try:
            os.fdatasync(self._handle)
        except OSError:
            self._tail.cut(self._end, length)
            raise

    def _open(self) -> None:
        """Begin a segment."""
        name = f"{self._prefix}{self._number:06d}"
        self._path, self._handle = self._make(name)
        self._tail = tail_of(self._handle)
        self._number += 1
        self._end, self._name = 0, name

    def _make(self, name: str) -> tuple[Path, int]:
        """Make the file of a segment: locked before it bears the name under which others look for dead ones."""
        draft = self._folder / f".{name}.draft"
        handle = -1
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            fcntl.flock(handle, fcntl.LOCK_EX)
            path = self._folder / (name + OPEN)
            draft.rename(path)
            sync_folder(self._folder)
        except OSError as err:
            if handle >= 0:
                os.close(handle)
            with contextlib.suppress(OSError):
                draft.unlink()
            self.fault = f"cannot write to the journal in {self._folder}: {err.strerror or err}"
            raise Fault(self.fault, hint="Make the folder writable and free some disk space, then try again") from err
        return path, handle

    def _finish(self) -> None:
        self.rescue()
        path, handle, self._path = self._path, self._handle, None
        assert path is not None
        self._syncer.forget(handle)
        try:
            self._tail.close(self._end)
            os.fdatasync(handle)
            seal(path, keep=self._end > 0)
        finally:
            os.close(handle)
            self._handle, self._end = -1, 0
