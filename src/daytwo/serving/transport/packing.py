"""Bodies that travel compressed: gzip both ways, never more than a body may have when it is unpacked."""

from __future__ import annotations

import zlib

from daytwo.serving.transport.messages import HttpError, Request, Response

# Below this a reply is sent as it is: one packet either way.
_WORTH_BYTES = 1400
_GZIP = 16 + zlib.MAX_WBITS
# Fast rather than small: replies are mostly digits.
_LEVEL = 1


def unpacked(request: Request, max_bytes: int) -> Request:
    """Return the request with its body as it was before gzip.

    Raises
    ------
    HttpError
        400 where it is no whole gzip, 413 where it would unpack to more than `max_bytes`.
    """
    if request.headers.get(b"content-encoding", b"identity").lower() != b"gzip":
        return request
    unpacker = zlib.decompressobj(_GZIP)
    try:
        body = unpacker.decompress(request.body, max_bytes + 1)
    except zlib.error as err:
        raise HttpError(400, "encoding", f"the body is no gzip: {err}", hint="Compress it anew") from err
    if len(body) > max_bytes:
        raise HttpError(413, "too_large", f"the body unpacks to over {max_bytes} bytes", hint="Send fewer rows at once")
    if not unpacker.eof or unpacker.unused_data:
        raise HttpError(400, "encoding", "the body is no single whole gzip", hint="Compress it anew")
    return request._replace(body=body)


def packed(response: Response, request: Request) -> Response:
    """Return the response compressed where the client takes gzip and it pays."""
    if b"gzip" not in request.headers.get(b"accept-encoding", b"") or len(response.body) < _WORTH_BYTES:
        return response
    packer = zlib.compressobj(_LEVEL, wbits=_GZIP)
    body = packer.compress(response.body) + packer.flush()
    return response._replace(body=body, headers=(*response.headers, (b"content-encoding", b"gzip")))
