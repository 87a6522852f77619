"""The registry in the ledger's database."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Float,
    Integer,
    RowMapping,
    String,
    Table,
    UniqueConstraint,
    func,
    insert,
    select,
)
from sqlalchemy.exc import IntegrityError

from daytwo.core.errors import Conflict, NotFound
from daytwo.core.ledger import LEDGER, Moment
from daytwo.registry.route import Route
from daytwo.registry.versions import RouteChange, Version, champion_before

_versions = Table(
    "versions",
    LEDGER,
    Column("model", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("digest", String, nullable=False),
    Column("author", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("model", "digest"),
)
_routes = Table(
    "routes",
    LEDGER,
    Column("model", String, primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("champion", String, nullable=False),
    Column("canary", String),
    Column("canary_share", Float, nullable=False),
    Column("shadow", String),
    Column("cause", String, nullable=False),
    Column("at", Moment, nullable=False),
    Column("by", String, nullable=False),
    Column("reason", String, nullable=False),
    UniqueConstraint("model", "cause"),
)
# From which generation of the routes on which share of subjects is left alone: nobody before the first entry.
_holdouts = Table(
    "holdouts",
    LEDGER,
    Column("model", String, primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("share", Float, nullable=False),
)


class SqlRegistry:
    """The `Registry` of one model in three tables."""

    def __init__(self, engine: Engine, model: str) -> None:
        self._engine = engine
        self._model = model

    def add(self, digest: str, *, author: str, reason: str, at: datetime) -> Version:
        """Register once per digest, as the port says."""
        with self._engine.begin() as connection:
            mine = _versions.c.model == self._model
            row = connection.execute(select(_versions).where(mine, _versions.c.digest == digest)).mappings().first()
            if row is not None:
                return _version(row)
            newest = connection.execute(select(func.max(_versions.c.number)).where(mine)).scalar() or 0
            version = Version(newest + 1, digest, author, reason, at)
            connection.execute(
                insert(_versions).values(
                    model=self._model,
                    number=version.number,
                    digest=digest,
                    author=author,
                    reason=reason,
                    created_at=at,
                )
            )
            return version

    def versions(self) -> tuple[Version, ...]:
        """Every version, the oldest first."""
        query = select(_versions).where(_versions.c.model == self._model).order_by(_versions.c.number)
        with self._engine.connect() as connection:
            return tuple(_version(row) for row in connection.execute(query).mappings())

    def find(self, name: str) -> Version:
        """Return the version called `name`, as the port says."""
        versions = self.versions()
        number = re.fullmatch(r"v?(\d{1,5})", name)
        if number:
            found = [version for version in versions if version.number == int(number[1])]
        else:
            found = [version for version in versions if len(name) >= 6 and version.digest.startswith(name)]
        if len(found) != 1:
            known = ", ".join(f"v{version.number} ({version.digest[:12]})" for version in versions) or "none yet"
            raise NotFound(f"no single version is called {name!r}", hint=f"The versions are {known}")
        return found[0]

    def history(self) -> tuple[RouteChange, ...]:
        """Every route there was, the oldest first."""
        query = select(_routes).where(_routes.c.model == self._model).order_by(_routes.c.generation)
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
            holdouts = self._holdouts(connection)
        return tuple(_change(row, [one["champion"] for one in rows[: i + 1]], holdouts) for i, row in enumerate(rows))

    def change_holdout(
        self, share: float, *, generation: int, cause: str, at: datetime, by: str, reason: str
    ) -> RouteChange:
        """Keep the share beside a route that is else as the newest, as the port says."""
        history = self.history()
        if not history:
            raise Conflict("nothing is live yet, so nobody can be left alone", hint="Wait for the first version")
        route = msgspec.structs.replace(history[-1].route, generation=generation)
        return self._change_route(route, cause=cause, at=at, by=by, reason=reason, holdout=share)

    def change_route(self, route: Route, *, cause: str, at: datetime, by: str, reason: str) -> RouteChange:
        """Compare and set, as the port says."""
        return self._change_route(route, cause=cause, at=at, by=by, reason=reason, holdout=None)

    def _change_route(
        self, route: Route, *, cause: str, at: datetime, by: str, reason: str, holdout: float | None
    ) -> RouteChange:
        mine = _routes.c.model == self._model
        try:
            with self._engine.begin() as connection:
                done = connection.execute(select(_routes).where(mine, _routes.c.cause == cause)).mappings().first()
                if done is not None:
                    return self._change(connection, done)
                newest = connection.execute(select(func.max(_routes.c.generation)).where(mine)).scalar() or 0
                if route.generation != newest + 1:
                    raise Conflict(
                        f"the route is at generation {newest}, the change was decided on {route.generation - 1}",
                        hint="Look at 'daytwo status' and decide again",
                    )
                connection.execute(
                    insert(_routes).values(
                        model=self._model,
                        generation=route.generation,
                        champion=route.champion,
                        canary=route.canary,
                        canary_share=route.canary_share,
                        shadow=route.shadow,
                        cause=cause,
                        at=at,
                        by=by,
                        reason=reason,
                    )
                )
                if holdout is not None:
                    values = {"model": self._model, "generation": route.generation, "share": holdout}
                    connection.execute(insert(_holdouts).values(values))
                made = connection.execute(select(_routes).where(mine, _routes.c.cause == cause)).mappings().one()
                return self._change(connection, made)
        except IntegrityError as err:
            raise Conflict("another change of the route came first", hint="Look at 'daytwo status'") from err

    def _change(self, connection: Connection, row: RowMapping) -> RouteChange:
        until = (_routes.c.model == self._model, _routes.c.generation <= row["generation"])
        query = select(_routes.c.champion).where(*until).order_by(_routes.c.generation)
        return _change(row, connection.execute(query).scalars().all(), self._holdouts(connection))

    def _holdouts(self, connection: Connection) -> list[tuple[int, float]]:
        """Return from which generation on which share is left alone, in order."""
        query = select(_holdouts.c.generation, _holdouts.c.share).where(_holdouts.c.model == self._model)
        return [(one.generation, one.share) for one in connection.execute(query.order_by(_holdouts.c.generation))]


def _version(row: RowMapping) -> Version:
    return Version(row["number"], row["digest"], row["author"], row["reason"], row["created_at"])


def _change(row: RowMapping, champions: Sequence[str], holdouts: Sequence[tuple[int, float]]) -> RouteChange:
    """Return a change of the route; `champions` are those of all routes up to it."""
    generation = row["generation"]
    route = Route(
        generation,
        row["champion"],
        row["canary"],
        row["canary_share"],
        row["shadow"],
        champion_before(champions),
        holdout=next((share for since, share in reversed(holdouts) if since <= generation), 0.0),
    )
    return RouteChange(route, row["at"], row["by"], row["reason"], row["cause"])
