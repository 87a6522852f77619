"""HTTP/1.1 read from one connection: bytes in, requests out.

llhttp (by httptools) reads the grammar; here stands what it leaves open: a header that decides where a message ends
may stand once only, chunks have no trailers, and what will not be read to its end is refused at once. `sizes.py` cuts
off greedy clients. `protocol.py` next door feeds the bytes and takes the requests.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import httptools

from daytwo.serving.transport.door import Door
from daytwo.serving.transport.messages import HttpError, Request
from daytwo.serving.transport.sizes import Sizes

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
        b"traceparent",
        b"transfer-encoding",
    )
)


class Owner(Protocol):
    """The connection that is read. `deadline` is when its client has been too slow, in the loop's time."""

    deadline: float

    def put(self, item: Request) -> None:
        """Take a whole request."""
        ...

    def go_on(self) -> None:
        """Tell the client, who asks first, that its body is welcome."""
        ...


class Reading:
    """Reads one connection. `in_message` tells that a request has begun and is not whole."""

    __slots__ = ("_body", "_door", "_headers", "_in_body", "_loop", "_owner", "_parser", "_sizes", "_url", "in_message")

    def __init__(self, owner: Owner, door: Door, loop: asyncio.AbstractEventLoop) -> None:
        self._owner, self._door, self._loop = owner, door, loop
        self._parser = httptools.HttpRequestParser(self)
        self._sizes = Sizes(door.max_body_bytes)
        self.in_message = self._in_body = False
        self._reset()

    def _reset(self) -> None:
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._sizes.reset()

    def feed(self, data: bytes) -> bool:
        """Read what came; every whole request in it is put. Return whether HTTP/1.1 goes on after it.

        Raises
        ------
        HttpError
            If the client is not to be read on.
        """
        try:
            if self.in_message:
                self._sizes.raw(len(data), in_body=self._in_body)
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # the request itself is answered; what follows it is not HTTP/1.1
            return False
        except httptools.HttpParserCallbackError as err:
            told = err.__context__
            if not isinstance(told, HttpError):
                raise
            raise told from None
        except httptools.HttpParserError as err:
            raise HttpError(400, "protocol", f"this is no HTTP/1.1: {err}", hint="Check the request's framing") from err
        return True

    def end(self) -> None:
        """Let the parser go: it holds this and this holds it, and apart both are freed at once."""
        del self._parser

    # What the parser tells.

    def on_message_begin(self) -> None:
        """Start the clock of a request's head."""
        self.in_message = True
        self._owner.deadline = self._loop.time() + self._door.head_timeout_s

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
        self._owner.deadline = self._loop.time() + self._door.body_timeout_s
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
        if b"expect" in headers:
            if headers[b"expect"].lower() != b"100-continue":
                raise HttpError(417, "protocol", "this expectation cannot be met", hint="Send no Expect header")
            self._owner.go_on()

    def on_body(self, body: bytes) -> None:
        """Collect the body up to its limit."""
        self._sizes.body(len(body))
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Put the request in its place in the queue."""
        url = self._url.partition(b"?")[0]
        if b"://" in url:
            url = self._absolute(url)
        request = Request(
            self._parser.get_method().decode("ascii"),
            url.decode("ascii", "replace"),
            self._headers,
            self._body[0] if len(self._body) == 1 else b"".join(self._body),
            self._parser.should_keep_alive() and not self._door.draining,
        )
        self.in_message = self._in_body = False
        self._reset()
        self._owner.put(request)

    def _absolute(self, url: bytes) -> bytes:
        """Return the path of an address as proxies are asked for it: its host counts, not that of the headers.

        Source: RFC 9112, 3.2.2.
        """
        scheme, _, rest = url.partition(b"://")
        if scheme.lower() not in {b"http", b"https"}:
            return url
        self._headers[b"host"], _, path = rest.partition(b"/")
        return b"/" + path
