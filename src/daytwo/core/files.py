"""Files written whole or not at all: a reader never sees half of one, a crash leaves the old one."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from daytwo.core.errors import Fault

_SECRET_BYTES = 32
_DRAFT = re.compile(r"\..+\.[0-9a-f]{32}\.draft")


def write_whole(path: Path, content: bytes, *, private: bool = False) -> None:
    """Write `content` to `path` so that it is there whole and on disk, or not at all; `private` is for its owner only.

    Drafts that killed writers have left in the folder are removed.

    Raises
    ------
    Fault
        If the folder cannot be written or the disk is full; nothing is left behind.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep_drafts(path.parent)
        with _draft_of(path) as (draft, stream):
            if private:
                os.fchmod(stream.fileno(), 0o600)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
            draft.replace(path)
        sync_folder(path.parent)
    except OSError as err:
        raise Fault(
            f"cannot write {path}: {err.strerror or err}",
            hint="Free some disk space or make the folder writable, then run the same command again",
        ) from err


def sweep_drafts(folder: Path) -> None:
    """Remove the drafts in `folder` whose writers are dead; those of writers that live are theirs.

    A writer holds a lock on its draft, and the system lets go of it however the writer ends. What cannot be looked
    at or removed stays: it harms nobody.
    """
    with os.scandir(folder) as entries:
        drafts = [Path(entry.path) for entry in entries if _DRAFT.fullmatch(entry.name)]
    for draft in drafts:
        with suppress(OSError), draft.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            draft.unlink()


def own_secret(path: Path) -> str:
    """Return the secret in the file at `path`: 256 random bits in hex, made once, for its owner only.

    Raises
    ------
    Fault
        If the file can be neither read nor made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_name(f".{path.name}.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                write_whole(path, secrets.token_hex(_SECRET_BYTES).encode(), private=True)
            return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as err:
        raise Fault(f"cannot read {path}: {err}", hint="Restore it from a backup, or make it readable") from err


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _draft_of(path: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """Open a draft beside `path`, locked as long as it is open; where it was not moved to its place it goes."""
    while True:
        draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}.draft")
        with draft.open("wb") as stream:
            with suppress(OSError):  # without locks on this disk nobody sweeps it either
                fcntl.flock(stream, fcntl.LOCK_EX)
            if not draft.exists():
                continue  # somebody swept it between its making and its lock
            try:
                yield draft, stream
            except BaseException:
                with suppress(OSError):  # where nothing can be written there may be no way to remove anything
                    draft.unlink()
                raise
            return


def read_if_there(path: Path) -> bytes | None:
    """Return the bytes of the file at `path`, or None where there is none.

    Raises
    ------
    Fault
        If it cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as err:
        raise Fault(f"cannot read {path}: {err.strerror or err}", hint="Make the file readable") from err
