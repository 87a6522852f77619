"""Spans on their way to a collector: kept for a second at most, sent by a thread, dropped where it does not answer.

A request never waits for a collector. `asked.py` next door tells whether traces are asked for.
"""

from __future__ import annotations

import threading
import urllib.request
from collections import deque
from importlib.metadata import version as installed

import msgspec

from daytwo.serving.log import log
from daytwo.serving.tracing.asked import TracingConfig
from daytwo.serving.tracing.spans import Span, otlp

_EVERY_S, _TIMEOUT_S = 1.0, 2.0
# Beyond this a collector that does not keep up costs spans, not memory.
_MAX_WAITING, _MAX_BATCH = 4096, 512


class Exporter:
    """Sends spans. `put` is for one thread, and never waits."""

    def __init__(self, config: TracingConfig) -> None:
        self._config, self._version = config, installed("daytwo")
        self._waiting: deque[Span] = deque(maxlen=_MAX_WAITING)
        self._stop = threading.Event()
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
        self._thread.start()

    def put(self, span: Span) -> None:
        """Queue a span; the oldest is dropped where too many wait."""
        self._waiting.append(span)

    def close(self) -> None:
        """Send what waits, for a few seconds at most."""
        self._stop.set()
        self._thread.join(2 * _TIMEOUT_S)

    def _run(self) -> None:
        while not self._stop.wait(_EVERY_S):
            self._send_all()
        self._send_all()

    def _send_all(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MAX_BATCH))]
            body = msgspec.json.encode(otlp(batch, {"service.name": self._config.service}, self._version))
            headers = {"Content-Type": "application/json", **self._config.headers}
            request = urllib.request.Request(self._config.endpoint, body, headers)  # noqa: S310  http(s), checked above
            try:
                with urllib.request.urlopen(request, timeout=_TIMEOUT_S):  # noqa: S310
                    self._failing = False
            except OSError as err:
                if not self._failing:
                    log("traces", dropped=len(batch), reason=str(err))
                self._failing = True
                return
