"""Bodies that travel compressed: gzip and deflate both ways, never more than a body may have when it is unpacked."""

from __future__ import annotations

import zlib

from daytwo.serving.transport.messages import HttpError, Request, Response

# Below this a reply is sent as it is: one packet either way.
_WORTH_BYTES = 1400
# Both are the same packing in other wrappers; "deflate" is zlib's, as RFC 9110 has it. The first is preferred.
_WRAPPERS = {b"gzip": 16 + zlib.MAX_WBITS, b"deflate": zlib.MAX_WBITS}
PACKINGS = tuple(_WRAPPERS)
# Fast rather than small: replies are mostly digits.
_LEVEL = 1


def unpacked(request: Request, max_bytes: int) -> Request:
    """Return the request with its body as it was before it was compressed.

    Raises
    ------
    HttpError
        400 where it is not whole, 413 where it would unpack to more than `max_bytes`.
    """
    packing = request.headers.get(b"content-encoding", b"identity").lower()
    if packing not in _WRAPPERS:
        return request
    unpacker = zlib.decompressobj(_WRAPPERS[packing])
    name = packing.decode()
    try:
        body = unpacker.decompress(request.body, max_bytes + 1)
    except zlib.error as err:
        raise HttpError(400, "encoding", f"the body is no {name}: {err}", hint="Compress it anew") from err
    if len(body) > max_bytes:
        raise HttpError(413, "too_large", f"the body unpacks to over {max_bytes} bytes", hint="Send fewer rows at once")
    if not unpacker.eof or unpacker.unused_data:
        raise HttpError(400, "encoding", f"the body is no single whole {name}", hint="Compress it anew")
    return request._replace(body=body)


def packed(response: Response, request: Request) -> Response:
    """Return the response compressed where the client takes it and it pays."""
    if len(response.body) < _WORTH_BYTES:
        return response
    taken = _taken(request.headers.get(b"accept-encoding", b""))
    packing = next((one for one in _WRAPPERS if one in taken), None)
    if packing is None:
        return response
    packer = zlib.compressobj(_LEVEL, wbits=_WRAPPERS[packing])
    body = packer.compress(response.body) + packer.flush()
    return response._replace(body=body, headers=(*response.headers, (b"content-encoding", packing)))


def _taken(accept: bytes) -> set[bytes]:
    """Return the packings in a list such as `gzip, deflate;q=0.5`; those of quality 0 are not taken."""
    taken = set()
    for one in accept.lower().split(b","):
        name, _, quality = one.partition(b";")
        if quality.strip().rstrip(b"0.") != b"q=":
            taken.add(name.strip())
    return taken
