"""Workers of one project: who is there, who is dead, and which one leads. `workers_sql.py` keeps them in the ledger.

Every process that runs flows signs in under an id of its own, and counts its beats up in the ledger. Nobody compares
clocks: a worker is dead for me once its count has stood still for as long as I have watched it by my own clock. One
worker leads: it alone does what is due at a tick, and it takes over the flows of the dead. The lead goes by compare
and set, so of several who want it one has it. A leader that was held up for too long stops by itself before anybody
else may begin; should its last step end later all the same, the flow's checkpoint is no longer its own to write, and
what the step does to the world bears a key.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

# So many beats are missed before a worker is dead.
BEATS_MISSED = 6


@dataclass(frozen=True, slots=True)
class Worker:
    """One process that runs flows. `beats` counts up; `beat_at` is for people, by that machine's own clock."""

    id: str
    host: str
    folder: str
    begun_at: datetime
    beat_at: datetime
    beats: int = 0


class WorkerBook(Protocol):
    """Where workers sign in."""

    def beat(self, worker: Worker) -> None:
        """Keep the worker under its id, as of now."""

    def workers(self) -> tuple[Worker, ...]:
        """Return who has signed in and not left, the oldest first."""

    def leave(self, worker_id: str) -> None:
        """Forget a worker, and let go of the lead where it has it."""

    def leader(self) -> str | None:
        """Return the id of the one who leads, or None."""

    def take_lead(self, worker_id: str, *, after: str | None) -> bool:
        """Lead, if `after` still leads; tell whether so."""


class Attendance:
    """What one worker has seen of the others' counts, by its own clock."""

    def __init__(self, dead_after_s: float, monotonic: Callable[[], float]) -> None:
        self._dead_after_s, self._monotonic = dead_after_s, monotonic
        self._seen: dict[str, tuple[int, float]] = {}

    def alive(self, workers: Sequence[Worker]) -> frozenset[str]:
        """Return the ids of those whose count has moved within the time; who is seen for the first time is alive."""
        moment = self._monotonic()
        for one in workers:
            if self._seen.get(one.id, (-1, 0.0))[0] != one.beats:
                self._seen[one.id] = (one.beats, moment)
        here = {one.id for one in workers}
        self._seen = {worker_id: seen for worker_id, seen in self._seen.items() if worker_id in here}
        return frozenset(one for one, (_, at) in self._seen.items() if moment - at < self._dead_after_s)


class Shift:
    """One worker's presence: it beats, and leads where nobody alive does. Beat from one thread; ask from any.

    `stands` is whether it would lead: a command that ends soon does not.
    """

    def __init__(
        self,
        book: WorkerBook,
        me: Worker,
        *,
        dead_after_s: float,
        stands: bool,
        monotonic: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._book, self._me, self._stands = book, me, stands
        self._dead_after_s, self._monotonic, self._now = dead_after_s, monotonic, now
        self._attendance = Attendance(dead_after_s, monotonic)
        self._beats = 0
        self._leads_until = float("-inf")
        self.alive: frozenset[str] = frozenset({me.id})
        self.is_led = False

    @property
    def leads(self) -> bool:
        """Whether this worker has the lead, and has beaten so lately that nobody can have taken it."""
        return self._monotonic() < self._leads_until

    def begin(self, *, dead: Collection[str]) -> None:
        """Sign in; `dead` are workers that this one knows to be dead, whatever others have seen."""
        for worker_id in dead:
            self._book.leave(worker_id)
        self.beat()

    def beat(self) -> None:
        """Say that this worker lives, look who else does, and take the lead where nobody alive has it."""
        begun = self._monotonic()
        self._beats += 1
        me = self._me
        self._book.beat(Worker(me.id, me.host, me.folder, me.begun_at, self._now(), self._beats))
        alive = self._attendance.alive(self._book.workers()) | {me.id}
        leader = self._book.leader()
        if self._stands and leader not in alive and self._book.take_lead(me.id, after=leader):
            leader = me.id
        self.alive, self.is_led = alive, leader in alive
        # Others count from when they see this beat, which is after it began: so they declare nobody dead too soon.
        self._leads_until = begun + self._dead_after_s if leader == me.id else float("-inf")

    def bury(self) -> None:
        """Forget the dead, once nothing of theirs is unfinished."""
        for one in self._book.workers():
            if one.id not in self.alive:
                self._book.leave(one.id)

    def end(self) -> None:
        """Sign out."""
        self._leads_until = float("-inf")
        self._book.leave(self._me.id)
