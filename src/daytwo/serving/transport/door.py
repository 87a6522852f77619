"""What all connections of a server share: the turns, the limits, and who is connected right now.

`protocol.py` next door is one connection; `server.py` sweeps and drains them.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

from daytwo.serving.transport.heads import Heads
from daytwo.serving.transport.turns import Turns


class Connected(Protocol):
    """One connection, as its server sees it. `deadline` is when it has been too slow, in the loop's time."""

    deadline: float

    def expire(self) -> None:
        """End the connection because its deadline is over."""
        ...

    def close_if_idle(self) -> None:
        """End the connection unless a request is on its way."""
        ...

    def abort(self) -> None:
        """End the connection at once."""
        ...


@dataclass(slots=True, eq=False)
class Door:
    """What all connections of a server share."""

    turns: Turns
    max_body_bytes: int
    max_connections: int
    head_timeout_s: float
    body_timeout_s: float
    idle_timeout_s: float
    connections: set[Connected] = field(default_factory=set)
    emptied: asyncio.Event = field(default_factory=asyncio.Event)
    heads: Heads = field(default_factory=Heads)
    draining: bool = False

    def sweep(self, now: float) -> None:
        """Cut off every connection that has been too slow; `now` is the loop's time."""
        for connection in tuple(self.connections):
            if now > connection.deadline:
                connection.expire()

    def drain(self) -> None:
        """Let every connection finish what it has begun, and close the idle ones."""
        self.draining = True
        for connection in tuple(self.connections):
            connection.close_if_idle()
