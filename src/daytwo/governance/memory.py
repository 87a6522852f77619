"""Tokens in memory, for tests and trials; `sql.py` keeps them in the ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from daytwo.governance.tokens import Token, name_taken, no_such_token


class MemoryTokens:
    """The `Tokens` as a dict."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}

    def add(self, token: Token) -> None:
        """Keep a new token, as the port says."""
        if token.name in self._tokens:
            raise name_taken(token.name)
        self._tokens[token.name] = token

    def revoke(self, name: str, at: datetime) -> Token:
        """End a token, as the port says."""
        token = self._tokens.get(name)
        if token is None:
            raise no_such_token(name)
        if token.revoked_at is None:
            token = self._tokens[name] = replace(token, revoked_at=at)
        return token

    def all(self) -> tuple[Token, ...]:
        """Every token there ever was, the oldest first."""
        return tuple(sorted(self._tokens.values(), key=lambda token: (token.made_at, token.name)))
