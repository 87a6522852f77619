"""HTTP by somebody else: requests from an ASGI server (3.0), put into the same queue as those of our own connections.

What `protocol.py` holds for its connections is held here for these: the size of a body, the time it may take, and
that nothing is computed for a client that has gone. Heads, idle connections and their number are the ASGI server's
business. `serving/asgi.py` puts the app together.

Source: ASGI specification, HTTP and lifespan, version 3.0.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import quote

from daytwo.serving.transport.messages import HttpError, Request, Response, error_id, refusal
from daytwo.serving.transport.turns import Turns

Scope: TypeAlias = Mapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_LOOPBACK = ("127.", "::1")
# The headers that are read, each once: no other reaches a handler, so nobody can speak to it as its own workers do.
_READ = frozenset(
    (
        b"accept-encoding",
        b"authorization",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"host",
        b"inference-header-content-length",
        b"origin",
        b"traceparent",
    )
)


class Visit:
    """One request's client, who waits for the answer."""

    def __init__(self) -> None:
        self.answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self.has_gone = False

    def answer(self, response: Response) -> None:
        """Hand on the answer."""
        if not self.answered.done():
            self.answered.set_result(response)


class AsgiDoor:
    """Answers the HTTP requests of an ASGI server by `turns`.

    `max_body_bytes` and `body_timeout_s` bound a body. `is_open` tells that no token is asked for: then only clients
    on this machine are answered, whatever address the ASGI server listens on.
    """

    def __init__(
        self, turns: Turns, *, max_body_bytes: int, body_timeout_s: float, is_open: Callable[[], bool]
    ) -> None:
        self._turns, self._max_body_bytes, self._body_timeout_s = turns, max_body_bytes, body_timeout_s
        self._is_open = is_open

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            request = await self._request(scope, receive)
        except HttpError as err:
            await refuse(send, err, str(scope["method"]))
            return
        if request is None:
            return
        visit = Visit()
        try:
            self._turns.put(visit, request)
        except HttpError as err:
            await refuse(send, err, request.method)
            return
        leaving = asyncio.ensure_future(_until_gone(receive))
        try:
            either: tuple[asyncio.Future[Any], ...] = (leaving, visit.answered)
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if visit.answered.done():
                await _send(send, visit.answered.result(), request.method)
        finally:
            visit.has_gone = True
            self._turns.forget(visit)
            leaving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await leaving

    async def _request(self, scope: Scope, receive: Receive) -> Request | None:
        """Return the whole request, None where its client left before it was; raises HttpError."""
        client = scope.get("client")
        if self._is_open() and client is not None and not str(client[0]).startswith(_LOOPBACK):
            raise HttpError(
                403, "host", "without a token only this machine may ask", hint="Make one: 'daytwo token create'"
            )
        headers: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            if name in headers:
                raise HttpError(400, "protocol", f"the header {name.decode()} stands twice", hint="Send it once")
            if name in _READ:
                headers[name] = value
        announced = headers.get(b"content-length", b"")
        if announced.isdigit() and (len(announced) > 18 or int(announced) > self._max_body_bytes):
            raise self._too_large()
        try:
            async with asyncio.timeout(self._body_timeout_s):
                body = await self._body(receive)
        except TimeoutError as err:
            raise HttpError(408, "timeout", "the request came too slowly", hint="Send it again") from err
        return None if body is None else Request(str(scope["method"]), _path(scope), headers, body, True)

    async def _body(self, receive: Receive) -> bytes | None:
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            part = message.get("body", b"")
            parts.append(part)
            size += len(part)
            if size > self._max_body_bytes:
                raise self._too_large()
            if not message.get("more_body", False):
                return parts[0] if len(parts) == 1 else b"".join(parts)

    def _too_large(self) -> HttpError:
        return HttpError(
            413, "too_large", f"the body is larger than {self._max_body_bytes} bytes", hint="Send fewer rows at once"
        )


async def refuse(send: Send, error: HttpError, method: str) -> None:
    """Answer with a refusal."""
    await _send(send, refusal(error, error_id()), method)


def _path(scope: Scope) -> str:
    """Return the path as it was sent, below where the app is mounted and without its query."""
    raw = scope.get("raw_path")
    path = str(scope["path"]) if raw is None else raw.decode("ascii", "replace").partition("?")[0]
    mount = str(scope.get("root_path", "")) if raw is None else quote(str(scope.get("root_path", "")))
    below = path.removeprefix(mount) if mount and path.startswith(mount) else path
    return below if raw is not None else quote(below)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


async def _send(send: Send, response: Response, method: str) -> None:
    headers = [(b"content-type", response.content_type), (b"content-length", b"%d" % len(response.body))]
    if response.retry_after_s:
        headers.append((b"retry-after", b"%d" % response.retry_after_s))
    start = {"type": "http.response.start", "status": response.status, "headers": [*headers, *response.headers]}
    # Of a client that has just gone: the specification's OSError, and what uvloop raises under uvicorn.
    with contextlib.suppress(OSError, RuntimeError):
        await send(start)
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else response.body})
