"""`daytwo serve`: the prediction server alone."""

from __future__ import annotations

from collections.abc import Sequence
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
from daytwo.server_note import address_of, running_server
from daytwo.wiring import clock_of


@click.command(epilog="Example: daytwo serve late-flights bike-demand --port 9000")
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path, file_okay=False))
@port_option
@click.option("--workers", type=click.IntRange(min=0), help="Server processes behind the one port; 0 is one per core.")
@project_option
@as_json
def serve(
    *, folders: tuple[Path, ...], port: int | None, workers: int | None, folder: Path | None, as_json: bool
) -> None:
    """Run the prediction server alone, in the foreground, until Ctrl-C; for one project, or for several FOLDERS.

    It answers by the newest route, also one that changes while it runs. Learning, watching and releases are done by
    'daytwo up', which lives beside it, or brings its own server where none runs. Of several projects the first says how
    it is served, and its model stands at /predict; every model stands at /models/NAME/predict.
    """
    if folder is not None and folders:
        raise Refused("the project is named twice", hint="Give folders, or --project")
    systems = [here(one) for one in folders or (folder,)]
    for system in systems:
        _prepare(system)
    system, *others = systems
    number = port_for(system, port)
    words = "" if as_json else _ready(systems, number)
    become_server(system, number, workers=workers, others=others, ready_words=words)


def _prepare(system: System) -> None:
    """See that no other server runs, and that the route says what the ledger does."""
    note = running_server(system.own)
    if note is not None:
        raise Refused(
            f"a server of {system.settings.model.name!r} runs already, on {note.host}:{note.port} (process {note.pid})",
            hint="Stop that 'daytwo up' or 'daytwo serve' first",
        )
    finish_roll_back(system)
    follow_holdout(system, clock_of(system).now())
    project_route(system)


def _ready(systems: Sequence[System], port: int) -> str:
    """Return what the server says once it can answer; with --json its own ready line is the object."""
    first = systems[0].settings
    address = address_of(first.serve.host, port, tls=bool(first.serve.certificate))
    words = f"{first.model.name}: predictions at {address}/predict; Ctrl-C stops it."
    if len(systems) > 1:
        names = ", ".join(one.settings.model.name for one in systems)
        words = f"{names}: predictions at {address}/models/NAME/predict; Ctrl-C stops them."
    waiting = [one.settings.model.name for one in systems if current_route(one.registry) is None]
    if not waiting:
        return words
    of_whom = f" of {', '.join(waiting)}" if len(systems) > 1 else ""
    return f"{words} Nothing is live yet{of_whom}: until then it answers 503."


commands = {"serve": serve}
