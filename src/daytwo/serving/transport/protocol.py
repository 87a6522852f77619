"""HTTP/1.1 on one connection: bytes in, requests out, answers back in order.

llhttp (by httptools) reads the grammar; here stands what it leaves open: a header that decides where a message ends
may stand once only, chunks have no trailers, slow clients are cut off, and what is pipelined is answered one request a
turn of the loop so that nobody is starved. `sizes.py` cuts off greedy ones, `server.py` owns the connections.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import cast

import httptools

from daytwo.serving.transport.door import Door
from daytwo.serving.transport.messages import HttpError, Request, error_id, refusal, to_bytes
from daytwo.serving.transport.sizes import Sizes

# How long a client may take to end its side once it has got its last answer.
_LINGER_S = 2.0
# Requests of one connection that wait for their turn before its socket is no longer read.
_MAX_PIPELINED = 32
_READ = frozenset(
    (
        b"accept-encoding",
        b"authorization",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"expect",
        b"host",
        b"inference-header-content-length",
        b"origin",
        b"transfer-encoding",
    )
)


class Connection(asyncio.Protocol):
    """One client's connection."""

    __slots__ = (
        "_body",
        "_closing",
        "_door",
        "_headers",
        "_in_body",
        "_in_message",
        "_loop",
        "_parser",
        "_paused",
        "_queue",
        "_scheduled",
        "_sizes",
        "_transport",
        "_url",
        "deadline",
    )

    def __init__(self, door: Door, loop: asyncio.AbstractEventLoop) -> None:
        self._door, self._loop = door, loop
        self._parser = httptools.HttpRequestParser(self)
        self._queue: deque[Request | HttpError] = deque()
        self._in_message = self._in_body = self._closing = self._paused = self._scheduled = False
        self._transport: asyncio.Transport | None = None
        self._sizes = Sizes(door.max_body_bytes)
        self.deadline = loop.time() + door.head_timeout_s
        self._reset()

    def _reset(self) -> None:
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._sizes.reset()

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless there are too many already."""
        self._transport = cast("asyncio.Transport", transport)
        self._door.connections.add(self)
        if len(self._door.connections) > 2 * self._door.max_connections:
            self._closing = True
            self._transport.abort()
        elif len(self._door.connections) > self._door.max_connections or self._door.draining:
            self._end(HttpError(503, "busy", "too many connections", hint="Try again", retry_after_s=1))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Forget what the client no longer waits for."""
        self._door.connections.discard(self)
        if self._door.draining and not self._door.connections:
            self._door.emptied.set()
        self._forget_waiting()
        self._closing, self._transport = True, None
        # The parser holds this connection and this connection the parser: apart, both are freed at once.
        del self._parser

    def data_received(self, data: bytes) -> None:
        """Read what came; every whole request in it gets its answer."""
        if self._closing:
            return
        try:
            if self._in_message:
                self._sizes.raw(len(data), in_body=self._in_body)
            self._parser.feed_data(data)
        except HttpError as err:
            self._put(err)
        except httptools.HttpParserUpgrade:  # the request itself is answered; what follows it is not HTTP/1.1
            self._closing = True
        except httptools.HttpParserCallbackError as err:
            told = err.__context__
            if not isinstance(told, HttpError):
                raise
            self._put(told)
        except httptools.HttpParserError as err:
            self._put(HttpError(400, "protocol", f"this is no HTTP/1.1: {err}", hint="Check the request's framing"))
        if self._queue and not self._scheduled:
            self._work()

    def eof_received(self) -> bool:
        """Answer what is waiting, then close."""
        self._closing = True
        return bool(self._queue)

    def pause_writing(self) -> None:
        """Stop answering a client that does not read its answers."""
        self._paused = True

    def resume_writing(self) -> None:
        """Go on."""
        self._paused = False
        if self._queue and not self._scheduled:
            self._schedule()

    # What the parser tells.

    def on_message_begin(self) -> None:
        """Start the clock of a request's head."""
        self._in_message = True
        self.deadline = self._loop.time() + self._door.head_timeout_s

    def on_url(self, url: bytes) -> None:
        """Collect the address."""
        self._url += url
        self._sizes.head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the headers that are read here, each once."""
        self._sizes.header(len(name) + len(value))
        if self._in_body:
            raise HttpError(400, "protocol", "trailers are refused", hint="Send all headers before the body")
        lower = name.lower()
        if lower in _READ:
            if lower in self._headers:
                raise HttpError(400, "protocol", f"the header {lower.decode()} stands twice", hint="Send it once")
            self._headers[lower] = value

    def on_headers_complete(self) -> None:
        """Refuse what would not be read to its end."""
        headers = self._headers
        self._in_body = True
        self.deadline = self._loop.time() + self._door.body_timeout_s
        version = self._parser.get_http_version()
        if version not in {"1.1", "1.0"} or (version == "1.1" and b"host" not in headers):
            raise HttpError(400, "protocol", "this is no HTTP/1.1, or the Host header is missing", hint="Send HTTP/1.1")
        if b"transfer-encoding" in headers:
            if headers[b"transfer-encoding"].lower() != b"chunked" or b"content-length" in headers:
                raise HttpError(
                    400, "protocol", "the length of the body is told in two ways", hint="Send Content-Length only"
                )
        else:
            self._sizes.announced(int(headers.get(b"content-length", b"0")))
        if b"expect" in headers and self._transport is not None:
            if headers[b"expect"].lower() != b"100-continue":
                raise HttpError(417, "protocol", "this expectation cannot be met", hint="Send no Expect header")
            if not self._queue:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Collect the body up to its limit."""
        self._sizes.body(len(body))
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Put the request in its place in the queue."""
        url = self._url.partition(b"?")[0]
        request = Request(
            self._parser.get_method().decode("ascii"),
            url.decode("ascii", "replace"),
            self._headers,
            self._body[0] if len(self._body) == 1 else b"".join(self._body),
            self._parser.should_keep_alive() and not self._door.draining,
        )
        self._in_message = self._in_body = False
        self._reset()
        self.deadline = self._loop.time() + self._door.idle_timeout_s
        if self._door.waiting >= self._door.max_queue:
            raise HttpError(503, "busy", "too many requests are waiting", hint="Try again", retry_after_s=1)
        self._put(request)

    # Answering.

    def _put(self, item: Request | HttpError) -> None:
        """Queue a request, or the refusal that ends the connection in its turn."""
        self._queue.append(item)
        self._door.waiting += 1
        if isinstance(item, HttpError) or not item.keep_alive:
            self._closing = True
        if len(self._queue) >= _MAX_PIPELINED and self._transport is not None:
            self._transport.pause_reading()

    def _work(self) -> None:
        """Answer the first request in the queue, and let others have a turn before the next."""
        self._scheduled = False
        if not self._queue or self._paused or self._transport is None:
            return
        item = self._queue.popleft()
        self._door.waiting -= 1
        if isinstance(item, HttpError):
            self._end(item)
            return
        response = self._door.handle(item)
        keep_alive = item.keep_alive and not self._door.draining and not (self._closing and not self._queue)
        self._transport.write(to_bytes(response, keep_alive=keep_alive, with_body=item.method != "HEAD"))
        if not keep_alive:
            self._linger()
        elif self._queue:
            self._schedule()
        elif not self._transport.is_reading():
            self._transport.resume_reading()

    def _schedule(self) -> None:
        self._scheduled = True
        self._loop.call_soon(self._work)

    def _end(self, error: HttpError) -> None:
        self._closing = True
        if self._transport is not None:
            self._transport.write(to_bytes(refusal(error, error_id()), keep_alive=False))
            self._linger()

    def _linger(self) -> None:
        """End our side, and wait a little for the client's: a hard end would take the answer away from it."""
        self._closing = True
        self._forget_waiting()
        self.deadline = self._loop.time() + _LINGER_S
        if self._transport is not None and not self._transport.is_closing():
            if not self._transport.is_reading():
                self._transport.resume_reading()
            self._transport.write_eof()

    def _forget_waiting(self) -> None:
        """Drop what was pipelined behind the last answer; all connections share the count of what waits."""
        self._door.waiting -= len(self._queue)
        self._queue.clear()

    def expire(self) -> None:
        """Close the connection: with a word if a request had begun, hard if its client does not even read."""
        if self._transport is None:
            return
        if self._paused or self._closing:
            self._transport.abort()
        elif self._in_message and not self._queue:
            self._end(HttpError(408, "timeout", "the request came too slowly", hint="Send it again"))
        elif not self._queue:
            self._linger()

    def abort(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def close_if_idle(self) -> None:
        """Close the connection unless a request is on its way."""
        if self._transport is not None and (self._closing or not self._in_message) and not self._queue:
            self._closing = True
            self._transport.close()
