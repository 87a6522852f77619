"""The port of a server, alone or shared by its workers.

The first socket is bound for itself alone, so a port that anybody else has is refused; only then may others join it
(SO_REUSEPORT), each with a queue of its own among which the system spreads new connections.
"""

from __future__ import annotations

import socket

from daytwo.core.errors import Fault

# Linux takes the smaller of this and net.core.somaxconn; whoever finds the queue full tries again a second later.
BACKLOG = 4096


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens alone on the port.

    Raises
    ------
    Fault
        If the port is in use or not allowed.
    """
    listener = _open(host)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as err:
        listener.close()
        raise _cannot(host, port, err) from err
    return listener


def listen_together(host: str, port: int, count: int) -> list[socket.socket]:
    """Return so many sockets that listen on one port; raises as `listen` does."""
    first = _open(host)
    try:
        first.bind((host, port))
        first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        first.listen(BACKLOG)
    except OSError as err:
        first.close()
        raise _cannot(host, port, err) from err
    return [first, *(listen_beside(host, first.getsockname()[1]) for _ in range(count - 1))]


def listen_beside(host: str, port: int) -> socket.socket:
    """Return one more socket that listens on the port of this server; raises as `listen` does."""
    listener = _open(host)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as err:
        listener.close()
        raise _cannot(host, port, err) from err
    return listener


def _open(host: str) -> socket.socket:
    try:
        listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    except OSError as err:
        raise Fault(f"cannot open a socket: {err.strerror or err}", hint="Check the machine's limits") from err
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setblocking(False)
    return listener


def _cannot(host: str, port: int, err: OSError) -> Fault:
    return Fault(
        f"cannot listen on {host} port {port}: {err.strerror or err}",
        hint="Stop what uses the port, or set another one as [serve] port (0 picks a free one)",
    )
