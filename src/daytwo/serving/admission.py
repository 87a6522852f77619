"""Who may ask at all: held before anything of a request is read.

Without a token only this machine can ask, and a page of another site, open in a browser on this machine, must not
ask on its behalf: not under a foreign name for this address, not from a foreign origin, not without saying JSON.
"""

from __future__ import annotations

import hashlib
import hmac

from daytwo.serving.config import ServerConfig, token_digest
from daytwo.serving.transport.messages import JSON, HttpError, Request
from daytwo.serving.transport.packing import PACKINGS

# Whoever asks for them, a supervisor or a load balancer, has no token.
_OPEN = frozenset(("/v2/health/live", "/v2/health/ready"))
_JSON_TYPES = (b"application/json", b"text/json")
# Addresses that read more than JSON. A page of another site cannot send these types unasked either.
_TYPES = {
    "/invocations": (*_JSON_TYPES, b"text/csv"),
    "/v2/infer": (*_JSON_TYPES, b"application/octet-stream"),
}
_ENCODINGS = (b"identity", *PACKINGS)
_LOOPBACK_HOSTS = (b"127.0.0.1", b"localhost", b"[::1]")


class Admission:
    """The rules at the door of one server."""

    def __init__(self, config: ServerConfig) -> None:
        self._token = token_digest(config.token)
        self._loopback_only = config.is_loopback and self._token is None

    def admit(self, request: Request, path: str) -> None:
        """Let the request pass.

        Raises
        ------
        HttpError
            401, 403 or 415, if it may not.
        """
        headers = request.headers
        host = headers.get(b"host", b"").lower()
        if self._loopback_only and host and _without_port(host) not in _LOOPBACK_HOSTS:
            raise HttpError(403, "host", "this server is asked under a name it does not have", hint="Use 127.0.0.1")
        if b"origin" in headers and headers[b"origin"].partition(b"://")[2].lower() != host:
            raise HttpError(403, "origin", "pages of other sites may not ask", hint="Ask from your own server")
        if self._token is not None and path not in _OPEN:
            scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
            digest = hashlib.sha256(token.strip()).digest()
            if scheme.lower() != b"bearer" or not hmac.compare_digest(digest, self._token):
                raise HttpError(401, "token", "the token is missing or wrong", hint="Send Authorization: Bearer TOKEN")
        if request.body:
            kind = headers.get(b"content-type", JSON)
            taken = _TYPES.get(path, _JSON_TYPES)
            if kind != JSON and kind.partition(b";")[0].strip().lower() not in taken:
                raise HttpError(415, "type", "the body must be JSON", hint="Send Content-Type: application/json")
            if headers.get(b"content-encoding", b"identity").lower() not in _ENCODINGS:
                raise HttpError(
                    415, "encoding", "the body is compressed in a way not known here", hint="Send gzip or deflate"
                )


def _without_port(host: bytes) -> bytes:
    name, _, port = host.rpartition(b":")
    return name if port.isdigit() and name else host
