"""Tokens are made and revoked: kept in the ledger, sealed in the audit log, shown to the servers.

Whoever is killed on the way runs the same command again: the ledger counts, and every step after it may be done twice.
"""

from __future__ import annotations

from datetime import datetime

from daytwo.governance.audit import Entry
from daytwo.governance.token_file import write_tokens
from daytwo.governance.tokens import Scope, Token, digest_of, new_secret
from daytwo.lifecycle.system import System


def create_token(
    system: System,
    name: str,
    scopes: tuple[Scope, ...],
    *,
    by: str,
    now: datetime,
    rate_per_s: float | None = None,
    expires_at: datetime | None = None,
) -> tuple[Token, str]:
    """Make a token and return it with its secret, which is kept nowhere.

    Raises
    ------
    Mistake
        If the name cannot be one, or there is no scope.
    Conflict
        If the name was used before.
    """
    secret = new_secret()
    token = Token(name, digest_of(secret), scopes, now, by, rate_per_s, expires_at)
    system.tokens.add(token)
    detail = {
        "scopes": [str(scope) for scope in scopes],
        "rate_per_s": rate_per_s,
        "expires_at": None if expires_at is None else expires_at.isoformat(),
        "digest": token.digest,
    }
    system.audit.append(Entry(now, by, "token created", name, f"token:{name}:created", detail))
    project_tokens(system, now)
    return token, secret


def revoke_token(system: System, name: str, *, by: str, now: datetime) -> Token:
    """End a token; running servers hear of it within a moment.

    Raises
    ------
    NotFound
        If there is none of this name.
    """
    token = system.tokens.revoke(name, now)
    system.audit.append(Entry(now, by, "token revoked", name, f"token:{name}:revoked", {"digest": token.digest}))
    project_tokens(system, now)
    return token


def project_tokens(system: System, now: datetime) -> None:
    """Write the tokens that hold where the servers look."""
    write_tokens(system.tokens_path, system.tokens.all, now)
