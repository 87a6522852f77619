"""A request and a response as values, and how an error is told to a client.

`protocol.py` makes requests of bytes and bytes of responses; `handlers.py` makes responses of requests. An error
carries a code, what happened, the next step and an id that stands in the log as well; never a stack.
"""

from __future__ import annotations

import itertools
import os
from http import HTTPStatus
from typing import NamedTuple

import msgspec

from daytwo.core.errors import Conflict, DataError, DaytwoError, Fault, NotFound, Refused

JSON = b"application/json"
TEXT = b"text/plain; version=0.0.4; charset=utf-8"

_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
_USUAL = b"%bcontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
# What a client that comes without a token is to come with (RFC 9110, 11.6.1).
_CHALLENGE = ((b"www-authenticate", b"Bearer"),)
_error_number = itertools.count(1)
_ENCODER = msgspec.json.Encoder()


class Request(NamedTuple):
    """One request. `path` is without its query; `headers` holds only those that daytwo reads, in lower case."""

    method: str
    path: str
    headers: dict[bytes, bytes]
    body: bytes
    keep_alive: bool


class Response(NamedTuple):
    """One answer. `retry_after_s` tells a refused client when to try again; `headers` are sent besides the usual."""

    status: int
    body: bytes
    content_type: bytes = JSON
    retry_after_s: int = 0
    headers: tuple[tuple[bytes, bytes], ...] = ()


class HttpError(DaytwoError):
    """A request that is refused at the door, with the status that says so."""

    def __init__(self, status: int, code: str, message: str, *, hint: str = "", retry_after_s: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.status, self.name, self.retry_after_s = status, code, retry_after_s


def ok(value: object) -> Response:
    """Return `value` as a JSON response."""
    return Response(200, _ENCODER.encode(value))


def error_id() -> str:
    """Return a name for one error that no other error of this process has."""
    return f"{os.getpid():x}-{next(_error_number):x}"


def refusal(error: DaytwoError, identity: str, *, flat: bool = False) -> Response:
    """Return how `error` is told to a client; `flat` as the Open Inference Protocol asks, its "error" being a text."""
    match error:
        case HttpError():
            status, code, retry = error.status, error.name, error.retry_after_s
        case NotFound():
            status, code, retry = 404, error.code, 0
        case DataError():
            status, code, retry = 422, error.code, 0
        case Conflict() | Refused():
            status, code, retry = 409, error.code, 0
        case Fault():
            status, code, retry = 503, error.code, 1
        case _:
            status, code, retry = 400, error.code, 0
    told = {"code": code, "message": error.message, "hint": error.hint, "id": identity}
    body: dict[str, object] = {"error": f"{error.message}. {error.hint}", **told} if flat else {"error": told}
    headers = _CHALLENGE if status == HTTPStatus.UNAUTHORIZED else ()
    return Response(status, _ENCODER.encode(body), retry_after_s=retry, headers=headers)


def broken(identity: str, *, flat: bool = False) -> Response:
    """Return the answer to a request on which daytwo itself failed; what happened stands in the log."""
    return refusal(
        HttpError(500, "broken", "daytwo failed on this request", hint=f"Look for {identity} in the server's log"),
        identity,
        flat=flat,
    )


def to_bytes(response: Response, *, keep_alive: bool, with_body: bool = True) -> bytes:
    """Return the response as HTTP/1.1."""
    if response.content_type is JSON and keep_alive and with_body and not (response.headers or response.retry_after_s):
        return _USUAL % (_LINES[response.status], len(response.body), response.body)
    head = b"%scontent-type: %s\r\ncontent-length: %d\r\n" % (
        _LINES[response.status],
        response.content_type,
        len(response.body),
    )
    if response.retry_after_s:
        head += b"retry-after: %d\r\n" % response.retry_after_s
    for name, value in response.headers:
        head += b"%s: %s\r\n" % (name, value)
    if not keep_alive:
        head += b"connection: close\r\n"
    return b"%s\r\n%s" % (head, response.body if with_body else b"")
