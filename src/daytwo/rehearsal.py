"""A rollback rehearsed: a server of its own answers logged rows without a pause while the route goes back, and forth.

It runs the project's own versions by the project's own settings, on a free port of this machine, with a route and a
journal in a folder that is thrown away. The live server, its route and its records are not touched.
"""

from __future__ import annotations

import itertools
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec

from daytwo.contracts.toml import read_contract
from daytwo.core.errors import DaytwoError, Fault, Refused
from daytwo.governance.audit import Entry
from daytwo.lifecycle.checkup import LAST_REHEARSAL
from daytwo.lifecycle.rollback import version_before
from daytwo.lifecycle.rows import DATASET
from daytwo.lifecycle.sending import Row, as_received, as_sent, money_columns, newest_answered
from daytwo.lifecycle.system import System
from daytwo.registry.route import Route, write_route
from daytwo.serving.client import Client
from daytwo.serving.process import ServerProcess
from daytwo.wiring import served_by

# A rollback that takes longer was too slow.
MOST_SECONDS = 1.0
_CLIENTS, _ROWS, _ENOUGH = 4, 200, 50
_GIVE_UP_S = 20.0


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How it went: from which version to which, how many requests, and seconds until nobody met the one left."""

    away: str
    back: str
    requests: int
    failed: tuple[str, ...]
    back_s: float
    forth_s: float

    @property
    def passed(self) -> bool:
        """Whether no request failed, and both ways were short enough."""
        return not self.failed and max(self.back_s, self.forth_s) < MOST_SECONDS


def rehearse(system: System) -> Rehearsal:
    """Go back and forth between the champion and the version before it, under load.

    Raises
    ------
    Refused
        If nothing can be gone back to, or there are no rows to ask.
    Fault
        If the server of its own does not start, or does not follow its route.
    """
    history = system.registry.history()
    back = version_before(history)
    rows = _rows(system)
    away = history[-1].route.champion
    with tempfile.TemporaryDirectory(prefix="daytwo-rehearsal-") as made:
        place = Path(made)
        config = msgspec.structs.replace(
            served_by(system, port=0, workers=1),
            host="127.0.0.1",
            route=str(place / "route.json"),
            journal=str(place / "journal"),
            token="",
            tokens="",
            certificate="",
            private_key="",
        )
        (place / "serve.json").write_bytes(msgspec.json.encode(config))
        turns = [Route(1, away, previous=back), Route(2, back, previous=away), Route(3, away, previous=back)]
        write_route(place / "route.json", turns[0])
        server = ServerProcess(place / "serve.json", place / "server.log")
        port = server.start()
        try:
            return _under_load(Load(port, rows), place / "route.json", turns)
        finally:
            server.stop()


def record_rehearsal(system: System, told: Rehearsal, *, at: datetime, by: str) -> None:
    """Keep in the project and its audit log that a rollback was rehearsed, and how it went."""
    kept = asdict(told) | {"passed": told.passed, "at": at.isoformat()}
    system.windows.keep_fact(LAST_REHEARSAL, kept)
    system.audit.append(Entry(at, by, "rollback rehearsed", told.back, f"rehearsal:{at.isoformat()}", kept))


def _under_load(load: Load, route: Path, turns: Sequence[Route]) -> Rehearsal:
    taken = []
    with load:
        load.until(turns[0].champion)
        for turn in turns[1:]:
            begun = time.monotonic()
            write_route(route, turn)
            load.until(turn.champion)
            taken.append(max(load.last_of_others(turn.champion) - begun, 0.0))
    away, back = turns[0].champion, turns[1].champion
    return Rehearsal(away, back, load.requests, tuple(load.failed[:5]), round(taken[0], 3), round(taken[1], 3))


@dataclass
class Load:
    """Clients that ask a server without a pause, one row at a time, each of the rows in turn."""

    port: int
    rows: Sequence[Mapping[str, object]]
    failed: list[str] = field(default_factory=list)
    _seen: list[tuple[float, str]] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _more: threading.Condition = field(default_factory=threading.Condition)

    def __enter__(self) -> Load:
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(_CLIENTS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def requests(self) -> int:
        """How many were answered or failed."""
        return len(self._seen) + len(self.failed)

    def last_of_others(self, version: str) -> float:
        """Return when another version answered last, in seconds of `time.monotonic`."""
        return max((at for at, by in tuple(self._seen) if by != version), default=0.0)

    def until(self, version: str) -> None:
        """Wait until `version` alone has answered for a while."""

        def only_it() -> bool:
            newest = self._seen[-_ENOUGH:]
            return len(newest) == _ENOUGH and all(by == version for _, by in newest)

        self._wait(only_it, f"{version[:12]} does not answer")

    def _wait(self, done: Callable[[], bool], trouble: str) -> None:
        with self._more:
            if not self._more.wait_for(done, _GIVE_UP_S):
                why = f": {self.failed[-1]}" if self.failed else ""
                raise Fault(f"the rehearsal's server did not follow its route, {trouble}{why}", hint="Try again")

    def _ask(self, first: int) -> None:
        with Client("127.0.0.1", self.port, patience_s=0.0) as client:
            for row in itertools.cycle((*self.rows[first:], *self.rows[:first])):
                if self._stop.is_set():
                    return
                try:
                    by = client.predict([row])["predictions"][0]["version"]
                except DaytwoError as err:
                    self.failed.append(err.message)
                    continue
                with self._more:
                    self._seen.append((time.monotonic(), by))
                    self._more.notify_all()


def _rows(system: System) -> list[Row]:
    """Return the newest rows that were answered, or else learned from, as a client sends them."""
    contract, money = read_contract(system.contract_path), money_columns(system)
    for frame in (newest_answered(system, contract, _ROWS), system.tables.read(DATASET).tail(_ROWS)):
        if frame.height:
            return [as_received(row) for row in as_sent(frame, contract, money)]
    raise Refused("there are no rows to ask in a rehearsal", hint="Run 'daytwo ingest', or send some to the server")
