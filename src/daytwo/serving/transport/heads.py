"""Heads of requests that were read before: a client that keeps its connection sends the same head again and again.

A head is everything up to the blank line. Where one has been read by the parser and found good, the same bytes mean
the same request, so only the body that follows is new. Nothing is guessed: another byte anywhere is another head.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from daytwo.serving.transport.messages import Request

_END = b"\r\n\r\n"
# Clients differ little; one that makes every head anew must not cost memory.
_MAX_HEADS = 512
_MAX_HEAD_BYTES = 1024
# A named tuple's own maker costs three times as much, and this runs for every request.
_request = partial(tuple.__new__, Request)


class _Head(NamedTuple):
    method: str
    path: str
    headers: dict[bytes, bytes]
    length: int


class Heads:
    """The heads that one server has read lately."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[bytes, _Head] = {}

    def request(self, data: bytes) -> Request | None:
        """Return the one whole request that `data` is, or None where its head is new or more or less than it came."""
        end = data.find(_END) + len(_END)
        head = self._known.get(data[:end])
        if head is None or len(data) != end + head.length:
            return None
        return _request((head.method, head.path, head.headers, data[end:], True))

    def remember(self, data: bytes, request: Request) -> None:
        """Keep the head of `request`, which the parser has made of all of `data`."""
        end = data.find(_END) + len(_END)
        headers = request.headers
        plain = request.keep_alive and b"transfer-encoding" not in headers and b"expect" not in headers
        if not plain or end > _MAX_HEAD_BYTES or len(data) != end + len(request.body):
            return
        if int(headers.get(b"content-length", b"0")) != len(request.body):
            return
        if len(self._known) >= _MAX_HEADS:
            self._known.clear()
        self._known[data[:end]] = _Head(request.method, request.path, headers, len(request.body))
