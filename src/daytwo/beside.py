"""A project that lives beside a server which another command runs: `daytwo serve`, of this project or of several.

`daytwo up` lives the lifecycle then and leaves the server alone: it says when that has ended, and never starts it.
`keeper.py` is for the server that `up` runs itself; `keeper_for` says which it is.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TypeAlias

from daytwo.core.errors import DaytwoError, Refused
from daytwo.keeper import CHARGED_EVERY, CPU_SERIES, ServerKeeper, tell_of_server
from daytwo.lifecycle.system import System
from daytwo.lifecycle.worker import Event
from daytwo.server_note import ServerNote, client_of, running_server
from daytwo.serving.client import Client
from daytwo.value.costs import SERVING, cpu_cost

_NEXT_STEP = "Start it again as it was started: 'daytwo serve'"
_ROWS = re.compile(r'^daytwo_predictions_total\{model="([^"]*)"[^}]*\} (\S+)$', re.MULTILINE)


class ServerBeside:
    """The server that another command runs for this project, and perhaps for others. For one thread."""

    def __init__(self, system: System, note: ServerNote) -> None:
        self._system, self._note = system, note
        self._is_gone = False
        self._before: tuple[int, float, float, float] | None = None
        self._charged_at: datetime | None = None

    @property
    def url(self) -> str:
        """Where requests go; of a server of several projects, to this one's model."""
        return self._note.url

    def start(self) -> None:
        """Leave it alone: it runs."""

    def stop(self) -> None:
        """Leave it alone: it goes on."""

    def keep(self, now: datetime) -> list[Event]:
        """Return what people must hear: that it has ended, and that one runs again."""
        note = running_server(self._system.own)
        if note is None and not self._is_gone:
            self._is_gone = True
            words = f"the server on {self._note.host}:{self._note.port}, which another command ran, has ended"
            tell_of_server(self._system, "server.ended", words, now, next_step=_NEXT_STEP)
            return [Event(now, "server", f"{words}. {_NEXT_STEP}", {})]
        if note is not None and self._is_gone:
            self._note, self._is_gone = note, False
            return [Event(now, "server", f"a server runs again, on {note.host}:{note.port}", {})]
        return []

    def client(self, *, patience_s: float = 1.0) -> Client | None:
        """Return a client for the server, None while there is none; close it after use."""
        if running_server(self._system.own) is None:
            return None
        return client_of(self._system.own, self._system.settings, patience_s=patience_s)

    def charge(self, now: datetime, *, at_once: bool = False) -> None:
        """Charge this project's part of the processor time used since the last time, once an hour, or now.

        Its part is that of its rows in all rows which the server has answered meanwhile.
        """
        self._charged_at = self._charged_at or now
        if self._before is not None and not (at_once or now - self._charged_at >= CHARGED_EVERY):
            return
        told = self._told()
        if told is None:
            return
        before, self._before, self._charged_at = self._before, told, now
        if before is None or before[0] != told[0]:
            return  # what it used before, it used for whoever was there then
        used_s, own, rows = (new - old for new, old in zip(told[1:], before[1:], strict=True))
        if own > 0.0:
            cause = f"serving:{told[0]}:{now.isoformat()}"
            self._system.costs.add(cpu_cost(cause, now, SERVING, used_s * own / rows, self._system.settings.cost))

    def _told(self) -> tuple[int, float, float, float] | None:
        """Return the server's process, its CPU seconds, this project's rows and all rows; None where it is silent."""
        client = self.client()
        if client is None:
            return None
        try:
            metrics = client.metrics() if client.ready() else ""
        except DaytwoError:
            return None  # it is busy or has just ended
        finally:
            client.close()
        used_s = [float(line.removeprefix(CPU_SERIES)) for line in metrics.splitlines() if line.startswith(CPU_SERIES)]
        if not used_s:
            return None
        name = self._system.settings.model.name
        answered = [(model, float(rows)) for model, rows in _ROWS.findall(metrics)]
        own = sum(rows for model, rows in answered if model == name)
        return self._note.pid, used_s[0], own, sum(rows for _, rows in answered)


Keeper: TypeAlias = ServerKeeper | ServerBeside


def keeper_for(system: System, port: int | None) -> Keeper:
    """Return what looks after the project's server: one that is started here, or one that another command runs.

    Raises
    ------
    Refused
        If another `daytwo up` runs it, or it runs already and a `port` was asked for.
    """
    note = running_server(system.own)
    if note is None:
        return ServerKeeper(system, port)
    runs = f"a server of this project runs already, on {note.host}:{note.port} (process {note.pid})"
    if note.kept:
        raise Refused(runs, hint="Stop that 'daytwo up' first")
    if port is not None:
        raise Refused(runs, hint="Leave out --port to live beside it, or stop that 'daytwo serve' first")
    return ServerBeside(system, note)
