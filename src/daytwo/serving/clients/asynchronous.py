"""The client that does not block: `Client` in the same words, for many calls at a time in one event loop."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Self

from daytwo.serving.clients import calls
from daytwo.serving.clients.calls import Call
from daytwo.serving.clients.patience import Patience
from daytwo.serving.clients.streams import Answered, Stream
from daytwo.serving.clients.trying import Tries


class AsyncClient:
    """Talks to one server over a few kept connections; more calls than `connections` wait for one.

    The other arguments are those of `Client`.
    """

    def __init__(
        self,
        host: str,
        port: int,
        token: str = "",
        *,
        timeout_s: float = 30.0,
        patience_s: float = 30.0,
        connections: int = 8,
        tls: ssl.SSLContext | None = None,
        model: str = "",
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.host, self.port, self._timeout_s, self._patience = host, port, timeout_s, Patience(patience_s, chance)
        self._tls, self._sleep, self._model = tls, sleep, model
        self._headers = {"Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._free: list[Stream] = []
        self._room = asyncio.Semaphore(connections)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def predict(
        self,
        rows: Sequence[Mapping[str, object]],
        *,
        request_id: str | None = None,
        explain: bool = False,
        replay_of: Sequence[str | None] | None = None,
        within_s: float | None = None,
    ) -> dict[str, Any]:
        """Return the answer to `rows`: `request_id`, `model`, `predictions`; or fail within `within_s` seconds."""
        return await self._object(calls.predict(rows, request_id, explain=explain, replay_of=replay_of), within_s)

    async def labels(self, labels: Sequence[Mapping[str, object]], *, request_id: str | None = None) -> int:
        """Record labels (`key` or `prediction_id`, `label`, `observed_at`) and return how many."""
        return int((await self._object(calls.labels(labels, request_id)))["recorded"])

    async def feedback(
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
        await self._object(calls.feedback(prediction_id, action, reason, by, outcome, request_id))

    async def prediction(self, identity: str) -> dict[str, Any]:
        """Return a recent prediction by its id."""
        return await self._object(calls.prediction(identity))

    async def explanation(self, identity: str) -> dict[str, Any]:
        """Return the reasons of a recent prediction, by the version that answered it."""
        return await self._object(calls.prediction(identity, "/explanation"))

    async def change(self, identity: str) -> dict[str, Any]:
        """Return what would turn the decision on a recent row, by the version that answered it."""
        return await self._object(calls.prediction(identity, "/change"))

    async def route(self) -> dict[str, Any]:
        """Return which versions answer."""
        return await self._object(calls.ROUTE)

    async def metrics(self) -> str:
        """Return the metrics in Prometheus' text format."""
        return (await self._send(calls.METRICS)).decode()

    async def ready(self) -> bool:
        """Return whether the server can answer now; never waits for it to start."""
        try:
            return (await self._once(calls.READY, self._timeout_s)).status == 200
        except OSError:
            return False

    async def close(self) -> None:
        """Close the connections; the next call opens another."""
        while self._free:
            await self._free.pop().close()

    async def _object(self, call: Call, within_s: float | None = None) -> dict[str, Any]:
        return calls.read_object(await self._send(call, within_s))

    async def _send(self, call: Call, within_s: float | None = None) -> bytes:
        """Send until there is an answer that will not be another in a while, or patience ends."""
        tries = Tries(f"{self.host}:{self.port}", self._timeout_s, self._patience, within_s)
        while True:
            try:
                answered = await self._once(call, tries.left_s())
            except OSError as err:
                wait = tries.after_failure(err)
            else:
                if answered.status < 400:
                    return answered.body
                wait = tries.after_refusal(answered.status, answered.body, answered.headers.get("retry-after"))
            await self._sleep(wait)

    async def _once(self, call: Call, timeout_s: float) -> Answered:
        async with self._room, asyncio.timeout(timeout_s):
            if self._free:
                stream = self._free.pop()
            else:
                stream = await Stream.open(self.host, self.port, self._tls)
            try:
                answered = await stream.ask(call.method, call.path_for(self._model), self._headers, call.body)
            except BaseException:  # half an answer may still be on this connection
                stream.abort()
                raise
            if answered.stays:
                self._free.append(stream)
            else:
                stream.abort()
            return answered
