"""How large one message may become while it is read: a greedy client is cut off before it costs memory.

`protocol.py` reports every piece as it comes.
"""

from __future__ import annotations

from daytwo.serving.transport.messages import HttpError

MAX_HEAD_BYTES = 16 * 1024
MAX_HEADERS = 100
# What chunked framing may cost on top of the body itself: a client that sends one byte a chunk is no client.
_CHUNK_OVERHEAD = 2


class Sizes:
    """The bytes of one message so far. Every method counts a piece and raises HttpError where that is too much."""

    __slots__ = ("_body", "_head", "_headers", "_max_body", "_raw")

    def __init__(self, max_body_bytes: int) -> None:
        self._max_body = max_body_bytes
        self.reset()

    def reset(self) -> None:
        """Begin with the next message."""
        self._head = self._headers = self._body = self._raw = 0

    def head(self, size: int) -> None:
        """Count a part of the head, in bytes."""
        self._head += size
        if self._head > MAX_HEAD_BYTES:
            raise _head_too_large()

    def header(self, size: int) -> None:
        """Count one header with its value, in bytes."""
        self._headers += 1
        self._head += size
        if self._head > MAX_HEAD_BYTES or self._headers > MAX_HEADERS:
            raise _head_too_large()

    def announced(self, size: int) -> None:
        """Refuse a body whose length is told beforehand, in bytes, before any of it is read."""
        if size > self._max_body:
            raise self._body_too_large()

    def body(self, size: int) -> None:
        """Count a part of the body, in bytes."""
        self._body += size
        if self._body > self._max_body:
            raise self._body_too_large()

    def raw(self, size: int, *, in_body: bool) -> None:
        """Count what came, in bytes: half a header and endless chunk extensions reach no other method."""
        self._raw += size
        if not in_body and self._raw > MAX_HEAD_BYTES:
            raise _head_too_large()
        if self._raw > MAX_HEAD_BYTES + _CHUNK_OVERHEAD * self._max_body:
            raise self._body_too_large()

    def _body_too_large(self) -> HttpError:
        return HttpError(
            413,
            "too_large",
            f"the body is larger than {self._max_body} bytes",
            hint="Send fewer rows at once, or raise [serve] max_body_mb",
        )


def _head_too_large() -> HttpError:
    return HttpError(431, "too_large", f"the head is larger than {MAX_HEAD_BYTES} bytes", hint="Send fewer headers")
