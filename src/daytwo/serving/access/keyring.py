"""The tokens that one server knows: those of the file that is looked at again and again, and its own.

Once a token was needed it is needed until the server ends, whatever becomes of the file: to revoke the last token, or
to lose the file, must not open the door. A file that cannot be read leaves everything as it was.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from daytwo.core.errors import DaytwoError, SettingsError
from daytwo.governance.token_file import read_tokens
from daytwo.governance.tokens import OWN, SERVE, Scope, Token
from daytwo.serving.access.rates import Bucket, Rate
from daytwo.serving.access.shared_rates import FILE, SharedRates
from daytwo.serving.config import ServerConfig, token_digest
from daytwo.serving.log import log

# Headers of tokens that were let in before; one that is made anew each time must not cost memory.
_MAX_HEADERS = 1024


class Grant:
    """What one token may do: `until` when (seconds since 1970, None for ever), and how fast."""

    __slots__ = ("bucket", "digest", "labels", "name", "scopes", "until")

    def __init__(
        self,
        name: str,
        digest: bytes,
        scopes: tuple[Scope, ...],
        *,
        until: float | None = None,
        bucket: Rate | None = None,
    ) -> None:
        self.name, self.digest, self.scopes = name, digest, frozenset(scopes)
        self.until, self.bucket, self.labels = until, bucket, (("token", name),)

    def allows(self, one_of: tuple[Scope, ...]) -> bool:
        """Whether it has one of these scopes, or all."""
        return Scope.ADMIN in self.scopes or not self.scopes.isdisjoint(one_of)


class Keyring:
    """The tokens of one server. For the loop's thread only.

    `own` are tokens that hold as long as the server runs: their names by their SHA-256. `path` is the file of the
    others, and `rates` keeps how fast they may ask where several processes do. The file is looked at before a request,
    every `poll_s` at most. `required` says from the start that a token is needed.
    """

    def __init__(
        self,
        own: Mapping[bytes, str],
        path: Path | None,
        *,
        required: bool,
        rates: SharedRates | None = None,
        poll_s: float = 0.04,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._own = {digest: Grant(name, digest, (Scope.ADMIN,)) for digest, name in own.items()}
        self._path, self._rates, self._poll_s, self._now = path, rates, poll_s, now
        self._look_at = now() + poll_s
        self._grants: dict[bytes, Grant] = dict(self._own)
        self._headers: dict[bytes, Grant] = {}
        self._seen: tuple[int, int, int] | None = None
        self.required = required
        self.fault: str | None = None
        self.look()

    @property
    def is_empty(self) -> bool:
        """Whether nobody but daytwo itself is known."""
        return self._grants.keys() == self._own.keys()

    def is_required(self) -> bool:
        """Whether requests need a token, as of the file now or a moment ago."""
        now = self._now()
        if now >= self._look_at:
            self._look_at = now + self._poll_s
            self.look()
        return self.required

    def look(self) -> None:
        """Look at the file once, and read it if it changed."""
        stamp = self._stamp()
        if stamp == self._seen:
            return
        try:
            tokens = read_tokens(self._path) if self._path is not None else None
        except DaytwoError as err:
            self.required = True
            if self.fault != str(err):
                log("tokens", fault=str(err))
            self.fault = str(err)
            return
        self._seen, self.fault = stamp, None
        self.required |= tokens is not None
        self._grants = self._own | {bytes.fromhex(token.digest): self._grant(token) for token in tokens or ()}
        self._headers.clear()
        log("tokens", names=[token.name for token in tokens or ()])

    def grant(self, authorization: bytes) -> Grant | None:
        """Return the token in an Authorization header, None where it is none of ours."""
        found = self._headers.get(authorization)
        if found is not None:
            return found
        scheme, _, secret = authorization.partition(b" ")
        digest = hashlib.sha256(secret.strip()).digest()
        found = self._grants.get(digest)
        if found is None or scheme.lower() != b"bearer" or not hmac.compare_digest(digest, found.digest):
            return None
        if len(self._headers) >= _MAX_HEADERS:
            self._headers.clear()
        self._headers[authorization] = found
        return found

    def _grant(self, token: Token) -> Grant:
        """Return what a token may do; where nothing of it changed, its bucket is as empty as it was."""
        digest = bytes.fromhex(token.digest)
        rate = token.rate_per_s
        before = self._grants.get(digest)
        bucket = before.bucket if before is not None else None
        if rate is None:
            bucket = None
        elif bucket is None or bucket.rate_per_s != rate:
            now = self._now()
            bucket = Bucket(rate, now=now) if self._rates is None else self._rates.bucket(digest, rate, now=now)
        until = None if token.expires_at is None else token.expires_at.timestamp()
        return Grant(token.name, digest, token.scopes, until=until, bucket=bucket)

    def _stamp(self) -> tuple[int, int, int] | None:
        if self._path is None:
            return None
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size


def keyring_of(config: ServerConfig, folder: Path | None = None) -> Keyring:
    """Return the tokens of a server process with this configuration; several processes meet in `folder`.

    Raises
    ------
    SettingsError
        If a token leads nowhere, or the server can be reached from outside and nobody could ask it.
    """
    found = {SERVE: token_digest(config.token), OWN: token_digest(config.own_token)}
    own = [(digest, name) for name, digest in found.items() if digest is not None]
    # Each project of several asks the server that serves its model by a token of its own.
    own += [(digest, OWN) for one in config.others if (digest := token_digest(one.own_token)) is not None]
    keyring = Keyring(
        dict(own),
        Path(config.tokens) if config.tokens else None,
        required=bool(config.token) or not config.is_loopback,
        rates=None if folder is None else SharedRates(folder / FILE),
        poll_s=config.poll_s,
    )
    if not config.is_loopback and not config.token and keyring.is_empty:
        raise SettingsError(
            f"{config.host} can be reached from outside, and there is no token",
            hint="'daytwo token create --name NAME --scope predict' makes one",
        )
    return keyring
