"""Messages between workers: a length (u32, little-endian), then a number and a request or response as MessagePack.

Only processes of one user on one machine speak so, and always the same version of each other.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec

from daytwo.serving.transport.messages import Request, Response

_LENGTH = struct.Struct("<I")
_ENCODER = msgspec.msgpack.Encoder()
_REQUEST = msgspec.msgpack.Decoder(tuple[int, Request])
_RESPONSE = msgspec.msgpack.Decoder(tuple[int, Response])


class Frames:
    """Puts messages together from the pieces in which they come."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield every message that is whole with `data`."""
        self._held += data
        begin = 0
        while len(self._held) >= begin + _LENGTH.size:
            end = begin + _LENGTH.size + _LENGTH.unpack_from(self._held, begin)[0]
            if len(self._held) < end:
                break
            yield bytes(self._held[begin + _LENGTH.size : end])
            begin = end
        del self._held[:begin]


def to_wire(number: int, message: Request | Response) -> bytes:
    """Return the bytes of one message."""
    payload = _ENCODER.encode((number, message))
    return _LENGTH.pack(len(payload)) + payload


def request_of(payload: bytes) -> tuple[int, Request]:
    """Return the number and the request in a message."""
    return _REQUEST.decode(payload)


def response_of(payload: bytes) -> tuple[int, Response]:
    """Return the number and the response in a message."""
    return _RESPONSE.decode(payload)
