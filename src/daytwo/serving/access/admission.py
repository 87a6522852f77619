"""Who may ask at all: held before anything of a request is read.

Without a token only this machine can ask, and a page of another site, open in a browser on this machine, must not
ask on its behalf: not under a foreign name for this address, not from a foreign origin, not without saying JSON.
With tokens it is the token that says who asks: what for (`scopes.py`), until when, and how fast (`rates.py`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial

from daytwo.scoring.later import once
from daytwo.serving.access.keyring import Grant, Keyring
from daytwo.serving.access.scopes import needed
from daytwo.serving.log import log
from daytwo.serving.metrics import Metrics
from daytwo.serving.transport.messages import JSON, HttpError, Request
from daytwo.serving.transport.packing import PACKINGS

_JSON_TYPES = (b"application/json", b"text/json")
# Addresses that read more than JSON. A page of another site cannot send these types unasked either.
_TYPES = {
    "/invocations": (*_JSON_TYPES, b"text/csv"),
    "/v2/infer": (*_JSON_TYPES, b"application/octet-stream"),
}
_ENCODINGS = (b"identity", *PACKINGS)
_LOOPBACK_HOSTS = (b"127.0.0.1", b"localhost", b"[::1]")
# Of those that are turned away one a second is logged: a storm of them must not fill the disk.
_LOG_EVERY_S = 1.0


class Admission:
    """The rules at the door of one server. For the loop's thread only."""

    def __init__(self, keyring: Keyring, metrics: Metrics, *, now: Callable[[], float] = time.monotonic) -> None:
        self._keyring, self._metrics, self._now = keyring, metrics, now
        self._logged_at = -math.inf

    def admit(self, request: Request, path: str) -> Grant | None:
        """Let the request pass, and return the token that it came with; None where none was asked for.

        `path` is the address as it is counted.

        Raises
        ------
        HttpError
            401, 403, 415 or 429, if it may not.
        """
        headers = request.headers
        host = headers.get(b"host", b"").lower()
        required = self._keyring.is_required()
        if not required and host and _without_port(host) not in _LOOPBACK_HOSTS:
            raise HttpError(403, "host", "this server is asked under a name it does not have", hint="Use 127.0.0.1")
        if b"origin" in headers and headers[b"origin"].partition(b"://")[2].lower() != host:
            raise HttpError(403, "origin", "pages of other sites may not ask", hint="Ask from your own server")
        grant: Grant | None = None
        if required:  # and a token pays once for a request that is begun again
            grant = once("admitted", partial(self._asker, headers.get(b"authorization", b""), path))
        if request.body:
            kind = headers.get(b"content-type", JSON)
            taken = _TYPES.get(path, _JSON_TYPES)
            if kind != JSON and kind.partition(b";")[0].strip().lower() not in taken:
                raise HttpError(415, "type", "the body must be JSON", hint="Send Content-Type: application/json")
            if headers.get(b"content-encoding", b"identity").lower() not in _ENCODINGS:
                raise HttpError(
                    415, "encoding", "the body is compressed in a way not known here", hint="Send gzip or deflate"
                )
        return grant

    def asks_for_tokens(self) -> bool:
        """Whether nobody is admitted without one."""
        return self._keyring.is_required()

    @property
    def fault(self) -> str | None:
        """Why the newest tokens are not known; None while all is well."""
        return self._keyring.fault

    def asker(self, request: Request) -> Grant | None:
        """Return the token of a request that was admitted elsewhere."""
        return self._keyring.grant(request.headers.get(b"authorization", b""))

    def charge(self, grant: Grant | None, rows: int) -> None:
        """Count the rows that an admitted request turned out to hold; the first is counted at the door."""
        if grant is not None and grant.bucket is not None and rows > 1:
            grant.bucket.take(rows - 1)

    def _asker(self, authorization: bytes, path: str) -> Grant | None:
        scopes = needed(path)
        if not scopes:
            return None
        grant = self._keyring.grant(authorization)
        if grant is None:
            raise self._denied(
                "", path, 401, "token", "the token is missing, wrong or revoked", "Send Authorization: Bearer TOKEN"
            )
        if grant.until is not None and time.time() >= grant.until:
            raise self._denied(
                grant.name,
                path,
                401,
                "expired",
                f"the token {grant.name!r} has expired",
                "Ask for a new one: 'daytwo token create'",
            )
        if not grant.allows(scopes):
            raise self._denied(
                grant.name,
                path,
                403,
                "scope",
                f"the token {grant.name!r} lacks the scope {' or '.join(scopes)!r}",
                f"'daytwo token create --scope {scopes[0]}' makes one that has it",
            )
        if grant.bucket is not None:
            wait_s = grant.bucket.wait_s(self._now())
            if wait_s:
                raise self._denied(
                    grant.name,
                    path,
                    429,
                    "rate",
                    f"the token {grant.name!r} has asked for more than {grant.bucket.rate_per_s:g} rows a second",
                    "Wait as Retry-After says",
                    retry_after_s=math.ceil(wait_s),
                )
            grant.bucket.take(1)
        self._metrics.add("daytwo_token_requests_total", grant.labels)
        return grant

    def _denied(
        self, token: str, path: str, status: int, code: str, message: str, hint: str, *, retry_after_s: int = 0
    ) -> HttpError:
        self._metrics.add("daytwo_token_refusals_total", (("token", token), ("reason", code)))
        now = self._now()
        if now - self._logged_at > _LOG_EVERY_S:
            self._logged_at = now
            log("denied", token=token, path=path, reason=code)
        return HttpError(status, code, message, hint=hint, retry_after_s=retry_after_s)


def _without_port(host: bytes) -> bytes:
    name, _, port = host.rpartition(b":")
    return name if port.isdigit() and name else host
