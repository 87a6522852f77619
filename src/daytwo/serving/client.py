"""Clients for the server next door: plain calls, and retries that never record anything twice.

For the demo, the lifecycle, scripts and services; they need nothing but the standard library and msgspec. `Client`
waits for each answer and is not for several threads; `AsyncClient` says the same in the same words and does not block.
"""

from __future__ import annotations

import http.client
import random
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from daytwo.serving.clients import calls
from daytwo.serving.clients.asynchronous import AsyncClient
from daytwo.serving.clients.calls import Call
from daytwo.serving.clients.patience import Patience
from daytwo.serving.clients.trying import Tries

__all__ = ["AsyncClient", "Client"]


class Client:
    """Talks to one server over one kept connection.

    `timeout_s` is for one answer. `patience_s` is for how long a server that refuses connections, breaks them or is
    busy is tried again; where it names a time (Retry-After), that long is waited. `tls` is for a server, or a
    proxy before it, that has a certificate. `model` names one of a server that has several; empty is its first.
    """

    def __init__(
        self,
        host: str,
        port: int,
        token: str = "",
        *,
        timeout_s: float = 30.0,
        patience_s: float = 30.0,
        tls: ssl.SSLContext | None = None,
        model: str = "",
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.host, self.port, self._timeout_s, self._patience = host, port, timeout_s, Patience(patience_s, chance)
        self._tls, self._sleep, self._model = tls, sleep, model
        self._headers = {"Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._connection: http.client.HTTPConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def predict(
        self,
        rows: Sequence[Mapping[str, object]],
        *,
        request_id: str | None = None,
        explain: bool = False,
        replay_of: Sequence[str | None] | None = None,
        within_s: float | None = None,
    ) -> dict[str, Any]:
        """Return the answer to `rows`: `request_id`, `model`, `predictions`; or fail within `within_s` seconds."""
        return self._object(calls.predict(rows, request_id, explain=explain, replay_of=replay_of), within_s)

    def labels(self, labels: Sequence[Mapping[str, object]], *, request_id: str | None = None) -> int:
        """Record labels (`key` or `prediction_id`, `label`, `observed_at`) and return how many."""
        return int(self._object(calls.labels(labels, request_id))["recorded"])

    def feedback(
        self,
        prediction_id: str,
        action: str,
        *,
        reason: str = "",
        by: str = "",
        outcome: str | float | None = None,
        request_id: str | None = None,
    ) -> None:
        """Record what a person did with a prediction; `outcome` is what was decided in place of the advice."""
        self._object(calls.feedback(prediction_id, action, reason, by, outcome, request_id))

    def prediction(self, identity: str) -> dict[str, Any]:
        """Return a recent prediction by its id."""
        return self._object(calls.prediction(identity))

    def explanation(self, identity: str) -> dict[str, Any]:
        """Return the reasons of a recent prediction, by the version that answered it."""
        return self._object(calls.prediction(identity, "/explanation"))

    def change(self, identity: str) -> dict[str, Any]:
        """Return what would turn the decision on a recent row, by the version that answered it."""
        return self._object(calls.prediction(identity, "/change"))

    def route(self) -> dict[str, Any]:
        """Return which versions answer."""
        return self._object(calls.ROUTE)

    def rotate(self) -> str | None:
        """Have shadow scores finished and the journal's segment sealed; return its name, None where it was empty."""
        segment = self._object(calls.ROTATE)["segment"]
        return None if segment is None else str(segment)

    def metrics(self) -> str:
        """Return the metrics in Prometheus' text format."""
        return self._send(calls.METRICS).decode()

    def ready(self) -> bool:
        """Return whether the server can answer now; never waits."""
        try:
            return self._once(calls.READY, self._timeout_s)[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _object(self, call: Call, within_s: float | None = None) -> dict[str, Any]:
        return calls.read_object(self._send(call, within_s))

    def _send(self, call: Call, within_s: float | None = None) -> bytes:
        """Send until there is an answer that will not be another in a while, or patience ends."""
        tries = Tries(f"{self.host}:{self.port}", self._timeout_s, self._patience, within_s)
        while True:
            try:
                status, answer, retry_after = self._once(call, tries.left_s())
            except (OSError, http.client.HTTPException) as err:
                wait = tries.after_failure(err)
            else:
                if status < 400:
                    return answer
                wait = tries.after_refusal(status, answer, retry_after)
            self._sleep(wait)

    def _once(self, call: Call, timeout_s: float) -> tuple[int, bytes, str | None]:
        if self._connection is None:
            self._connection = self._connect()
        self._connection.timeout = timeout_s
        if self._connection.sock is not None:
            self._connection.sock.settimeout(timeout_s)
        try:
            self._connection.request(call.method, call.path_for(self._model), call.body, self._headers)
            response = self._connection.getresponse()
            return response.status, response.read(), response.getheader("Retry-After")
        except BaseException:  # half an answer may still be on this connection
            self.close()
            raise

    def _connect(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self.host, self.port)
        return http.client.HTTPSConnection(self.host, self.port, context=self._tls)
