"""How a worker asks another one: a request goes over a kept connection on a Unix socket, and its answer comes back.

Many requests share a connection, each with a number. Whoever does not answer, because it has died, is being started
again or has too much to do, gives None within bounded time: it may have recorded the request all the same, and will say
so when it is asked again. `callers.py` is the other end.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias, cast

from daytwo.serving.transport.messages import Request, Response
from daytwo.serving.workers.wire import Frames, response_of, to_wire

# No client can send this name: only the headers that daytwo knows are kept.
FORWARDED = b":forwarded"
# So much may wait to be sent to a neighbour that does not read.
_MAX_UNSENT_BYTES = 64 << 20

Told: TypeAlias = asyncio.Future[Response | None]


def socket_path(folder: Path, number: int) -> Path:
    """Return where the worker with this number is asked."""
    return folder / f"{number}.sock"


class Neighbours:
    """The other workers, as one of them sees them. For the loop's thread only."""

    def __init__(self, loop: asyncio.AbstractEventLoop, folder: Path) -> None:
        self._loop, self._folder = loop, folder
        self._lines: dict[int, _Line] = {}

    def ask(self, worker: int, request: Request, within_s: float) -> Told:
        """Return what becomes the answer of the worker with this number; None where it gives none."""
        line = self._lines.get(worker)
        if line is None:
            line = self._lines[worker] = _Line(self._loop, socket_path(self._folder, worker))
        return line.ask(request._replace(headers={**request.headers, FORWARDED: b""}), within_s)

    def reaches(self, worker: int) -> bool:
        """Whether there is a connection to the worker: one that gave no answer over it lives."""
        return worker in self._lines and self._lines[worker].is_open

    def close(self) -> None:
        """End all connections; what still waits for an answer gets None."""
        for line in self._lines.values():
            line.close()


class _Line(asyncio.Protocol):
    """The connection to one neighbour: made when it is needed, and made again after it broke."""

    def __init__(self, loop: asyncio.AbstractEventLoop, path: Path) -> None:
        self._loop, self._path = loop, path
        self._transport: asyncio.Transport | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._frames = Frames()
        self._unsent = bytearray()
        self._waiting: dict[int, tuple[Told, asyncio.TimerHandle]] = {}
        self._number = 0

    @property
    def is_open(self) -> bool:
        return self._transport is not None

    def ask(self, request: Request, within_s: float) -> Told:
        told: Told = self._loop.create_future()
        behind = len(self._unsent) if self._transport is None else self._transport.get_write_buffer_size()
        if behind > _MAX_UNSENT_BYTES:
            told.set_result(None)
            return told
        self._number += 1
        content = to_wire(self._number, request)
        self._waiting[self._number] = told, self._loop.call_later(within_s, self._settle, self._number, None)
        if self._transport is not None:
            self._transport.write(content)
        else:
            self._unsent += content
            if self._connecting is None:
                self._connecting = self._loop.create_task(self._connect())
        return told

    def close(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
        if self._transport is not None:
            self._transport.abort()
        self._give_up()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._frames = Frames()
        self._transport.write(bytes(self._unsent))
        self._unsent.clear()

    def data_received(self, data: bytes) -> None:
        for payload in self._frames.feed(data):
            number, response = response_of(payload)
            self._settle(number, response)

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

    def _give_up(self) -> None:
        """Tell everybody who waits that there is no answer."""
        self._unsent.clear()
        for number in tuple(self._waiting):
            self._settle(number, None)

    def _settle(self, number: int, response: Response | None) -> None:
        told, timer = self._waiting.pop(number, (None, None))
        if timer is not None:
            timer.cancel()
        if told is not None and not told.done():
            told.set_result(response)
