"""While ledger, disk or a bug keeps the lifecycle from going on: people hear of it once, and when it is over.

An alert is kept in the ledger, which may be what is away. So it goes out by the project's channel at once, and into the
ledger when that can be written again.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from daytwo.alerts.alerts import Alert, closed, take_in
from daytwo.core.durations import in_words
from daytwo.core.finding import Finding, Severity
from daytwo.lifecycle.system import System
from daytwo.lifecycle.worker import Event

KIND = "lifecycle.standstill"
# A database that is started again, a disk that is cleared: nobody need be woken for what passes within a minute.
PATIENCE = timedelta(minutes=1)


class Standstill:
    """Hears from several sources whether they go on; `say` tells who watches this process. For many threads."""

    def __init__(self, system: System, *, say: Callable[[Event], None]) -> None:
        self._system, self._say = system, say
        self._lock = threading.Lock()
        self._standing: set[str] = set()
        self._words = ""
        self._since: datetime | None = None
        self._alert: Alert | None = None
        self._sent_at: datetime | None = None
        self._is_heard = False

    def stands(self, source: str, words: str, now: datetime) -> None:
        """Hear that a source failed, and why; told where it is news, sent out once it has lasted a minute."""
        with self._lock:
            if words != self._words:
                self._say(Event(now, "trouble", words, {}))
                self._words = words
            self._standing.add(source)
            self._since = self._since or now
            if now - self._since >= PATIENCE:
                self._send(words, now)

    def goes_on(self, source: str, now: datetime) -> None:
        """Hear that a source succeeded; once none stands any more that is told, and kept where it was sent out."""
        with self._lock:
            self._standing.discard(source)
            since, alert = self._since, self._alert
            if since is None or self._standing:
                return
            if alert is not None:
                self._system.alerts.put(closed(alert, at=now, by="daytwo", verdict="recovered"))
            self._words, self._since, self._alert, self._sent_at, self._is_heard = "", None, None, None, False
            self._say(Event(now, "goes on", f"the lifecycle goes on; it stood still for {in_words(now - since)}", {}))

    def _send(self, words: str, now: datetime) -> None:
        """Send an alert to people's channel, and again each minute until it was taken on."""
        if self._is_heard or (self._sent_at is not None and now - self._sent_at < PATIENCE):
            return
        assert self._since is not None
        model, since = self._system.settings.model, self._since
        finding = Finding(
            KIND,
            model.name,
            Severity.CRITICAL,
            f"the lifecycle on {socket.gethostname()} stands still since {since:%H:%M} UTC: {words}. Its server answers"
            " and journals by itself; meanwhile it watches, trains, releases and rolls back nothing",
            since=since,
            owner=model.owner,
            next_step="Mend what is named; it goes on by itself. See 'daytwo doctor'",
        )
        if self._alert is None:
            (self._alert,) = take_in([finding], (), at=since, opened_by=f"up {since.isoformat()}").opened
        self._sent_at = now
        self._is_heard = self._system.channel is None or self._system.channel.send(self._alert)
