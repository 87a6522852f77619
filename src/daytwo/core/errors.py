"""Every error daytwo raises on purpose: what happened, where, and what to do next.

    DaytwoError
    ├── Mistake            the caller's input is wrong; exit code 2
    │   ├── SettingsError  `daytwo.toml` or the environment
    │   ├── DataError      a file or a table's content
    │   └── NotFound       a name, version or id that does not exist
    ├── Refused            a gate, check or rule said no; exit code 1
    │   └── Conflict       somebody else changed it first
    └── Fault              the machine failed: disk, port, database; exit code 3

A bad row is a `Finding`, not an exception; a programmer's bug is a plain `ValueError`.
Only the doors know protocols: `serving/` maps `code` to a status, `cli.py` to an exit code.
"""

from __future__ import annotations

from typing import ClassVar


class DaytwoError(Exception):
    """Says what happened and where (`message`) and the next step (`hint`)."""

    code: ClassVar[str] = "daytwo"
    exit_code: ClassVar[int] = 3

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message


class Mistake(DaytwoError):
    """The caller's input is wrong."""

    code: ClassVar[str] = "mistake"
    exit_code: ClassVar[int] = 2


class SettingsError(Mistake):
    """`daytwo.toml` or an environment override is wrong."""

    code: ClassVar[str] = "settings"


class DataError(Mistake):
    """A file or table does not hold what it must hold."""

    code: ClassVar[str] = "data"


class NotFound(Mistake):
    """A name, version or id does not exist."""

    code: ClassVar[str] = "not_found"


class Refused(DaytwoError):
    """A gate, check or rule said no."""

    code: ClassVar[str] = "refused"
    exit_code: ClassVar[int] = 1


class Conflict(Refused):
    """Somebody else changed it first; read again and decide anew."""

    code: ClassVar[str] = "conflict"


class Fault(DaytwoError):
    """The machine failed: disk, port, database, process."""

    code: ClassVar[str] = "fault"
