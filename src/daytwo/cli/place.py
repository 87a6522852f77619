"""The project that a command is about, and its running server."""

from __future__ import annotations

from pathlib import Path

from daytwo.cli.speak import folder_of
from daytwo.core.errors import Fault, Refused
from daytwo.ledger_place import left_behind
from daytwo.lifecycle.system import System
from daytwo.server_note import client_of, running_server
from daytwo.serving.client import Client
from daytwo.wiring import open_system


def here(folder: Path | None) -> System:
    """Open the project that a command is about.

    Raises
    ------
    Refused
        If its records lie in a file, and the settings name a database that they were not moved to.
    """
    system = open_system(folder_of(folder))
    file = left_behind(system)
    if file is not None:
        raise Refused(
            f"the settings name a database, and the records of this project are still in {file}",
            hint="'daytwo ledger move' carries them over; rename the file to begin anew without them",
        )
    return system


def running_client(system: System, *, patience_s: float = 3.0) -> Client:
    """Return a client for the project's running server.

    Raises
    ------
    Fault
        If none runs.
    """
    client = client_if_any(system, patience_s=patience_s)
    if client is None:
        raise Fault("no server of this project runs", hint="Start it with 'daytwo up' or 'daytwo serve'")
    return client


def client_if_any(system: System, *, patience_s: float = 1.0) -> Client | None:
    """Return a client for the project's running server, or None where none runs."""
    if running_server(system.own) is None:
        return None
    return client_of(system.own, system.settings, patience_s=patience_s)
