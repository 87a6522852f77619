"""Files written whole or not at all: a reader never sees half of one, a crash leaves the old one."""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from pathlib import Path

from daytwo.core.errors import Fault


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that it is there whole and on disk, or not at all.

    Raises
    ------
    Fault
        If the folder cannot be written or the disk is full; nothing is left behind.
    """
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}.draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
        sync_folder(path.parent)
    except OSError as err:
        with suppress(OSError):  # where nothing can be written there may be nothing to remove, nor a way to
            draft.unlink()
        raise Fault(
            f"cannot write {path}: {err.strerror or err}",
            hint="Free some disk space or make the folder writable, then run the same command again",
        ) from err


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
