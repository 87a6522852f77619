"""The server of a project, kept running: noted for clients, started again when it died, and paid for.

`serving/process.py` is one child process; here is what `daytwo up` does around it. A server that another command runs
is looked after in `beside.py`.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NoReturn

import msgspec

from daytwo.core.errors import DaytwoError, Fault
from daytwo.core.finding import Finding, Severity
from daytwo.lifecycle.system import System
from daytwo.lifecycle.telling import tell_people
from daytwo.lifecycle.worker import Event
from daytwo.server_note import ServerNote, address_of, client_of, forget_server, note_server
from daytwo.serving.client import Client
from daytwo.serving.process import ServerProcess
from daytwo.value.costs import SERVING, cpu_cost
from daytwo.wiring import certificate_of, server_config

LOG = "server.log"
# A server that dies at once is not started again and again without a pause.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 30.0
# One that has lived so long died of something new.
_SOUND_S = 60.0
CHARGED_EVERY = timedelta(hours=1)
CPU_SERIES = "daytwo_cpu_seconds_total "


class ServerKeeper:
    """Keeps one server process of a project. For one thread."""

    def __init__(self, system: System, port: int | None, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._system = system
        self._port = system.settings.serve.port if port is None else port
        self._monotonic = monotonic
        self._process: ServerProcess | None = None
        self._started = self._not_before = 0.0
        self._pause_s = _FIRST_PAUSE_S
        self._charged_s = 0.0
        self._charged_at: datetime | None = None

    @property
    def url(self) -> str:
        """Where requests go."""
        serve = self._system.settings.serve
        return address_of(serve.host, self._port, tls=bool(serve.certificate))

    def start(self) -> None:
        """Start the server; from now on its port is fixed, so that clients find it again.

        Raises
        ------
        Fault
            If it cannot start; the message holds its last words.
        """
        self._port = port_for(self._system, self._port)
        process = ServerProcess(server_config(self._system, port=self._port), self._system.own / LOG)
        self._process = process
        self._port = process.start()
        self._started = self._monotonic()
        self._charged_s = 0.0
        host, certificate = self._system.settings.serve.host, certificate_of(self._system)
        note = ServerNote(host, self._port, process.pid, kept=True, certificate=certificate)
        note_server(self._system.own, note)

    def keep(self, now: datetime) -> list[Event]:
        """Start the server again where it has died; return what people must hear."""
        process, moment = self._process, self._monotonic()
        if process is None or process.is_alive():
            return []
        if self._not_before <= self._started:  # seen dead for the first time
            self._pause_s = (
                _FIRST_PAUSE_S if moment - self._started > _SOUND_S else min(2 * self._pause_s, _LONGEST_PAUSE_S)
            )
            self._not_before = moment + self._pause_s
        if moment < self._not_before:
            return []
        process.stop()
        words = "the server died and is started again; what it had acknowledged is not lost"
        try:
            self.start()
        except Fault as err:
            self._started = moment
            self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
            self._not_before = moment + self._pause_s
            words = f"the server died and cannot be started again: {err}"
        tell_of_server(self._system, "server.died", words, now, next_step=f"See {self._system.own / LOG}")
        return [Event(now, "server", words, {})]

    def client(self, *, patience_s: float = 1.0) -> Client | None:
        """Return a client for the server; close it after use."""
        return client_of(self._system.own, self._system.settings, patience_s=patience_s)

    def charge(self, now: datetime, *, at_once: bool = False) -> None:
        """Charge the processor time the server has used, once an hour, or now."""
        self._charged_at = self._charged_at or now
        if self._process is None or not (at_once or now - self._charged_at >= CHARGED_EVERY):
            return
        client = self.client()
        if client is None or not client.ready():
            return
        try:
            lines = client.metrics().splitlines()
        except DaytwoError:
            return  # it is busy or has just died: charged the next time
        finally:
            client.close()
        used = next(
            (float(line.removeprefix(CPU_SERIES)) for line in lines if line.startswith(CPU_SERIES)), self._charged_s
        )
        cause = f"serving:{self._process.pid}:{now.isoformat()}"
        self._system.costs.add(cpu_cost(cause, now, SERVING, used - self._charged_s, self._system.settings.cost))
        self._charged_s, self._charged_at = used, now

    def stop(self) -> None:
        """Let the server finish what it began, and take its note back."""
        if self._process is not None:
            self._process.stop()
            self._process = None
            forget_server(self._system.own)


def tell_of_server(system: System, kind: str, words: str, now: datetime, *, next_step: str) -> None:
    """Tell people what became of the project's server."""
    owner = system.settings.model.owner
    finding = Finding(kind, "server", Severity.WARNING, words, since=now, owner=owner, next_step=next_step)
    tell_people(system, [finding], at=now, opened_by=f"up {now:%Y-%m-%d}")


def port_for(system: System, port: int | None) -> int:
    """Return the port that a server will take: the one asked for, that of the settings, or a free one for 0.

    Raises
    ------
    Fault
        If it is in use or not allowed.
    """
    host = system.settings.serve.host
    wanted = system.settings.serve.port if port is None else port
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, wanted))
            return int(probe.getsockname()[1])
    except OSError as err:
        raise Fault(
            f"the server cannot listen on {host} port {wanted}: {err.strerror or err}",
            hint="Stop what uses the port, or choose another: --port, or [serve] port in daytwo.toml, 0 for a free one",
        ) from err


def become_server(
    system: System,
    port: int,
    *,
    workers: int | None = None,
    others: Sequence[System] = (),
    ready_words: str = "",
) -> NoReturn:
    """Turn this process into the server of the project and of the `others`; nothing of what was loaded stays in memory.

    When it can answer it prints `ready_words`, or where those are empty its port as JSON. `workers` is as in the
    settings, and stands in their place.

    The notes name this process, so they are void once the server has ended, however it ends.
    """
    config = server_config(system, port=port, workers=workers, others=others)
    note = ServerNote(system.settings.serve.host, port, os.getpid(), certificate=certificate_of(system))
    note_server(system.own, note)
    for one in others:
        note_server(one.state, msgspec.structs.replace(note, model=one.settings.model.name))
    command = [sys.executable, "-m", "daytwo.serving", "--config", str(config)]
    command += ["--ready-words", ready_words] if ready_words else []
    os.execv(sys.executable, command)  # noqa: S606 (our own interpreter, no word of a user's)
