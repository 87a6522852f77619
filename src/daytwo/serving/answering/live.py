"""Which versions answer right now, and how that changes under full load.

The route file (`registry/route.py`) says it and is looked at many times a second. Bundles are loaded and proved on
another thread; then one assignment in the loop's thread swaps the whole `Live` value, so every request is answered
by one route from beginning to end. What cannot be loaded changes nothing but a word in the health answer.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from daytwo.contracts.column import Column
from daytwo.core.errors import DaytwoError, NotFound
from daytwo.core.schema import Task
from daytwo.explain.reasons import PLAIN
from daytwo.explain.wording import Wording
from daytwo.predictions.record import PREVIOUS
from daytwo.registry.bundle import BASE_RATE, BundleStore
from daytwo.registry.condition import CONDITION_FILE, Condition, read_condition
from daytwo.registry.route import Route, read_route
from daytwo.scoring.confidence import Confidence
from daytwo.scoring.model import Model
from daytwo.serving.answering.breaker import Breaker
from daytwo.serving.answering.fallback import Fallback, fallback_of
from daytwo.serving.answering.plain import Plain, plain_door
from daytwo.serving.log import log

# The versions of a route, and the champion before: a rollback then needs no loading.
_KEPT = 4
_RETRY_S = 2.0
# Fewer characters of a digest could soon mean two.
_SHORTEST_NAME = 6


Stamp: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Version:
    """A loaded model and the columns of a row that say which, whose and when it is (empty where none does).

    `decides` tells whether its answers advise to act or not; `plain` is its fast door, `breaker` says whether it is
    asked at all.
    """

    model: Model
    digest: str
    key: str
    subject: str
    time: str
    fallback: Fallback
    decides: bool
    plain: Plain | None = None
    breaker: Breaker = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "breaker", Breaker(self.digest[:12]))


@dataclass(frozen=True, slots=True)
class Live:
    """Everything that answers a request, as of one generation of the route.

    `previous` stands in for the champion, and the champion for the canary, where the settings say so;
    `previous_fault` tells why it could not be loaded. `known` holds, by digest, how sure the scores of a version are.
    """

    route: Route
    champion: Version
    canary: Version | None
    shadow: Version | None
    previous: Version | None = None
    previous_fault: str | None = None
    known: Mapping[str, Confidence] = field(init=False)

    def __post_init__(self) -> None:
        known = {one.digest: one.model.confidence for one in self.held if one.model.confidence is not None}
        object.__setattr__(self, "known", known)

    @property
    def is_split(self) -> bool:
        """Whether a subject may meet anything but the champion's own arm."""
        return self.canary is not None or self.route.holdout > 0.0

    @property
    def is_compared(self) -> bool:
        """Whether two versions are being compared, so that what each takes is noted."""
        return self.canary is not None or self.shadow is not None

    @property
    def loaded(self) -> tuple[str, ...]:
        """The digests in use, the champion's first."""
        return self.route.digests

    def stand_in(self, version: Version) -> Version | None:
        """Return the version that answers what `version` cannot: the one before it, where the settings say so."""
        if version.fallback.name != PREVIOUS:
            return None
        found = self.previous if version is self.champion else self.champion
        # A probability cannot stand in for an amount.
        return found if found is not None and found.decides == version.decides else None

    @property
    def lacks_previous(self) -> bool:
        """Whether the champion before is known and not loaded."""
        return self.route.previous is not None and self.previous is None

    @property
    def held(self) -> tuple[Version, ...]:
        """Every loaded version of the route, the champion first and the one before it last."""
        held = (self.champion, self.canary, self.shadow, self.previous)
        return tuple({one.digest: one for one in held if one is not None}.values())

    def named(self, name: str) -> Version:
        """Return the version of the route whose digest begins with `name`.

        Raises
        ------
        NotFound
            If there is none, more than one, or it is not loaded.
        """
        found = [one for one in self.held if len(name) >= _SHORTEST_NAME and one.digest.startswith(name)]
        if len(found) == 1:
            return found[0]
        known = ", ".join(one.digest[:12] for one in self.held)
        raise NotFound(
            f"no single loaded version is called {name!r:.80}",
            hint=f"There are {known}; give the first {_SHORTEST_NAME} characters or more",
        )


