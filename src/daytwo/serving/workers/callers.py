"""How a worker is asked by the others: their requests wait for the same turns as those of its own clients.

`neighbours.py` is the other end.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from daytwo.serving.log import log
from daytwo.serving.transport.messages import HttpError, Request, Response, error_id, refusal
from daytwo.serving.transport.turns import Turns
from daytwo.serving.workers.neighbours import socket_path
from daytwo.serving.workers.wire import Frames, request_of, to_wire


class Callers:
    """Those who ask the worker with this `number`, by a socket in `folder`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, folder: Path, number: int, turns: Turns) -> None:
        self._loop, self._path, self._turns = loop, socket_path(folder, number), turns
        self._listening: asyncio.AbstractServer | None = None

    async def listen(self) -> None:
        """Answer what other workers ask; a dead predecessor's socket is replaced."""
        self.close()
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        self._listening = await self._loop.create_unix_server(lambda: _Caller(self._loop, self._turns), str(self._path))

    async def tend(self) -> None:
        """Listen anew where the socket was taken away, or its folder with it."""
        if self._path.exists():
            return
        try:
            await self.listen()
        except OSError as err:
            log("callers", reason=f"no other worker can ask this one: {err.strerror or err}")
        else:
            log("callers", reason="the socket by which other workers ask was taken away, and has been made anew")

    def close(self) -> None:
        """Take no more callers; who is connected stays so."""
        if self._listening is not None:
            self._listening.close()


class _Caller(asyncio.Protocol):
    """The connection from one other worker."""

    def __init__(self, loop: asyncio.AbstractEventLoop, turns: Turns) -> None:
        self._loop, self._turns = loop, turns
        self._frames = Frames()
        self._unsent = bytearray()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        for payload in self._frames.feed(data):
            number, request = request_of(payload)
            self._put(_Passed(self, number), request)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.transport = None

    def send(self, content: bytes) -> None:
        """Send an answer, together with all others of this turn."""
        if not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent += content

    def _send(self) -> None:
        if self.transport is not None:
            self.transport.write(bytes(self._unsent))
        self._unsent.clear()

    def _put(self, passed: _Passed, request: Request) -> None:
        try:
            self._turns.put(passed, request)
        except HttpError as err:
            passed.answer(refusal(err, error_id()))


@dataclass(frozen=True, slots=True)
class _Passed:
    """One request that another worker has passed on."""

    caller: _Caller
    number: int

    @property
    def has_gone(self) -> bool:
        return self.caller.transport is None

    def answer(self, response: Response) -> None:
        if self.caller.transport is not None:
            self.caller.send(to_wire(self.number, response))
