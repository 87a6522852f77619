"""How a worker asks another one: a request goes over a kept connection on a Unix socket, and its answer comes back.

Many requests share a connection, each with a number, and those of one turn of the loop leave together. Whoever does not
answer, because it has died, is being started again or has too much to do, gives None within bounded time: it may have
recorded the request all the same, and will say so when it is asked again. `callers.py` is the other end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from daytwo.serving.transport.messages import Request, Response
from daytwo.serving.workers.wire import Frames, response_of, to_wire

# No client can send this name: only the headers that daytwo knows are kept.
FORWARDED = b":forwarded"
# So much may wait to be sent to a neighbour that does not read.
_MAX_UNSENT_BYTES = 64 << 20
# How often those who have waited too long are looked for.
_SWEEP_S = 0.25

T = TypeVar("T")


def socket_path(folder: Path, number: int) -> Path:
    """Return where the worker with this number is asked."""
    return folder / f"{number}.sock"


class Neighbours:
    """The other workers, as one of them sees them. For the loop's thread only."""

    def __init__(self, loop: asyncio.AbstractEventLoop, folder: Path) -> None:
        self._loop, self._folder = loop, folder
        self._lines: dict[int, _Line] = {}

    def ask(
        self, worker: int, request: Request, within_s: float, finish: Callable[[Response | None], T]
    ) -> asyncio.Future[T]:
        """Return what becomes `finish` of the answer of the worker with this number; of None where it gives none."""
        line = self._lines.get(worker)
        if line is None:
            line = self._lines[worker] = _Line(self._loop, socket_path(self._folder, worker))
        told: asyncio.Future[T] = self._loop.create_future()
        line.ask(request._replace(headers={**request.headers, FORWARDED: b""}), _Waiting(told, finish, within_s))
        return told

    def reaches(self, worker: int) -> bool:
        """Whether there is a connection to the worker: one that gave no answer over it lives."""
        return worker in self._lines and self._lines[worker].is_open

    def close(self) -> None:
        """End all connections; what still waits for an answer gets None."""
        for line in self._lines.values():
            line.close()


@dataclass(slots=True)
class _Waiting:
    told: asyncio.Future[Any]
    finish: Callable[[Response | None], object]
    within_s: float

    def settle(self, response: Response | None) -> None:
        if not self.told.done():
            self.told.set_result(self.finish(response))


class _Line(asyncio.Protocol):
    """The connection to one neighbour: made when it is needed, and made again after it broke."""

    def __init__(self, loop: asyncio.AbstractEventLoop, path: Path) -> None:
        self._loop, self._path = loop, path
        self._transport: asyncio.Transport | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._frames = Frames()
        self._unsent = bytearray()
        self._waiting: dict[int, tuple[_Waiting, float]] = {}
        self._number = 0
        self._sweeper: asyncio.TimerHandle | None = None

    @property
    def is_open(self) -> bool:
        return self._transport is not None

    def ask(self, request: Request, waiting: _Waiting) -> None:
        sending = 0 if self._transport is None else self._transport.get_write_buffer_size()
        if sending + len(self._unsent) > _MAX_UNSENT_BYTES:
            waiting.settle(None)
            return
        self._number += 1
        self._waiting[self._number] = waiting, self._loop.time() + waiting.within_s
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(_SWEEP_S, self._sweep)
        if self._transport is not None and not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent += to_wire(self._number, request)
        if self._transport is None and self._connecting is None:
            self._connecting = self._loop.create_task(self._connect())

    def close(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
        if self._transport is not None:
            self._transport.abort()
        if self._sweeper is not None:
            self._sweeper.cancel()
        self._give_up()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._frames = Frames()
        self._send()

    def data_received(self, data: bytes) -> None:
        for payload in self._frames.feed(data):
            number, response = response_of(payload)
            if (found := self._waiting.pop(number, None)) is not None:
                found[0].settle(response)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._transport = None
        self._give_up()

    async def _connect(self) -> None:
        try:
            with suppress(OSError):
                await self._loop.create_unix_connection(lambda: self, str(self._path))
        finally:
            self._connecting = None
        if self._transport is None:
            self._give_up()

    def _send(self) -> None:
        if self._transport is not None and self._unsent:
            self._transport.write(bytes(self._unsent))
            self._unsent.clear()

    def _sweep(self) -> None:
        """Give no answer to those who have waited too long."""
        now, self._sweeper = self._loop.time(), None
        for number, (waiting, deadline) in tuple(self._waiting.items()):
            if now >= deadline:
                del self._waiting[number]
                waiting.settle(None)
        if self._waiting:
            self._sweeper = self._loop.call_later(_SWEEP_S, self._sweep)

    def _give_up(self) -> None:
        """Tell everybody who waits that there is no answer."""
        self._unsent.clear()
        waiting, self._waiting = self._waiting, {}
        for one, _ in waiting.values():
            one.settle(None)
