"""How a server is told what to do: a JSON file that `wiring.py` writes and `server.py` reads.

Strict: an unknown key is an error. Everything here is decided at start; what changes while a server runs, the route,
is read again and again by `live.py`.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Literal

import msgspec

from daytwo.core.errors import SettingsError
from daytwo.core.settings import ReasonsSettings
from daytwo.registry.trust import Trust

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class ModelConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One model that is served, called `model`.

    `bundles` and `journal` are folders, `route` is a file. `own_token`, a reference, is the one by which daytwo asks
    its own server. The columns `personal` are hidden by pseudonyms of the key that the reference `pseudonym_key` names.
    `fallback` says what answers where the model cannot, as `[serve] fallback` does. `salt` keys the split of subjects
    between champion, canary and holdout group. `trust`, `python` and `python_deadline_s` (in seconds) are for models
    that are Python code, and `engine` for LightGBM's, as in [serve]. `reasons` says which columns may change, as there.
    """

    model: str
    bundles: str
    route: str
    journal: str
    own_token: str = ""
    personal: tuple[str, ...] = ()
    pseudonym_key: str = ""
    fallback: str | float = "base_rate"
    salt: str = ""
    trust: tuple[str, ...] = ()
    python: str = ""
    python_deadline_s: float = 5.0
    engine: str = "auto"
    reasons: ReasonsSettings = ReasonsSettings()

    @property
    def trusted(self) -> Trust:
        """Which code of models may run, and how."""
        return Trust(frozenset(self.trust), self.python, self.python_deadline_s, self.engine)


class ServerConfig(ModelConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One server: `workers` processes, 0 for one per core, for a model, and the `others` where it serves several.

    `token` is empty (nothing asked, loopback only), `env:NAME`, `file:PATH`, `sha256:HEX` of the token, or the token
    itself; `tokens` is the file of all others. `unrecorded` says what becomes of answers that the journal cannot take.
    Requests that would wait longer than `max_wait_ms` are refused. With a `certificate`, a PEM file, and its
    `private_key`, the server speaks TLS; `behind_proxy` says that a proxy does that. Times are in seconds.
    """

    others: tuple[ModelConfig, ...] = ()
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    max_queue: int = 512
    max_body_mb: float = 8.0
    max_rows: int = 10_000
    token: str = ""
    tokens: str = ""
    certificate: str = ""
    private_key: str = ""
    behind_proxy: bool = False
    unrecorded: Literal["refuse", "serve"] = "refuse"
    max_wait_ms: float = 100.0
    max_connections: int = 1024
    head_timeout_s: float = 10.0
    body_timeout_s: float = 30.0
    idle_timeout_s: float = 75.0
    drain_s: float = 10.0
    poll_s: float = 0.04
    segment_mb: float = 64.0
    segment_s: float = 60.0
    sync_every_s: float = 0.01
    shadow_queue_mb: float = 16.0

    def __post_init__(self) -> None:
        if self.workers < 0:
            raise ValueError(f"there are no {self.workers} workers: set [serve] workers, 0 for one per core")
        if self.host not in _LOOPBACK and not (self.token or self.tokens):
            raise ValueError(f"{self.host} can be reached from outside, so a token is needed: set [serve] token")
        if self.host not in _LOOPBACK and not (self.certificate or self.behind_proxy):
            raise ValueError(
                f"{self.host} can be reached from outside, so what is sent there must be encrypted: set [serve] "
                "certificate and private_key, or behind_proxy = true where a proxy in front speaks TLS"
            )
        if self.private_key and not self.certificate:
            raise ValueError("a private_key is of no use alone: set [serve] certificate too")
        if not 0 <= self.port <= 65535:
            raise ValueError(f"{self.port} is no port")
        for what in ("model", "journal"):
            found = [getattr(one, what) for one in self.models]
            if len(set(found)) < len(found):
                raise ValueError(f"two models of one server have the same {what}: {', '.join(found)}")

    @property
    def models(self) -> tuple[ModelConfig, ...]:
        """Every model that is served, the one that the plain addresses stand for first."""
        return (self, *self.others)

    @property
    def max_body_bytes(self) -> int:
        """The largest body that is read."""
        return int(self.max_body_mb * (1 << 20))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host in _LOOPBACK


def read_config(path: Path) -> ServerConfig:
    """Return the configuration in the file at `path`.

    Raises
    ------
    SettingsError
        If it cannot be read, or holds something it must not.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=ServerConfig)
    except OSError as err:
        raise SettingsError(f"cannot read {path}: {err.strerror or err}", hint="Give --config a readable file") from err
    except msgspec.MsgspecError as err:
        raise SettingsError(f"{path}: {err}", hint="Correct this key; `daytwo serve` writes the file anew") from err


def token_digest(reference: str) -> bytes | None:
    """Return the SHA-256 of the token that `reference` names, or None where no token is asked for.

    Raises
    ------
    SettingsError
        If the reference leads nowhere.
    """
    if not reference:
        return None
    kind, _, rest = reference.partition(":")
    match kind:
        case "env":
            token = os.environ.get(rest, "")
        case "file":
            try:
                token = Path(rest).read_text(encoding="utf-8").strip()
            except OSError as err:
                raise SettingsError(f"cannot read the token: {err}", hint="Check the path in [serve] token") from err
        case "sha256":
            try:
                return bytes.fromhex(rest)
            except ValueError as err:
                raise SettingsError("the token's SHA-256 is not in hex", hint="Correct [serve] token") from err
        case _:
            token = reference
    if not token:
        raise SettingsError(f"the token {kind}:{rest} is empty", hint="Set it, or correct [serve] token")
    return hashlib.sha256(token.encode()).digest()
