"""`daytwo serve`: the prediction server alone."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from daytwo.cli.place import here
from daytwo.cli.speak import as_json, port_option, project_option
from daytwo.core.errors import Refused
from daytwo.keeper import become_server, port_for
from daytwo.wiring import running_server


@click.command(epilog="Example: daytwo serve --port 9000")
@port_option
@project_option
@as_json
def serve(*, port: int | None, folder: Path | None, as_json: bool) -> None:
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
    number = port_for(system, port)
    if not as_json:  # with --json the server's own ready line is the object
        name, host = system.settings.model.name, system.settings.serve.host
        click.echo(f"{name}: predictions at http://{host}:{number}/predict once this says its port; Ctrl-C stops it.")
    sys.stdout.flush()
    become_server(system, number)


commands = {"serve": serve}
