"""Requests that wait, and the turn of the loop in which they are answered together.

Whatever all connections asked since the last turn is answered in one go: first the health checks, then in order of
arrival, for a few milliseconds at most. Their records are written at once, and only then the replies leave. So a
write to the disk is shared by all who asked at the same time. Where nobody else asked lately, a request is answered as
it comes.

More than can be answered in time is refused the moment it comes, which costs a tenth of an answer; nothing is computed
for a client that has gone. `protocol.py` puts requests here and sends what comes back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Protocol, TypeAlias

from daytwo.serving.transport.messages import HttpError, Request, Response, error_id, refusal

Answer: TypeAlias = Response | asyncio.Future[Response]
Refusing: TypeAlias = Callable[[Request], Response | None]

# Whoever watches over the server must hear from it also when it has more to do than it can.
_URGENT = frozenset(("/v2/health/live", "/v2/health/ready", "/ping"))
# After this long those who came meanwhile are read in.
_TURN_S = 0.002
# So many requests may wait however long they take: a few large ones are no storm.
_ALWAYS = 32
# So many bytes may wait beyond these: what waits is memory, and a storm is no reason to take more of it.
_MOST_BYTES = 3 << 20
# What a request costs beside its body, counted in bytes.
_HEAD_BYTES = 256
# Answered in one go: so many requests, or as many as make up so many bytes.
_TOGETHER, _TOGETHER_BYTES = 64, 1 << 15
# A guess at the cost of a byte until it is measured. Each turn moves the measure by a tenth, and one in which the
# process was made to stand still by no more than three tenths.
_SECONDS_A_BYTE = 1e-7
_LEARNING, _LARGEST_STEP = 0.1, 4.0


class Waiting(Protocol):
    """A client that waits for the answer to one request at a time; hashable."""

    @property
    def has_gone(self) -> bool:
        """Whether nobody is there any more to read an answer."""
        ...

    def answer(self, response: Response) -> None:
        """Send the answer."""
        ...


@dataclass(slots=True, eq=False)
class Turns:
    """The queue of one server. For the loop's thread only.

    `handle` answers a request, now or by a future; `together`, where there is one, is asked first for a few small ones
    at once, and gives None for each that `handle` is to answer. `commit` writes the records of all answers of a turn;
    where it cannot, it returns what gives the refusal in place of a request's answer, None for one that may leave.
    `settle` does what can wait until the answers have left, and not until the next turn. `max_queue` requests may wait
    for their turn, no longer than `max_wait_s` at the usual cost of what waits and no more than a few megabytes of
    them, and as many for answers that come later.
    """

    loop: asyncio.AbstractEventLoop
    handle: Callable[[Request], Answer]
    commit: Callable[[], Refusing | None]
    max_queue: int
    max_wait_s: float
    together: Callable[[Sequence[Request]], Sequence[Response | None]] | None = None
    settle: Callable[[], object] | None = None
    refused: int = 0
    dropped: int = 0
    _queue: deque[tuple[Waiting, Request]] = field(default_factory=deque)
    _urgent: deque[tuple[Waiting, Request]] = field(default_factory=deque)
    _bytes: int = 0
    _seconds_a_byte: float = _SECONDS_A_BYTE
    _scheduled: bool = False
    _unsettled: bool = False
    _is_crowded: bool = False
    _is_alone: bool = False
    _late: dict[Waiting, asyncio.Future[Response]] = field(default_factory=dict)

    def __len__(self) -> int:
        """How many requests wait."""
        return len(self._queue) + len(self._urgent)

    @property
    def is_crowded(self) -> bool:
        """Whether so many requests wait that each answer nobody reads is one too many."""
        return len(self._queue) > _ALWAYS

    def put(self, who: Waiting, request: Request) -> None:
        """Queue a request.

        Raises
        ------
        HttpError
            503, if it would wait too long.
        """
        if self._is_alone and not (self._unsettled or self._scheduled) and request.path not in _URGENT:
            self._answer_alone(who, request)
            return
        if request.path in _URGENT:
            self._urgent.append((who, request))
        else:
            waiting = len(self._queue)
            if waiting >= self.max_queue or (waiting >= _ALWAYS and self._is_full()):
                raise self._busy()
            self._queue.append((who, request))
            self._bytes += len(request.body) + _HEAD_BYTES
        if self._scheduled:
            return
        self._is_crowded = self._unsettled
        self._scheduled = True
        self.loop.call_soon(self._turn)

    def _is_full(self) -> bool:
        """Whether what waits takes too long or too much memory."""
        return self._bytes > _MOST_BYTES or self._bytes * self._seconds_a_byte > self.max_wait_s

    def is_late(self, who: Waiting) -> bool:
        """Whether the client's answer comes later."""
        return who in self._late

    def forget(self, who: Waiting) -> None:
        """Cancel an answer that is still to come for a client that has gone."""
        late = self._late.get(who)
        if late is not None and late.cancel():
            self.dropped += 1

    def _turn(self) -> None:
        self._scheduled = False
        self._is_alone, self._is_crowded = len(self) == 1 and not self._is_crowded, False
        began, size = perf_counter(), 0
        answered: list[tuple[Waiting, Request, Answer]] = []
        while self._queue or self._urgent:
            taken, few = self._few()
            size += taken
            if self.together is not None and few:
                replies = self.together([request for _, request in few])
            else:
                replies = (None,) * len(few)
            for (who, request), reply in zip(few, replies, strict=True):
                answered.append((who, request, self.handle(request) if reply is None else reply))
            if perf_counter() - began > _TURN_S:
                break
        if answered:
            self._let_leave(answered)
        if size and answered:
            self._learn(perf_counter() - began, size)
        if (self._queue or self._urgent) and not self._scheduled:
            self._scheduled = True
            self.loop.call_soon(self._turn)

    def _answer_alone(self, who: Waiting, request: Request) -> None:
        """Answer the one request there is, as it comes."""
        began = perf_counter()
        reply = None if self.together is None else self.together((request,))[0]
        self._let_leave(((who, request, self.handle(request) if reply is None else reply),))
        self._learn(perf_counter() - began, len(request.body) + _HEAD_BYTES)

    def _learn(self, seconds: float, size: int) -> None:
        """Measure what a byte costs."""
        known = self._seconds_a_byte
        self._seconds_a_byte = known + _LEARNING * (min(seconds / size, _LARGEST_STEP * known) - known)

    def _let_leave(self, answered: Sequence[tuple[Waiting, Request, Answer]]) -> None:
        """Write the records of a turn's answers, then send them, or what refuses them."""
        refusing = self.commit()
        if not self._unsettled:
            self._unsettled = True
            self.loop.call_soon(self._settle)
        for who, request, answer in answered:
            if refusing is not None and (refusal := refusing(request)) is not None:
                who.answer(refusal)
            elif isinstance(answer, asyncio.Future):
                self._await(who, answer)
            else:
                who.answer(answer)

    def _settle(self) -> None:
        """Do what could wait for the answers; whoever asks before this asked at the same time as another."""
        self._unsettled = False
        if self.settle is not None:
            self.settle()

    def _few(self) -> tuple[int, list[tuple[Waiting, Request]]]:
        """Take the next requests from the queue, one large one or some small ones; and what they weigh, in bytes."""
        if self._urgent:
            who, request = self._urgent.popleft()
            return 0, [] if self._is_for_nobody(who) else [(who, request)]
        size = 0
        few: list[tuple[Waiting, Request]] = []
        while self._queue and len(few) < _TOGETHER:
            who, request = self._queue.popleft()
            taken = len(request.body) + _HEAD_BYTES
            self._bytes -= taken
            size += taken
            if who.has_gone:
                self.dropped += 1
            else:
                few.append((who, request))
            if size > _TOGETHER_BYTES:
                break
        return size, few

    def _is_for_nobody(self, who: Waiting) -> bool:
        self.dropped += who.has_gone
        return who.has_gone

    def _await(self, who: Waiting, answer: asyncio.Future[Response]) -> None:
        """Let a client wait for an answer that comes later, or refuse it where too many do."""
        if len(self._late) >= self.max_queue:
            answer.cancel()
            who.answer(refusal(self._busy(), error_id()))
            return
        self._late[who] = answer
        answer.add_done_callback(partial(self._answer_late, who))

    def _busy(self) -> HttpError:
        self.refused += 1
        return HttpError(503, "busy", "too many requests are waiting", hint="Try again in a second", retry_after_s=1)

    def _answer_late(self, who: Waiting, answer: asyncio.Future[Response]) -> None:
        del self._late[who]
        if not answer.cancelled():
            who.answer(answer.result())