class Versions:
    """Loads versions, whose reasons speak in `wording`, and keeps the few used last."""

    def __init__(self, store: BundleStore, fallback: str | float = "base_rate", wording: Wording = PLAIN) -> None:
        self._store, self._fallback, self._wording = store, fallback, wording
        self._loaded: OrderedDict[str, Version] = OrderedDict()

    def live(self, route: Route, *, whole: bool = False) -> Live:
        """Return `route` with every version of it loaded; the previous champion only if it stands in, or for `whole`.

        Raises
        ------
        DaytwoError
            If a bundle is missing, damaged, or does not give the answers that it was built with, or the declared
            fallback means nothing for its rows. The previous champion is no must: it only stands in.
        """
        ready = {digest: self._version(digest) for digest in route.digests}
        previous, fault = self._previous(route) if whole or self._fallback == PREVIOUS else (None, None)
        return Live(
            route,
            ready[route.champion],
            ready[route.canary] if route.canary and route.canary_share > 0 else None,
            ready[route.shadow] if route.shadow else None,
            previous,
            fault,
        )

    def _previous(self, route: Route) -> tuple[Version | None, str | None]:
        if route.previous is None:
            return None, None
        try:
            return self._version(route.previous), None
        except DaytwoError as err:
            return None, f"the previous champion cannot be loaded: {err}"

    def _version(self, digest: str) -> Version:
        if digest not in self._loaded:
            self._loaded[digest] = self._load(digest)
            while len(self._loaded) > _KEPT:
                self._loaded.popitem(last=False)
        self._loaded.move_to_end(digest)
        return self._loaded[digest]

    def _load(self, digest: str) -> Version:
        model = Model.load(self._store.get(digest), wording=self._wording)
        if model.slower:
            log("engine", version=digest[:12], engine=model.engine.name, why=model.slower)
        contract = model.contract
        decides = model.task is Task.BINARY
        base_rate = model.manifest.metrics.get(BASE_RATE, model.typical_score)
        return Version(
            model,
            digest,
            key=_name(contract.key),
            subject=_name(contract.subject),
            time=_name(contract.time),
            fallback=fallback_of(self._fallback, contract, base_rate, probability=decides),
            decides=decides,
            plain=plain_door(model, _name(contract.key), _name(contract.subject), decides=decides),
        )


class Watcher:
    """Follows the route file. `live` is None until the first route is loaded; `fault` says why the newest is not.

    The champion before is loaded when everybody has an answer already: a rollback then only swaps, and it can be asked
    by name. `since` is when the fault was met, in seconds since 1970. `degraded` is what the lifecycle says is wrong
    with the champion, empty where nothing is.
    """

    def __init__(self, path: Path, versions: Versions) -> None:
        self._path, self._versions = path, versions
        self._seen: Stamp | None = None
        self._retry_at = 0.0
        self.live: Live | None = None
        self.fault: str | None = None
        self.since = 0.0
        self._condition = path.with_name(CONDITION_FILE)
        self._condition_seen: Stamp | None = None
        self._told: Condition | None = None

    @property
    def degraded(self) -> str:
        """What is wrong with the champion, in words; empty where nothing is known to be."""
        told, live = self._told, self.live
        return told.degraded if told is not None and live is not None and told.version == live.route.champion else ""

    async def follow(self, poll_s: float) -> None:
        """Swap in every new route until cancelled."""
        while True:
            await asyncio.sleep(poll_s)
            await self.look()

    async def look(self) -> None:
        """Look at the route file once; what could not be loaded is tried again after a while, or once it changes."""
        self._look_at_condition()
        stamp = _stamp(self._path)
        if stamp is None and self.live is not None:
            self._fail(f"the route {self._path} is gone")
        if stamp is None or (stamp == self._seen and not (self._is_unfinished and time.monotonic() >= self._retry_at)):
            return
        self._seen, self._retry_at = stamp, time.monotonic() + _RETRY_S
        try:
            live = await asyncio.get_running_loop().run_in_executor(None, self._load)
        except DaytwoError as err:
            self._fail(str(err))
            return
        self.fault = None
        if live is not None and live is not self.live:
            self._swap(live)

    def _fail(self, fault: str) -> None:
        if self.fault != fault:
            log("route", fault=fault)
            self.since = time.time()
        self.fault = fault

    @property
    def _is_unfinished(self) -> bool:
        return self.fault is not None or (self.live is not None and self.live.lacks_previous)

    def _swap(self, live: Live) -> None:
        before, self.live = self.live, live
        if before is None or live.route != before.route:
            log("route", route=live.route)
            self._retry_at = 0.0  # what is left to load is loaded at the next look
        if live.previous_fault is not None and (before is None or before.previous_fault != live.previous_fault):
            log("previous", fault=live.previous_fault)

    def _look_at_condition(self) -> None:
        stamp = _stamp(self._condition)
        if stamp == self._condition_seen:
            return
        self._condition_seen = stamp
        before = self.degraded
        try:
            self._told = read_condition(self._condition)
        except DaytwoError as err:
            log("condition", fault=str(err))
        if self.degraded != before:
            log("condition", degraded=self.degraded)

    def _load(self) -> Live | None:
        route = read_route(self._path)
        if self.live is None:
            return None if route is None else self._versions.live(route)
        if route is None or (route == self.live.route and not self.live.lacks_previous):
            return self.live
        # Whoever waits for a new route does not wait for the version before it.
        return self._versions.live(route, whole=route == self.live.route)


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _name(column: Column | None) -> str:
    return "" if column is None else column.name
