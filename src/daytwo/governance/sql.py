"""The audit log, the approvals and the tokens in the ledger's database."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import msgspec
from sqlalchemy import (
    Boolean,
    Column,
    Engine,
    Float,
    Integer,
    RowMapping,
    String,
    Table,
    delete,
    insert,
    select,
    update,
)

from daytwo.core.ledger import LEDGER, Moment
from daytwo.governance.approvals import Decision, Request, standing
from daytwo.governance.audit import GENESIS, Entry, Sealed, seal
from daytwo.governance.tokens import Scope, Token, name_taken, no_such_token

_audit = Table(
    "audit",
    LEDGER,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("action", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("cause", String, nullable=False, unique=True),
    Column("detail", String, nullable=False),
    Column("previous", String, nullable=False),
    Column("digest", String, nullable=False),
)
_requests = Table(
    "approval_requests",
    LEDGER,
    Column("flow", String, primary_key=True),
    Column("digest", String, nullable=False),
    Column("evidence", String, nullable=False),
    Column("author", String, nullable=False),
    Column("needed", Integer, nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("summary", String, nullable=False),
)
_decisions = Table(
    "approval_decisions",
    LEDGER,
    Column("flow", String, primary_key=True),
    Column("person", String, primary_key=True),
    Column("digest", String, nullable=False),
    Column("evidence", String, nullable=False),
    Column("approved", Boolean, nullable=False),
    Column("reason", String, nullable=False),
    Column("at", Moment, nullable=False),
)
_tokens = Table(
    "tokens",
    LEDGER,
    Column("name", String, primary_key=True),
    Column("digest", String, nullable=False, unique=True),
    Column("scopes", String, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("made_by", String, nullable=False),
    Column("rate_per_s", Float),
    Column("expires_at", Moment),
    Column("revoked_at", Moment),
)


class SqlAuditLog:
    """The `AuditLog` as one table. The moment is kept as the text that was sealed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def append(self, entry: Entry) -> Sealed:
        """Seal once per cause, as the port says."""
        with self._engine.begin() as connection:
            done = connection.execute(select(_audit).where(_audit.c.cause == entry.cause)).mappings().first()
            if done is not None:
                return _sealed(done)
            newest = connection.execute(select(_audit).order_by(_audit.c.number.desc()).limit(1)).mappings().first()
            number, previous = (1, GENESIS) if newest is None else (newest["number"] + 1, newest["digest"])
            sealed = Sealed(number, entry, previous, seal(entry, previous))
            connection.execute(
                insert(_audit).values(
                    number=number,
                    at=entry.at.isoformat(),
                    actor=entry.actor,
                    action=entry.action,
                    subject=entry.subject,
                    cause=entry.cause,
                    detail=msgspec.json.encode(dict(entry.detail), order="deterministic").decode(),
                    previous=previous,
                    digest=sealed.digest,
                )
            )
            return sealed

    def read(self) -> tuple[Sealed, ...]:
        """Every entry, the oldest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(_audit).order_by(_audit.c.number)).mappings()
            return tuple(_sealed(row) for row in rows)


class SqlApprovals:
    """The `Approvals` as two tables."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def ask(self, request: Request) -> None:
        """Keep the request once per flow."""
        with self._engine.begin() as connection:
            if connection.execute(select(_requests.c.flow).where(_requests.c.flow == request.flow)).first() is None:
                connection.execute(insert(_requests).values(**asdict(request)))

    def request(self, flow: str) -> Request | None:
        """Return what the flow asked, if it did."""
        with self._engine.connect() as connection:
            row = connection.execute(select(_requests).where(_requests.c.flow == flow)).mappings().first()
            return None if row is None else Request(**row)

    def requests(self) -> tuple[Request, ...]:
        """Every request there was, the oldest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(_requests).order_by(_requests.c.asked_at, _requests.c.flow)).mappings()
            return tuple(Request(**row) for row in rows)

    def decide(self, decision: Decision) -> None:
        """Keep a person's last word."""
        mine = (_decisions.c.flow == decision.flow) & (_decisions.c.person == decision.person)
        with self._engine.begin() as connection:
            connection.execute(delete(_decisions).where(mine))
            connection.execute(insert(_decisions).values(**asdict(decision)))

    def decisions(self, flow: str) -> tuple[Decision, ...]:
        """Every decision on this flow's request, the oldest first."""
        query = select(_decisions).where(_decisions.c.flow == flow).order_by(_decisions.c.at, _decisions.c.person)
        with self._engine.connect() as connection:
            return tuple(Decision(**row) for row in connection.execute(query).mappings())

    def standings(self, at: datetime) -> dict[str, bool | None]:
        """Where every request stands, in two queries."""
        decided: dict[str, list[Decision]] = {}
        with self._engine.connect() as connection:
            for row in connection.execute(select(_decisions)).mappings():
                decided.setdefault(row["flow"], []).append(Decision(**row))
            requests = [Request(**row) for row in connection.execute(select(_requests)).mappings()]
        return {one.flow: standing(one, decided.get(one.flow, ()), at) for one in requests}


class SqlTokens:
    """The `Tokens` as one table; scopes stand in it side by side."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, token: Token) -> None:
        """Keep a new token, as the port says."""
        with self._engine.begin() as connection:
            if connection.execute(select(_tokens.c.name).where(_tokens.c.name == token.name)).first() is not None:
                raise name_taken(token.name)
            connection.execute(insert(_tokens).values(asdict(token) | {"scopes": " ".join(token.scopes)}))

    def revoke(self, name: str, at: datetime) -> Token:
        """End a token, as the port says."""
        mine = _tokens.c.name == name
        with self._engine.begin() as connection:
            connection.execute(update(_tokens).where(mine & _tokens.c.revoked_at.is_(None)).values(revoked_at=at))
            row = connection.execute(select(_tokens).where(mine)).mappings().first()
            if row is None:
                raise no_such_token(name)
            return _token(row)

    def all(self) -> tuple[Token, ...]:
        """Every token there ever was, the oldest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(_tokens).order_by(_tokens.c.made_at, _tokens.c.name)).mappings()
            return tuple(_token(row) for row in rows)


def _token(row: RowMapping) -> Token:
    return Token(**(dict(row) | {"scopes": tuple(Scope(scope) for scope in row["scopes"].split())}))


def _sealed(row: RowMapping) -> Sealed:
    entry = Entry(
        datetime.fromisoformat(row["at"]),
        row["actor"],
        row["action"],
        row["subject"],
        row["cause"],
        msgspec.json.decode(row["detail"]),
    )
    return Sealed(row["number"], entry, row["previous"], row["digest"])
