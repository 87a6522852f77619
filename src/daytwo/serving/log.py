"""The server's log: one JSON object a line on stderr, never a value of a row."""

from __future__ import annotations

import sys
import traceback
from datetime import UTC, datetime

import msgspec


def log(event: str, *, error: BaseException | None = None, **facts: object) -> None:
    """Write one line; `error` adds where it happened, for whoever mends it, without what it says of a value."""
    line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **facts}
    if error is not None:
        line["error"] = "".join([*traceback.format_tb(error.__traceback__), _said(error)])
    sys.stderr.write(msgspec.json.encode(line, enc_hook=str).decode() + "\n")
    sys.stderr.flush()


def _said(error: BaseException) -> str:
    """Return an error's name; of the machine's own also its words, which know files and no rows."""
    name = type(error).__name__
    return f"{name}: {error.strerror}" if isinstance(error, OSError) else name
