"""Where the server of a project listens: noted by who starts it, read by who asks it.

A note outlives its server, however that ends, and names its process: one of a dead process does not count.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import msgspec

from daytwo.core.errors import Fault
from daytwo.core.files import own_secret, write_whole
from daytwo.core.settings import Settings
from daytwo.core.settings_file import secret
from daytwo.serving.client import Client
from daytwo.serving.transport.tls import pinned

_SERVER_NOTE = "server.json"
# By this token daytwo asks its own server: whoever may read the state may do so too.
OWN_TOKEN = "own-token"  # noqa: S105 (the name of its file)


class ServerNote(msgspec.Struct, frozen=True):
    """Where the project's server listens now.

    `model` is how it calls this project's model where it has several; `kept` says that a `daytwo up` looks after it.
    `certificate` is the file of the one it shows, empty where it speaks no TLS.
    """

    host: str
    port: int
    pid: int
    model: str = ""
    kept: bool = False
    certificate: str = ""

    @property
    def url(self) -> str:
        """Where requests for this project's model go."""
        return address_of(self.host, self.port, tls=bool(self.certificate), model=self.model)


def address_of(host: str, port: int, *, tls: bool, model: str = "") -> str:
    """Return where requests go; of a server of several projects, to this `model`.

    >>> address_of("127.0.0.1", 8080, tls=False), address_of("::1", 443, tls=True, model="churn")
    ('http://127.0.0.1:8080', 'https://[::1]:443/models/churn')
    """
    named = f"[{host}]" if ":" in host else host
    return f"{'https' if tls else 'http'}://{named}:{port}" + (f"/models/{model}" if model else "")


def note_server(state: Path, note: ServerNote) -> None:
    """Remember where the server listens."""
    write_whole(state / _SERVER_NOTE, msgspec.json.encode(note))


def forget_server(state: Path) -> None:
    """Take back what `note_server` wrote: the server has stopped."""
    (state / _SERVER_NOTE).unlink(missing_ok=True)


def running_server(state: Path) -> ServerNote | None:
    """Return where the project's server listens, or None where none runs: a note of a dead process does not count."""
    note = _read_note(state)
    return note if note is not None and _is_alive(note.pid) else None


def client_of(state: Path, settings: Settings, *, patience_s: float = 30.0) -> Client | None:
    """Return a client for the project's running server, or None where none is noted."""
    note = _read_note(state)
    if note is None:
        return None
    # The server of another project does not know this one's [serve] token.
    token = ("" if note.model else secret(settings.serve.token)) or own_secret(state / OWN_TOKEN)
    tls = _trusting(Path(note.certificate)) if note.certificate else None
    return Client(note.host, note.port, token, patience_s=patience_s, model=note.model, tls=tls)


def _trusting(certificate: Path) -> ssl.SSLContext:
    try:
        return pinned(certificate)
    except OSError as err:
        raise Fault(
            f"the server's certificate {certificate} cannot be read: {err.strerror or err}",
            hint="Put it back in its place, or start the server again",
        ) from err


def _read_note(state: Path) -> ServerNote | None:
    try:
        return msgspec.json.decode((state / _SERVER_NOTE).read_bytes(), type=ServerNote)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as err:
        raise Fault(f"cannot read {state / _SERVER_NOTE}: {err}", hint="Remove the file and start the server") from err


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # another user's process: not ours to signal, but alive
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return True  # a system without /proc says no more than the signal did
    return state != "Z"  # dead, and nobody has fetched its exit code: in a container often nobody ever does
