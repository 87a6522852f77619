"""Who answers, who waits in the wings, and who answered before: versions and routes as people call them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from daytwo.core.errors import DaytwoError
from daytwo.lifecycle.dossier import Origin, origin
from daytwo.lifecycle.early import Early, early_answers
from daytwo.lifecycle.system import System
from daytwo.predictions.record import ASKED, FALLBACK
from daytwo.registry.route import Route
from daytwo.registry.versions import RouteChange, Version


@dataclass(frozen=True, slots=True)
class VersionLine:
    """One registered version. `role` is `champion`, `canary`, `shadow`, `earlier` or `never live`."""

    number: int
    digest: str
    author: str
    reason: str
    created_at: datetime
    role: str
    live_since: datetime | None


@dataclass(frozen=True, slots=True)
class RouteLine:
    """One change of the route, with versions called as people call them (`v3`); empty where there is none.

    Shares are of subjects, in [0, 1]; `holdout` is of those who are not acted on.
    """

    generation: int
    at: datetime
    by: str
    reason: str
    champion: str
    canary: str
    canary_share: float
    shadow: str
    holdout: float = 0.0


@dataclass(frozen=True, slots=True)
class Answered:
    """Rows that a version answered, rows that its fallback answered meanwhile, and the newest row's event time."""

    rows: int
    fell_back: int
    newest: datetime | None


@dataclass(frozen=True, slots=True)
class Live:
    """The version that answers now. `name` is `v3`; `since` is when it last became champion, `age_s` how long ago.

    `because` is why it was made, `moved_by` why the route points at it; `approved_by` is empty where nobody was
    asked. `answered` is None where the predictions cannot be read; `early` are answers that no window holds, by
    whichever version. `trouble` says what cannot be read or trusted.
    """

    name: str
    digest: str
    since: datetime
    age_s: float
    because: str
    moved_by: str
    author: str
    approved_by: tuple[str, ...]
    origin: Origin
    answered: Answered | None
    route: RouteLine
    early: Early | None = None
    trouble: str = ""


def names_of(versions: Sequence[Version]) -> dict[str, str]:
    """Return what people call each registered digest.

    Examples
    --------
    >>> names_of([])
    {}
    """
    return {version.digest: f"v{version.number}" for version in versions}


def called(names: Mapping[str, str], digest: str | None) -> str:
    """Return `v3` for a registered digest, the beginning of another one, nothing for None.

    Examples
    --------
    >>> called({"61af32d31373": "v1"}, "61af32d31373"), called({}, "61af32d3137312c2f9"), called({}, None)
    ('v1', '61af32d31373', '')
    """
    return names.get(digest, digest[:12]) if digest else ""


def live_version(system: System, history: Sequence[RouteChange], names: Mapping[str, str], now: datetime) -> Live:
    """Describe the champion of the newest route. `history` holds every change, the oldest first, and is not empty."""
    route = history[-1].route
    entered = _entered(history)
    version = next((one for one in system.registry.versions() if one.digest == route.champion), None)
    releases = [one for one in system.releases.releases() if one.digest == route.champion]
    decisions = system.approvals.decisions(releases[-1].id) if releases else ()
    born = origin(system, route.champion)
    trouble = f"the live bundle cannot be trusted: {born.trouble}" if born.trouble else ""
    answered = early = None
    try:
        answered, early = _answered(system, route.champion), early_answers(system)
    except DaytwoError as err:
        trouble = trouble or f"the predictions cannot be read: {err}"
    return Live(
        name=called(names, route.champion),
        digest=route.champion,
        since=entered.at,
        age_s=(now - entered.at).total_seconds(),
        because=version.reason if version is not None else "",
        moved_by=entered.reason,
        author=version.author if version is not None else "",
        approved_by=tuple(one.person for one in decisions if one.approved and one.digest == route.champion),
        origin=born,
        answered=answered,
        route=route_line(history[-1], names),
        early=early,
        trouble=trouble,
    )


def version_lines(versions: Sequence[Version], history: Sequence[RouteChange]) -> tuple[VersionLine, ...]:
    """Return every version, the newest first."""
    route = history[-1].route if history else None
    since: dict[str, datetime] = {}
    for change in history:
        since.setdefault(change.route.champion, change.at)
    return tuple(
        VersionLine(
            number=one.number,
            digest=one.digest,
            author=one.author,
            reason=one.reason,
            created_at=one.created_at,
            role=_role(one.digest, route, since),
            live_since=since.get(one.digest),
        )
        for one in reversed(versions)
    )


def route_line(change: RouteChange, names: Mapping[str, str]) -> RouteLine:
    """Say one change of the route with the versions' names."""
    route = change.route
    return RouteLine(
        generation=route.generation,
        at=change.at,
        by=change.by,
        reason=change.reason,
        champion=called(names, route.champion),
        canary=called(names, route.canary),
        canary_share=route.canary_share,
        shadow=called(names, route.shadow),
        holdout=route.holdout,
    )


def _entered(history: Sequence[RouteChange]) -> RouteChange:
    """Return the change by which the present champion last came in."""
    entered = history[-1]
    for change in reversed(history):
        if change.route.champion != entered.route.champion:
            break
        entered = change
    return entered


def _answered(system: System, digest: str) -> Answered:
    if system.tables.version("predictions") is None:
        return Answered(0, 0, None)
    mine = (pl.col("_version") == digest) & (pl.col("_arm") != ASKED)
    rows = system.tables.read("predictions", columns=["_arm", "_time"], where=mine)
    newest = rows["_time"].max()
    fell_back = int((rows["_arm"] == FALLBACK).sum())
    return Answered(rows.height - fell_back, fell_back, newest if isinstance(newest, datetime) else None)


def _role(digest: str, route: Route | None, since: Mapping[str, datetime]) -> str:
    if route is not None and digest in route.digests:
        return "champion" if digest == route.champion else "canary" if digest == route.canary else "shadow"
    return "earlier" if digest in since else "never live"
