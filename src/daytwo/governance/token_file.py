"""The tokens that hold, in a small file that servers look at again and again, so that none must be started anew.

The ledger is the truth and this is its projection: readable by its owner only, written whole. Whoever writes it reads
the ledger while holding the file's lock, so that of two changes at once the later one is never lost.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

import msgspec

from daytwo.core.errors import DataError, Fault, Mistake
from daytwo.core.files import read_if_there, write_whole
from daytwo.governance.tokens import Token, holding

_TOKENS = msgspec.json.Decoder(tuple[Token, ...])


def read_tokens(path: Path) -> tuple[Token, ...] | None:
    """Return the tokens in the file at `path`, or None where no token was ever made.

    Raises
    ------
    DataError
        If the file holds no tokens.
    Fault
        If it cannot be read.
    """
    text = read_if_there(path)
    if text is None:
        return None
    try:
        return _TOKENS.decode(text)
    except (msgspec.MsgspecError, Mistake) as err:
        raise DataError(f"{path} holds no tokens", hint="'daytwo token list' writes it anew") from err


def write_tokens(path: Path, tokens: Callable[[], Iterable[Token]], now: datetime) -> None:
    """Write those of `tokens()` that hold at `now`; nothing where no token was ever made.

    Raises
    ------
    Fault
        If the file cannot be written; the old one stays.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_name(f".{path.name}.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            every = tuple(tokens())
            if every:
                write_whole(path, msgspec.json.format(msgspec.json.encode(holding(every, now))), private=True)
    except OSError as err:
        raise Fault(
            f"cannot write {path}: {err.strerror or err}",
            hint="Free some disk space or make the folder writable, then run the same command again",
        ) from err
