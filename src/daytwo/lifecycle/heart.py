"""The heart of a running project: at each beat new files, the first version, what waits for a person, what is due.

`daytwo up` lets it beat every few seconds; a full tick of the lifecycle (`worker.py`) follows what happened, and
comes by itself every minute. Of several workers of a project one leads; the others follow.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from daytwo.governance.tokens import Token
from daytwo.lifecycle.condition import project_condition
from daytwo.lifecycle.decisions import decide
from daytwo.lifecycle.first import make_first_version
from daytwo.lifecycle.flow import Runner
from daytwo.lifecycle.intake.pickup import SourceWatch
from daytwo.lifecycle.releases import OPEN, Release, State
from daytwo.lifecycle.rollout import project_route
from daytwo.lifecycle.shipping import ship_journal
from daytwo.lifecycle.system import System
from daytwo.lifecycle.tokens import project_tokens
from daytwo.lifecycle.worker import Event, tick
from daytwo.registry.route import Route
from daytwo.registry.versions import current_route

# Each full tick seals the journal and commits to the tables, so it is not for every beat.
_TICK_EVERY = timedelta(seconds=60)


class Heart:
    """Beats for one project. `approve_as` names who says yes to the first version, empty where people are waited for.

    After a beat `stuck` says why nothing will go live by itself; it is empty while something still may, or does.
    """

    def __init__(self, system: System, *, say: Callable[[Event], None], approve_as: str = "") -> None:
        self._system, self._say, self._approve_as = system, say, approve_as
        self._sources = SourceWatch(system)
        self._ticked: datetime | None = None
        self._followed: datetime | None = None
        self._projected: tuple[Route | None, tuple[Token, ...]] | None = None
        self._asked: set[str] = set()
        self.stuck = ""

    def beat(self, runner: Runner, now: datetime) -> None:
        """Do what there is to do at `now`."""
        self._project(now)
        for intake in self._sources.look(now):
            self._say(Event(now, "trouble" if intake.trouble else "ingested", intake.words, {}))
        begun = make_first_version(self._system, runner, now)
        self._tell(begun)
        decided = self._ask(now)
        if begun or decided or self._ticked is None or now - self._ticked >= _TICK_EVERY:
            self._tell(tick(self._system, runner, now))
            self._ticked = now
        before, self.stuck = self.stuck, self._why_stuck()
        if self.stuck and self.stuck != before:
            self._say(Event(now, "waits", f"nothing is live yet: {self.stuck}", {}))

    def follow(self, now: datetime) -> None:
        """Do what each worker does for its own server while another one leads."""
        if self._followed is None or now - self._followed >= _TICK_EVERY:
            ship_journal(self._system)
            self._followed = now
            self._projected = None
        self._project(now)
        self.stuck = ""

    def _project(self, now: datetime) -> None:
        """Show this worker's server what stands in the ledger, where somebody elsewhere has changed it."""
        stands = (current_route(self._system.registry), self._system.tokens.all())
        if stands != self._projected:
            project_route(self._system)
            project_condition(self._system)
            project_tokens(self._system, now)
            self._projected = stands

    def _ask(self, now: datetime) -> bool:
        """Ask people about releases that wait, each once; return whether one has been decided."""
        decided = False
        waiting = [one for one in self._system.releases.releases() if one.state is State.WAITING]
        if waiting and self._approve_as and current_route(self._system.registry) is None:
            for release in waiting:
                self._approve(release, now)
        standings = self._system.approvals.standings(now) if waiting else {}
        for release in waiting:
            if release.id not in standings:
                continue
            if standings[release.id] is not None:
                decided = True
            elif release.id not in self._asked:
                self._asked.add(release.id)
                words = f"{release.id} needs a yes: daytwo approve {release.id} --as NAME"
                self._say(Event(now, "waits", words, {"release": release.id}))
        return decided

    def _approve(self, release: Release, now: datetime) -> None:
        person = self._approve_as
        if any(one.person == person for one in self._system.approvals.decisions(release.id)):
            return
        decide(self._system, release, person=person, approved=True, reason="given with --approve-as", now=now)
        self._say(Event(now, "approved", f"{person} approves {release.id} ({release.digest[:12]})", {}))

    def _why_stuck(self) -> str:
        if current_route(self._system.registry) is not None or self._sources.pending:
            return ""
        releases = self._system.releases.releases()
        if any(one.state in OPEN for one in releases):
            return ""
        if releases:
            return releases[-1].words
        return self._sources.trouble or "there are no rows to learn from; put files where [data] source looks"

    def _tell(self, events: list[Event]) -> None:
        for event in events:
            self._say(event)
