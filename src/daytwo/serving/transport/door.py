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


# So many refusals a second cost some 5 % of a core; above that whoever was refused is not read for a while.
_REFUSALS_A_SECOND, _REFUSALS_AT_ONCE = 5000.0, 500.0


@dataclass(slots=True, eq=False)
class Patience:
    """How many more refusals may be told at once before they would cost what others could be answered with.

    `now` is in seconds of the loop's clock.
    """

    _left: float = _REFUSALS_AT_ONCE
    _at: float = 0.0

    def spare(self, now: float) -> bool:
        """Whether one more refusal may be told without making its client wait before the next."""
        self._left = min(self._left + (now - self._at) * _REFUSALS_A_SECOND, _REFUSALS_AT_ONCE)
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


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
    patience: Patience = field(default_factory=Patience)
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
