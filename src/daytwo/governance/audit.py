"""The audit log: an append-only record in which every entry seals the one before it.

Each entry's digest covers its content and the digest of its predecessor, so that no entry can be changed, moved or
taken out without breaking every later one. `sql.py` keeps it in the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from daytwo.core.digest import digest_json

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was done: by whom, what, to what, when. `detail` holds only JSON values.

    `cause` is the idempotency key: the same cause is recorded once.
    """

    at: datetime
    actor: str
    action: str
    subject: str
    cause: str
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sealed:
    """An entry in its place: `number` counts from 1; `digest` seals the entry and `previous`."""

    number: int
    entry: Entry
    previous: str
    digest: str


class AuditLog(Protocol):
    """Where entries are kept. Appending is the only way to change it."""

    def append(self, entry: Entry) -> Sealed:
        """Seal the entry behind the newest one; the same cause again returns what was sealed."""
        ...

    def read(self) -> tuple[Sealed, ...]:
        """Every entry, the oldest first."""
        ...


def seal(entry: Entry, previous: str) -> str:
    """Return the digest (hex, 64 characters) that binds `entry` to the entry before it."""
    return digest_json(
        {
            "previous": previous,
            "at": entry.at.isoformat(),
            "actor": entry.actor,
            "action": entry.action,
            "subject": entry.subject,
            "cause": entry.cause,
            "detail": dict(entry.detail),
        }
    )


def first_break(log: Iterable[Sealed]) -> int | None:
    """Return the number of the first entry whose seal does not hold, or None where the chain is whole."""
    previous = GENESIS
    for place, sealed in enumerate(log, start=1):
        if sealed.number != place or sealed.previous != previous or sealed.digest != seal(sealed.entry, previous):
            return place
        previous = sealed.digest
    return None
