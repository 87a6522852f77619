"""Whoever connects is accepted, many at a time.

The loop's own server accepts one connection a turn; in a storm, where a turn takes milliseconds, the last of a thousand
clients would wait for seconds before it is even refused.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable

from daytwo.serving.log import log

# Between so many, those who are connected have their turn.
_AT_ONCE = 64
# At the end so often: more than may wait to be accepted are no longer waiting but coming.
_LAST_TIMES = 64
# While the process has no more files to open.
_PAUSE_S = 0.1


class Acceptor:
    """Accepts the connections of one listening socket; `make` gives each its protocol. For the loop's thread only.

    With `tls` a connection is made once its handshake is done, in `handshake_s` seconds at most; so many as
    `most_shaking` may be at it at a time, others are turned away.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        listener: socket.socket,
        make: Callable[[], asyncio.Protocol],
        *,
        tls: ssl.SSLContext | None = None,
        handshake_s: float = 10.0,
        most_shaking: int = 1024,
    ) -> None:
        listener.setblocking(False)
        self._loop, self._listener, self._make = loop, listener, make
        self._tls, self._handshake_s, self._most_shaking = tls, handshake_s, most_shaking
        self._opening: set[asyncio.Task[object]] = set()

    def begin(self) -> None:
        """Accept from now on."""
        self._loop.add_reader(self._listener.fileno(), self._accept)

    async def end(self) -> None:
        """Accept whoever is connected already, and nobody after; closes the socket."""
        self._loop.remove_reader(self._listener.fileno())
        for _ in range(_LAST_TIMES):
            if not self._accept():
                break
        self._listener.close()
        if self._opening:
            await asyncio.wait(tuple(self._opening))

    def _accept(self) -> int:
        """Accept some, and return how many."""
        for accepted in range(_AT_ONCE):
            try:
                client, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return accepted
            except OSError as err:  # no more files may be opened
                log("accept", reason=err.strerror or str(err))
                self._loop.remove_reader(self._listener.fileno())
                self._loop.call_later(_PAUSE_S, self._go_on)
                return accepted
            client.setblocking(False)
            if self._tls is not None and len(self._opening) >= self._most_shaking:
                client.close()
                continue
            task = self._loop.create_task(self._open(client))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
        return _AT_ONCE

    async def _open(self, client: socket.socket) -> None:
        try:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is None:
                await self._loop.connect_accepted_socket(self._make, client)
            else:
                await self._loop.connect_accepted_socket(
                    self._make, client, ssl=self._tls, ssl_handshake_timeout=self._handshake_s
                )
        except OSError:  # it has gone already, or does not speak TLS
            client.close()

    def _go_on(self) -> None:
        if self._listener.fileno() >= 0:
            self.begin()
