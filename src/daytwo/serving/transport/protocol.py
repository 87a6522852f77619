"""One client's connection: bytes in, answers back in order.

`reading.py` makes requests of the bytes. Slow clients are cut off, and of what is pipelined one request waits for its
turn at a time (`turns.py`), so that nobody is starved. `heads.py` spares the reading of what was read before,
`server.py` owns the connections.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import cast

from daytwo.serving.transport.door import Door
from daytwo.serving.transport.messages import HttpError, Request, Response, error_id, refusal, to_bytes
from daytwo.serving.transport.reading import Reading

# How long a client may take to end its side once it has got its last answer.
_LINGER_S = 2.0
# Requests of one connection that wait for their turn before its socket is no longer read.
_MAX_PIPELINED = 32
# Where so many are refused that refusing costs what others could be answered with, whoever was refused is not read for
# the second that it was told to wait. Up to then (`door.Patience`) it hears in milliseconds that it is still too early.
_PENALTY_S = 1.0


class Connection(asyncio.Protocol):
    """One client's connection."""

    __slots__ = (
        "_asked",
        "_closing",
        "_door",
        "_held",
        "_loop",
        "_paused",
        "_queue",
        "_reading",
        "_transport",
        "deadline",
        "has_gone",
    )

    def __init__(self, door: Door, loop: asyncio.AbstractEventLoop) -> None:
        self._door, self._loop = door, loop
        self._reading = Reading(self, door, loop)
        self._queue: deque[Request | HttpError] = deque()
        self._closing = self._paused = False
        # Whether its socket is not read for now; whether the client has closed the connection.
        self._held = self.has_gone = False
        self._asked: Request | None = None
        self._transport: asyncio.Transport | None = None
        self.deadline = loop.time() + door.head_timeout_s

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless there are too many already."""
        self._transport = cast("asyncio.Transport", transport)
        self._door.connections.add(self)
        if len(self._door.connections) > 2 * self._door.max_connections:
            self._closing = True
            self._transport.abort()
        elif len(self._door.connections) > self._door.max_connections:
            self._end(HttpError(503, "busy", "too many connections", hint="Try again", retry_after_s=1))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Forget what the client no longer waits for."""
        self._door.connections.discard(self)
        if self._door.draining and not self._door.connections:
            self._door.emptied.set()
        self._forget_waiting()
        self._closing, self._transport, self.has_gone = True, None, True
        self._door.turns.forget(self)
        self._reading.end()

    def data_received(self, data: bytes) -> None:
        """Read what came; every whole request in it gets its answer."""
        if self._closing:
            return
        fresh, behind = not self._reading.in_message, len(self._queue)
        if fresh and (request := self._door.heads.request(data)) is not None:
            if self._asked is None and not behind and not self._paused:
                self._ask(request)
                return
            self.put(request)
        else:
            self._read(data)
            if fresh and not self._reading.in_message and not self._closing and len(self._queue) == behind + 1:
                read = self._queue[-1]
                assert not isinstance(read, HttpError)  # that would be closing
                self._door.heads.remember(data, read)
        if self._asked is None and self._queue:
            self._next()

    def _read(self, data: bytes) -> None:
        try:
            if not self._reading.feed(data):
                self._closing = True
        except HttpError as err:
            self.put(err)

    def go_on(self) -> None:
        """Tell a client that asked first that its body is welcome."""
        if self._transport is not None and self._asked is None and not self._queue:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def eof_received(self) -> bool:
        """Answer what is waiting, then close; in a crowd, where an answer is late, and with TLS, it has gone."""
        self._closing = True
        if self._transport is None or not self._transport.can_write_eof():
            return False
        if self._door.turns.is_crowded or self._door.turns.is_late(self):
            return False
        return bool(self._queue) or self._asked is not None

    def pause_writing(self) -> None:
        """Stop answering a client that does not read its answers."""
        self._paused = True

    def resume_writing(self) -> None:
        """Go on."""
        self._paused = False
        if self._queue and self._asked is None:
            self._next()

    # Answering.

    def put(self, item: Request | HttpError) -> None:
        """Queue a request, or the refusal that ends the connection in its turn."""
        self._queue.append(item)
        if isinstance(item, HttpError) or not item.keep_alive:
            self._closing = True
        if len(self._queue) >= _MAX_PIPELINED and self._transport is not None:
            self._held = True
            self._transport.pause_reading()

    def _next(self) -> None:
        """Let the first request in the queue wait for its turn."""
        if self._paused or self._transport is None:
            return
        item = self._queue.popleft()
        if isinstance(item, HttpError):
            self._end(item)
            return
        self._ask(item)

    def _ask(self, request: Request) -> None:
        """Let a request wait for its turn."""
        self._asked = request
        try:
            self._door.turns.put(self, request)
        except HttpError as err:
            self.answer(refusal(err, error_id()))
            if not (self._closing or self._transport is None or self._door.patience.spare(self._loop.time())):
                self._held = True
                self._transport.pause_reading()
                self._loop.call_later(_PENALTY_S, self._read_on)

    def answer(self, response: Response) -> None:
        """Send the answer to the request whose turn it was."""
        asked, self._asked = self._asked, None
        if self._transport is None or asked is None:
            return
        self.deadline = self._loop.time() + self._door.idle_timeout_s
        keep_alive = asked.keep_alive and not self._door.draining and not (self._closing and not self._queue)
        self._transport.write(to_bytes(response, keep_alive=keep_alive, with_body=asked.method != "HEAD"))
        if not keep_alive:
            self._linger()
        elif self._queue:
            self._next()
        elif self._held:
            self._read_on()

    def _read_on(self) -> None:
        self._held = False
        if self._transport is not None and not self._transport.is_closing() and not self._transport.is_reading():
            self._transport.resume_reading()

    def _end(self, error: HttpError) -> None:
        self._closing = True
        if self._transport is not None:
            self._transport.write(to_bytes(refusal(error, error_id()), keep_alive=False))
            self._linger()

    def _linger(self) -> None:
        """End our side, and wait a little for the client's: a hard end would take the answer away from it."""
        self._closing = True
        self._forget_waiting()
        self.deadline = self._loop.time() + _LINGER_S
        if self._transport is not None and not self._transport.is_closing():
            self._read_on()
            if self._transport.can_write_eof():
                self._transport.write_eof()
            else:  # TLS has but one end
                self._transport.close()

    def _forget_waiting(self) -> None:
        """Drop what was pipelined behind the last answer."""
        self._queue.clear()
        self._asked = None

    def expire(self) -> None:
        """Close the connection: with a word if a request had begun, hard if its client does not even read."""
        if self._transport is None:
            return
        waits = self._asked is not None or bool(self._queue)
        if self._paused or (self._closing and not waits):
            self._transport.abort()
        elif self._reading.in_message and not waits:
            self._end(HttpError(408, "timeout", "the request came too slowly", hint="Send it again"))
        elif not waits:
            self._linger()

    def abort(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def close_if_idle(self) -> None:
        """Close the connection unless a request is on its way."""
        if self._asked is not None or self._queue or self._transport is None:
            return
        if self._closing or not self._reading.in_message:
            self._closing = True
            self._transport.close()
