"""What the registry remembers: every version of the model, and which of them answered when and why.

A version is a bundle's digest with a number that people can say. The routes are a history that only grows: a
change names the generation it was decided on and is refused when another came first. `sql.py` keeps both in the
ledger; `route.py` is the projection that servers read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from daytwo.registry.route import Route


@dataclass(frozen=True, slots=True)
class Version:
    """One registered bundle. `number` counts from 1 within the model."""

    number: int
    digest: str
    author: str
    reason: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RouteChange:
    """One entry of the routes' history: from `at` on traffic went as `route` says, because of `reason`.

    `cause` is the idempotency key of who asked for it.
    """

    route: Route
    at: datetime
    by: str
    reason: str
    cause: str


class Registry(Protocol):
    """Versions and routes of one model."""

    def add(self, digest: str, *, author: str, reason: str, at: datetime) -> Version:
        """Register a bundle; the same digest again is the same version, unchanged."""
        ...

    def versions(self) -> tuple[Version, ...]:
        """Every version, the oldest first."""
        ...

    def find(self, name: str) -> Version:
        """Return the version called `name`: a number such as `3` or `v3`, or a digest's first 6 or more digits.

        Raises NotFound when there is none.
        """
        ...

    def history(self) -> tuple[RouteChange, ...]:
        """Every route there was, the oldest first, each with the champion before its own and the holdout group."""
        ...

    def change_route(self, route: Route, *, cause: str, at: datetime, by: str, reason: str) -> RouteChange:
        """Set the route whose generation follows the newest one, and return it as `history` does.

        The holdout group stays as it is, whatever `route` says of it. `cause` is the idempotency key of who asks: the
        same cause again returns what it did before.

        Raises
        ------
        Conflict
            If `route.generation` is not the newest plus one: somebody else changed it first.
        """
        ...

    def change_holdout(
        self, share: float, *, generation: int, cause: str, at: datetime, by: str, reason: str
    ) -> RouteChange:
        """Change nothing of the newest route but who is left alone, a `share` of subjects in [0, 1].

        `generation` and `cause` are as for `change_route`, which raises the same.
        """
        ...


def champion_before(champions: Sequence[str]) -> str | None:
    """Return the one that answered before the last of `champions` ever did, or None; they are in order of time.

    Examples
    --------
    >>> champion_before(["v1", "v2", "v2"]), champion_before(["v1", "v2", "v1"])
    ('v1', None)
    """
    first = champions.index(champions[-1]) if champions else 0
    return champions[first - 1] if first else None


def current_route(registry: Registry) -> Route | None:
    """Return the newest route, or None where nothing is live."""
    history = registry.history()
    return history[-1].route if history else None
