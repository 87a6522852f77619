"""A small client for the server next door: plain calls, and retries that never record anything twice.

For the demo, the lifecycle and scripts; it needs nothing but the standard library and msgspec. Whatever is sent
carries a request id, so that a call whose answer was lost, because the server was killed or started anew, is sent
again and answered from the record. Not for several threads.
"""

from __future__ import annotations

import http.client
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from daytwo.core.errors import Conflict, Fault, Mistake, NotFound, Refused

# A server that starts anew is back within a few seconds.
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.02, 1.0
_ENCODER = msgspec.json.Encoder()


class Client:
    """Talks to one server over one kept connection.

    `patience_s` is for how long a server that refuses connections, breaks them or is busy is tried again.
    """

    def __init__(
        self,
        host: str,
        port: int,
        token: str = "",
        *,
        timeout_s: float = 30.0,
        patience_s: float = 30.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.host, self.port, self._timeout_s, self._patience_s, self._sleep = (
            host,
            port,
            timeout_s,
            patience_s,
            sleep,
        )
        self._headers = {"Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._connection: http.client.HTTPConnection | None = None

    def predict(
        self,
        rows: Sequence[Mapping[str, object]],
        *,
        request_id: str | None = None,
        explain: bool = False,
        replay_of: Sequence[str | None] | None = None,
    ) -> dict[str, Any]:
        """Return the answer to `rows`: `request_id`, `model`, `predictions`."""
        body: dict[str, object] = {"rows": rows, "request_id": request_id or uuid.uuid4().hex}
        if explain:
            body["explain"] = True
        if replay_of is not None:
            body["replay_of"] = replay_of
        return self._call("POST", "/predict", body)

    def labels(self, labels: Sequence[Mapping[str, object]], *, request_id: str | None = None) -> int:
        """Record labels (`key` or `prediction_id`, `label`, `observed_at`) and return how many."""
        answer = self._call("POST", "/labels", {"labels": labels, "request_id": request_id or uuid.uuid4().hex})
        return int(answer["recorded"])

    def feedback(self, prediction_id: str, action: str, *, reason: str = "", by: str = "") -> None:
        """Record what a person did with a prediction; sent twice after a broken connection it may stand twice."""
        body = {"prediction_id": prediction_id, "action": action, "reason": reason, "by": by}
        self._call("POST", "/feedback", body)

    def prediction(self, identity: str) -> dict[str, Any]:
        """Return a recent prediction by its id."""
        return self._call("GET", f"/predictions/{identity}")

    def route(self) -> dict[str, Any]:
        """Return which versions answer."""
        return self._call("GET", "/route")

    def rotate(self) -> str | None:
        """Have shadow scores finished and the journal's segment sealed; return its name, None where it was empty."""
        segment = self._call("POST", "/admin/rotate")["segment"]
        return None if segment is None else str(segment)

    def metrics(self) -> str:
        """Return the metrics in Prometheus' text format."""
        return self._send("GET", "/metrics", None)[1].decode()

    def ready(self) -> bool:
        """Return whether the server can answer now; never waits."""
        try:
            return self._once("GET", "/v2/health/ready", None)[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        _, answer = self._send(method, path, None if body is None else _ENCODER.encode(body))
        read: dict[str, Any] = msgspec.json.decode(answer)
        return read

    def _send(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        """Send until there is an answer that is no 503, or patience ends."""
        end, wait = time.monotonic() + self._patience_s, _FIRST_WAIT_S
        while True:
            try:
                status, answer = self._once(method, path, body)
                problem: Fault | None = None if status != 503 else _error(status, answer)
            except (OSError, http.client.HTTPException) as err:
                status, answer = 0, b""
                problem = Fault(
                    f"no answer from {self.host}:{self.port}: {err or type(err).__name__}",
                    hint="Is the server running? `daytwo status` tells",
                )
            if problem is None:
                break
            if time.monotonic() + wait > end:
                raise problem
            self._sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT_S)
        if status >= 400:
            raise _error(status, answer)
        return status, answer

    def _once(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self.host, self.port, timeout=self._timeout_s)
        try:
            self._connection.request(method, path, body, self._headers)
            response = self._connection.getresponse()
            return response.status, response.read()
        except BaseException:  # half an answer may still be on this connection
            self.close()
            raise


def _error(status: int, answer: bytes) -> Any:
    """Return the server's refusal as the error it was."""
    try:
        told = msgspec.json.decode(answer)["error"]
        message, hint = str(told["message"]), str(told["hint"])
    except (msgspec.MsgspecError, KeyError, TypeError):
        message, hint = f"the server answered {status}", ""
    if status >= 500:
        return Fault(message, hint=hint)
    kinds = {404: NotFound, 409: Conflict, 401: Refused, 403: Refused}
    return kinds.get(status, Mistake)(message, hint=hint)
