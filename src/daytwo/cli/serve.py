"""`daytwo serve`: the prediction server alone."""

from __future__ import annotations

from pathlib import Path

import click

from daytwo.cli.place import here
from daytwo.cli.speak import as_json, port_option, project_option
from daytwo.core.errors import Refused
from daytwo.keeper import become_server, port_for
from daytwo.lifecycle.holdout import follow_holdout
from daytwo.lifecycle.rollback import finish_roll_back
from daytwo.lifecycle.rollout import project_route
from daytwo.lifecycle.system import System
from daytwo.registry.versions import current_route
from daytwo.wiring import clock_of, running_server


@click.command(epilog="Example: daytwo serve --port 9000")
@port_option
@click.option("--workers", type=click.IntRange(min=0), help="Server processes behind the one port; 0 is one per core.")
@project_option
@as_json
def serve(*, port: int | None, workers: int | None, folder: Path | None, as_json: bool) -> None:
    """Run the prediction server alone, in the foreground, until Ctrl-C.

    It answers by the newest route, also one that changes while it runs. Learning, watching and releases are done by
    'daytwo up', which brings its own server.
    """
    system = here(folder)
    note = running_server(system.state)
    if note is not None:
        raise Refused(
            f"a server of this project runs already, on {note.host}:{note.port} (process {note.pid})",
            hint="Stop that 'daytwo up' or 'daytwo serve' first",
        )
    finish_roll_back(system)
    follow_holdout(system, clock_of(system).now())
    project_route(system)
    number = port_for(system, port)
    become_server(system, number, workers=workers, ready_words="" if as_json else _ready(system, number))


def _ready(system: System, port: int) -> str:
    """Return what the server says once it can answer; with --json its own ready line is the object."""
    address = f"http://{system.settings.serve.host}:{port}/predict"
    words = f"{system.settings.model.name}: predictions at {address}; Ctrl-C stops it."
    if current_route(system.registry) is None:
        return f"{words} Nothing is live yet: until then it answers 503."
    return words


commands = {"serve": serve}
