"""One call and its tries: how long the next may take, and whether there is a next. Sends nothing itself."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from daytwo.core.errors import DaytwoError
from daytwo.serving.clients import calls
from daytwo.serving.clients.patience import Patience, retry_after_s

# The least that is left for a try, in seconds: zero would mean not to wait at all.
_LEAST_S = 0.001


class Tries:
    """The tries of one call to the server at `where`; `within_s` bounds them all, `timeout_s` each."""

    def __init__(self, where: str, timeout_s: float, patience: Patience, within_s: float | None) -> None:
        self._where, self._timeout_s, self._within_s = where, timeout_s, within_s
        self._patience = patience if within_s is None else Patience(within_s, patience.chance)
        self._began, self._count = time.monotonic(), 0

    def left_s(self) -> float:
        """Return how long the next try may take, in seconds."""
        self._count += 1
        if self._within_s is None:
            return self._timeout_s
        return max(_LEAST_S, min(self._timeout_s, self._within_s - self._spent_s()))

    def after_failure(self, err: Exception) -> float:
        """Return how long to wait after a try that got no answer.

        Raises
        ------
        Fault
            If there is no next one.
        """
        return self._wait_s(calls.no_answer(self._where, err), None)

    def after_refusal(self, status: int, answer: bytes, retry_after: str | None) -> float:
        """Return how long to wait after an answer of this status, 400 or more.

        Raises
        ------
        DaytwoError
            If there is no next try: the server's refusal as the error it was.
        """
        problem = calls.refusal(status, answer)
        if status not in calls.PASSING:
            raise problem
        return self._wait_s(problem, retry_after_s(retry_after, datetime.now(UTC)))

    def _wait_s(self, problem: DaytwoError, asked_s: float | None) -> float:
        wait = self._patience.wait_s(self._count, self._spent_s(), asked_s)
        if wait is None:
            raise problem
        return wait

    def _spent_s(self) -> float:
        return time.monotonic() - self._began
