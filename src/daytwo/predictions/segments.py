"""Segment files: how records lie on disk, and how they are read back after any kind of death.

A segment is a file of frames: length (u32, little-endian), CRC-32 of the payload (u32), payload. The process that
writes a segment holds a lock on it and its name ends in `.open`; sealed it is renamed to end in `.segment`; once
shipped it moves to `shipped/` for a while. `journal.py` next door writes, `ship.py` carries them into the tables.
"""

from __future__ import annotations

import fcntl
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from daytwo.core.errors import Fault, NotFound
from daytwo.core.files import sync_folder, write_whole

OPEN, SEALED = ".open", ".segment"
SHIPPED, DAMAGED = "shipped", "damaged"
_HEADER = struct.Struct("<II")
HEADER_BYTES = _HEADER.size
# A request's body is bounded to megabytes; a length beyond this was never written by us.
MAX_FRAME_BYTES = 1 << 28
_PAGE_BYTES = 4096

Ending = Literal["whole", "torn", "damaged"]


@dataclass(frozen=True, slots=True)
class Segment:
    """What a segment file holds: `spans` are the (offset, length) of its whole payloads in order.

    `ending` tells what follows them: nothing or room that was never used (whole), the beginning of a frame whose write
    never ended (torn; it was never acknowledged), or bytes that are no frame (damaged).
    """

    path: Path
    content: bytes
    spans: tuple[tuple[int, int], ...]
    ending: Ending

    @property
    def good_bytes(self) -> int:
        """Where the last whole frame ends."""
        return sum(self.spans[-1]) if self.spans else 0

    def payloads(self) -> Iterator[memoryview]:
        """Yield each payload in order."""
        view = memoryview(self.content)
        for offset, length in self.spans:
            yield view[offset : offset + length]


def frame_head(payload: bytes) -> bytes:
    """Return what stands before `payload` in a segment: its length and checksum."""
    return _HEADER.pack(len(payload), zlib.crc32(payload))


def read_segment(path: Path) -> Segment:
    """Read the file at `path` up to the first thing that is no whole frame."""
    try:
        content = path.read_bytes()
    except OSError as err:
        raise Fault(f"cannot read {path}: {err.strerror or err}", hint="Check the folder's permissions") from err
    view, spans, position, size = memoryview(content), [], 0, len(content)
    ending: Ending = "whole"
    while position < size:
        ending, length = _next(view, position, size)
        if not length:
            break
        spans.append((position + HEADER_BYTES, length))
        position += HEADER_BYTES + length
    return Segment(path, content, tuple(spans), ending)


def _next(view: memoryview, position: int, size: int) -> tuple[Ending, int]:
    """Judge the frame at `position`, and return its length: 0 where there is no whole one."""
    start = position + HEADER_BYTES
    if start > size:
        return "torn", 0
    length, checksum = _HEADER.unpack_from(view, position)
    if not (length or checksum):
        return _without_head(view, position), 0
    if not 0 < length <= MAX_FRAME_BYTES:
        return "damaged", 0
    if start + length > size:
        return "torn", 0
    if zlib.crc32(view[start : start + length]) != checksum:
        return "damaged", 0
    return "whole", length


def _without_head(view: memoryview, position: int) -> Ending:
    """Judge what follows `position`, where there are zeros in place of a frame's head.

    It is reserved room, or a write that never ended, whose head comes last (`tail.py`). After a power cut whole pages
    may hold zeros because they never came to the disk, while pages behind them did.
    """
    page = position // _PAGE_BYTES * _PAGE_BYTES + _PAGE_BYTES
    if bytes(view[position:page]).strip(b"\0"):
        return "torn"
    return "damaged" if bytes(view[page:]).strip(b"\0") else "whole"


def read_payload(folder: Path, name: str, offset: int) -> bytes:
    """Return one payload of the segment `name` (without ending), wherever in `folder` it has got to by now.

    Raises
    ------
    NotFound
        If the segment is gone: shipped and past its time.
    """
    # It may be renamed between two looks; it only ever moves in this order.
    for path in (folder / (name + OPEN), folder / (name + SEALED), folder / SHIPPED / (name + SEALED)):
        try:
            with path.open("rb") as stream:
                stream.seek(offset - HEADER_BYTES)
                length, _ = _HEADER.unpack(stream.read(HEADER_BYTES))
                return stream.read(length)
        except FileNotFoundError:
            continue
    raise NotFound(f"segment {name} is no longer in {folder}", hint="Its records are in the tables")


def segment_name(path: Path) -> str:
    """Return a segment's name without its ending: its identity wherever it lies."""
    return path.name.removesuffix(OPEN).removesuffix(SEALED)


def sealed_segments(folder: Path) -> list[Path]:
    """Return the sealed segments in `folder`, oldest name first."""
    return sorted(folder.glob(f"*{SEALED}"))


def recover(folder: Path) -> tuple[str, ...]:
    """Seal every open segment in `folder` whose writer is dead; return their names.

    What follows its last whole frame is cut off: a torn frame was never acknowledged; anything else is kept aside
    in `damaged/` for a person to look at.
    """
    return tuple(segment_name(path) for path in sorted(folder.glob(f"*{OPEN}")) if _recover(path))


def _recover(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not path.exists():  # its writer sealed it between our two looks
            return False
        segment = read_segment(path)
        if segment.ending == "damaged":
            write_whole(
                path.parent / DAMAGED / f"{path.name}.{segment.good_bytes}", segment.content[segment.good_bytes :]
            )
        os.ftruncate(handle, segment.good_bytes)
        os.fsync(handle)
        return seal(path, keep=segment.good_bytes > 0)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)


def seal(path: Path, *, keep: bool) -> bool:
    """Rename the open segment at `path` to a sealed one, or remove it where it is not worth keeping; return `keep`."""
    if keep:
        path.rename(path.with_name(segment_name(path) + SEALED))
    else:
        path.unlink()
    sync_folder(path.parent)
    return keep
