"""Releases, windows and facts in the ledger's database."""

from __future__ import annotations

from dataclasses import asdict

import msgspec
from sqlalchemy import Column, Engine, Integer, RowMapping, String, Table, delete, insert, select, update

from daytwo.core.ledger import LEDGER, Moment
from daytwo.lifecycle.flow import Json
from daytwo.lifecycle.releases import Release, State
from daytwo.lifecycle.windows import Span, WindowRecord

_releases = Table(
    "releases",
    LEDGER,
    Column("id", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("author", String, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("digest", String, nullable=False),
    Column("step", Integer, nullable=False),
    Column("step_since", Moment),
    Column("evidence", String, nullable=False),
    Column("words", String, nullable=False),
)
_windows = Table(
    "windows",
    LEDGER,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("start", Moment, nullable=False),
    Column("end", Moment, nullable=False),
    Column("watched", String),
    Column("settled", String),
)
_facts = Table("facts", LEDGER, Column("name", String, primary_key=True), Column("value", String, nullable=False))


class SqlReleaseBook:
    """The `ReleaseBook` as one table."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, release: Release) -> None:
        """Keep the release under its id."""
        with self._engine.begin() as connection:
            connection.execute(delete(_releases).where(_releases.c.id == release.id))
            connection.execute(insert(_releases).values(**(asdict(release) | {"state": str(release.state)})))

    def move(self, release: Release, *, out_of: State) -> bool:
        """Keep the release if what is there stands in `out_of`, or where it is to stand already; tell whether so."""
        standing = _releases.c.state.in_({str(out_of), str(release.state)})
        values = asdict(release) | {"state": str(release.state)}
        with self._engine.begin() as connection:
            moved = connection.execute(update(_releases).where(_releases.c.id == release.id, standing).values(**values))
        return moved.rowcount == 1

    def get(self, release_id: str) -> Release | None:
        """Return one release, or None."""
        with self._engine.connect() as connection:
            row = connection.execute(select(_releases).where(_releases.c.id == release_id)).mappings().first()
        return None if row is None else _release(row)

    def releases(self) -> tuple[Release, ...]:
        """Every release, the oldest first."""
        query = select(_releases).order_by(_releases.c.opened_at, _releases.c.id)
        with self._engine.connect() as connection:
            return tuple(_release(row) for row in connection.execute(query).mappings())


class SqlWindowBook:
    """The `WindowBook` as two tables."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, record: WindowRecord) -> None:
        """Keep the window under its number."""
        with self._engine.begin() as connection:
            connection.execute(delete(_windows).where(_windows.c.number == record.span.index))
            connection.execute(
                insert(_windows).values(
                    number=record.span.index,
                    start=record.span.start,
                    end=record.span.end,
                    watched=_text(record.watched),
                    settled=_text(record.settled),
                )
            )

    def windows(self) -> tuple[WindowRecord, ...]:
        """Every window, the oldest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(_windows).order_by(_windows.c.number)).mappings().all()
        return tuple(
            WindowRecord(Span(row["number"], row["start"], row["end"]), _value(row["watched"]), _value(row["settled"]))
            for row in rows
        )

    def fact(self, name: str) -> Json:
        """Return a fact, or None."""
        with self._engine.connect() as connection:
            row = connection.execute(select(_facts.c.value).where(_facts.c.name == name)).first()
        fact: Json = None if row is None else msgspec.json.decode(row[0])
        return fact

    def keep_fact(self, name: str, value: Json) -> None:
        """Keep a fact."""
        with self._engine.begin() as connection:
            connection.execute(delete(_facts).where(_facts.c.name == name))
            connection.execute(insert(_facts).values(name=name, value=msgspec.json.encode(value).decode()))


def _release(row: RowMapping) -> Release:
    return Release(**(dict(row) | {"state": State(row["state"])}))


def _text(value: dict[str, Json] | None) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def _value(text: str | None) -> dict[str, Json] | None:
    value: dict[str, Json] | None = None if text is None else msgspec.json.decode(text)
    return value
