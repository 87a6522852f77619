"""The console listening on this machine, in the main thread or in one beside it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass

import uvicorn

from daytwo.console.app import build_console
from daytwo.core.clock import Clock
from daytwo.core.errors import Fault
from daytwo.lifecycle.system import System

HOST = "127.0.0.1"
# A page is made in well under a second; whoever waits longer than this at the end has gone away.
_LAST_WAIT_S = 2
# Pages are made by a handful of people, not by the public.
_MOST_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Listening:
    """A console whose port is taken and which answers once it runs."""

    port: int
    _server: uvicorn.Server
    _socket: socket.socket

    @property
    def url(self) -> str:
        """Where the first page is."""
        return f"http://{HOST}:{self.port}/"

    def run(self) -> None:
        """Answer until `stop` is called, or, in the main thread, until the process is told to end."""
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._socket.close()

    def stop(self) -> None:
        """Let `run` end; safe from any thread."""
        self._server.should_exit = True


def listen(system: System, clock: Clock, port: int) -> Listening:
    """Take the port (0 picks a free one) and return the console that will answer there.

    Raises
    ------
    Fault
        If the port is in use or not allowed.
    """
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((HOST, port))
        found.listen(128)
    except OSError as err:
        found.close()
        raise Fault(
            f"the console cannot listen on {HOST}:{port}: {err.strerror or err}",
            hint="Stop what listens there, or choose another port: [console] port in daytwo.toml, 0 for any free one",
        ) from err
    config = uvicorn.Config(
        build_console(system, clock),
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        lifespan="off",
        limit_concurrency=_MOST_AT_ONCE,
        timeout_graceful_shutdown=_LAST_WAIT_S,
    )
    return Listening(found.getsockname()[1], uvicorn.Server(config), found)


def serve_console(
    system: System, clock: Clock, port: int, *, ready: Callable[[Listening], None] = lambda _: None
) -> None:
    """Serve the console until the process is told to end, or until somebody stops what `ready` was given.

    Raises
    ------
    Fault
        If the port is in use or not allowed.
    """
    listening = listen(system, clock, port)
    ready(listening)
    listening.run()
