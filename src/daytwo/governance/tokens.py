"""Tokens: who may ask a server what, for how long, and how fast.

A token is 256 random bits, shown once when it is made; only its SHA-256 is kept. `sql.py` keeps tokens in the ledger,
`token_file.py` writes those that still hold where the servers read them, `serving/access/` asks for them at the door.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from daytwo.core.errors import Conflict, Mistake, NotFound

# So that a token is known for one wherever it turns up: in a log, in a commit.
PREFIX = "dt_"
_SECRET_BYTES = 32
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_RATE = re.compile(r"(\d+(?:\.\d+)?)/(s|min|h)")
_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}
# The token that `[serve] token` names, and the one by which daytwo asks its own server.
SERVE, OWN = "serve", "daytwo"


class Scope(StrEnum):
    """What a token may be used for; `admin` means everything."""

    PREDICT = "predict"
    LABEL = "label"
    READ = "read"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Token:
    """One token without its secret.

    `digest` is the SHA-256 of the secret (hex, 64 characters); `rate_per_s` bounds the rows a second, None does not.
    """

    name: str
    digest: str
    scopes: tuple[Scope, ...]
    made_at: datetime
    made_by: str = ""
    rate_per_s: float | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.name in {SERVE, OWN}:
            raise Mistake(
                f"{self.name[:80]!r} cannot be a token's name",
                hint="Use 1 to 63 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit, "
                f"but neither {SERVE!r} nor {OWN!r}",
            )
        if not self.scopes:
            raise Mistake(
                f"the token {self.name!r} may do nothing", hint=f"Give it one or more of {', '.join(map(str, Scope))}"
            )

    def holds(self, now: datetime) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class Tokens(Protocol):
    """Where tokens are kept. A name is used once: who was let in under it must stay clear for ever."""

    def add(self, token: Token) -> None:
        """Keep a new token.

        Raises
        ------
        Conflict
            If the name was used before.
        """
        ...

    def revoke(self, name: str, at: datetime) -> Token:
        """End a token and return it; one that has ended already stays as it is.

        Raises
        ------
        NotFound
            If there is none of this name.
        """
        ...

    def all(self) -> tuple[Token, ...]:
        """Every token there ever was, the oldest first."""
        ...


def new_secret() -> str:
    """Return a new token's secret: 256 random bits."""
    return PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


def digest_of(secret: str) -> str:
    """Return what is kept of a secret: its SHA-256 in hex. It has 256 random bits, so nothing slower is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def holding(tokens: Iterable[Token], now: datetime) -> tuple[Token, ...]:
    """Return the tokens that are neither revoked nor expired."""
    return tuple(token for token in tokens if token.holds(now))


def read_rate(text: str) -> float:
    """Return how many rows a second "200/s", "30/min" or "1000/h" allow.

    Raises
    ------
    Mistake
        If it says no rate, or none at all.

    Examples
    --------
    >>> read_rate("200/s"), read_rate("30/min")
    (200.0, 0.5)
    """
    found = _RATE.fullmatch(text.strip())
    if found is None or not float(found[1]):
        raise Mistake(f"{text[:40]!r} is no rate", hint="Write rows in a time, such as 200/s, 30/min or 1000/h")
    return float(found[1]) / _SECONDS[found[2]]


def name_taken(name: str) -> Conflict:
    """Return the refusal of a name that was used before."""
    return Conflict(f"there was a token {name!r} already", hint="Choose another name; 'daytwo token list' shows them")


def no_such_token(name: str) -> NotFound:
    """Return the error about a token that is not there."""
    return NotFound(f"there is no token {name[:80]!r}", hint="'daytwo token list' shows them")
