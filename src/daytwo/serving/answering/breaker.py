"""A version whose model fails again and again is left alone for a while: its rows get the fallback at once.

Pure but for what is handed in: the clocks, and whom to tell. `closed`: the model is asked. After so many failed calls
in a row, or when half of the latest calls failed, it is `open`: not asked until it has cooled down. Then it is
`trying`: calls that succeed close it, one that fails opens it again, for twice as long. A call is a request's rows for
one version, and has failed where not one of them got a score: a row that breaks a model by itself does not stop the
others.

`predict.py` asks and tells it, `health.py` puts it into words.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from daytwo.serving.log import log


class State(StrEnum):
    """Whether a version is asked."""

    CLOSED = "closed"
    OPEN = "open"
    TRYING = "trying"


@dataclass(frozen=True, slots=True)
class Limits:
    """When a breaker opens and closes. Times are in seconds.

    `in_a_row` failed calls open it, or the `share` of failed ones among the latest `calls`, once there were so many.
    It cools for `cool_s`, twice as long each time a trial fails, `longest_s` at most; `trials` good calls close it.
    """

    in_a_row: int = 5
    calls: int = 20
    share: float = 0.5
    cool_s: float = 1.0
    longest_s: float = 60.0
    trials: int = 3


USUAL = Limits()


class Breaker:
    """Whether one version is asked. For the loop's thread only.

    `since` is when it last left `closed`, in seconds since 1970, and `opened` how often it did; `name` is for the log.
    """

    __slots__ = (
        "_calls", "_cool_s", "_good", "_limits", "_monotonic", "_now", "_row", "_tell", "_until",
        "name", "opened", "reason", "since", "state",
    )  # fmt: skip

    def __init__(
        self,
        name: str = "",
        limits: Limits = USUAL,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        tell: Callable[..., None] = log,
    ) -> None:
        self.name, self._limits, self._monotonic, self._now, self._tell = name, limits, monotonic, now, tell
        self.state, self.reason, self.since, self.opened = State.CLOSED, "", 0.0, 0
        self._calls: deque[bool] = deque(maxlen=limits.calls)
        self._row = self._good = 0
        self._until, self._cool_s = 0.0, limits.cool_s

    @property
    def is_sound(self) -> bool:
        """Whether none of the latest calls failed: then a good one need not be told."""
        return not self._calls and self.state is State.CLOSED

    def allows(self) -> bool:
        """Whether the model may be asked now."""
        if self.state is State.OPEN and self._monotonic() >= self._until:
            self._become(State.TRYING)
            self._good = 0
        return self.state is not State.OPEN

    def heard(self, *, good: bool) -> None:
        """Take in how a call went that was allowed."""
        if self.state is State.TRYING:
            self._tried(good=good)
        elif self.state is State.CLOSED and not (good and not self._calls):
            self._counted(good=good)

    def _counted(self, *, good: bool) -> None:
        self._calls.append(good)
        self._row = 0 if good else self._row + 1
        failed = self._calls.count(False)
        if good:
            if not failed:
                self._calls.clear()
        elif self._row >= self._limits.in_a_row:
            self._open(f"{self._row} calls in a row failed")
        elif len(self._calls) == self._limits.calls and failed >= self._limits.share * len(self._calls):
            self._open(f"{failed} of the latest {len(self._calls)} calls failed")

    def _tried(self, *, good: bool) -> None:
        if not good:
            self._cool_s = min(2 * self._cool_s, self._limits.longest_s)
            self._cool("a trial failed")
            return
        self._good += 1
        if self._good >= self._limits.trials:
            self._calls.clear()
            self._row, self._cool_s, self.reason = 0, self._limits.cool_s, ""
            self._become(State.CLOSED)

    def _open(self, reason: str) -> None:
        self.opened += 1
        self.since, self.reason = self._now(), reason
        self._cool(reason)

    def _cool(self, reason: str) -> None:
        self._until = self._monotonic() + self._cool_s
        self._become(State.OPEN, reason=reason, cool_s=self._cool_s)

    def _become(self, state: State, **words: object) -> None:
        self.state = state
        self._tell("breaker", version=self.name, state=str(state), **words)
