"""`daytwo ingest`: files become rows to learn from."""

from __future__ import annotations

from pathlib import Path

import click

from daytwo.cli.place import here
from daytwo.cli.speak import as_json, next_steps, project_option, tell_json
from daytwo.lifecycle.ingest import sources
from daytwo.lifecycle.sources import take_in
from daytwo.wiring import clock_of

_ROWS = click.Path(path_type=Path)


@click.command(epilog="Example: daytwo ingest rows/2013-05.parquet")
@click.argument("files", type=_ROWS, nargs=-1)
@project_option
@as_json
def ingest(*, files: tuple[Path, ...], folder: Path | None, as_json: bool) -> None:
    """Take FILES in, or those that [data] source names; the same content is taken in once.

    Good rows become a new version of the dataset; bad ones go to quarantine with their reasons. 'daytwo up' does the
    same by itself as files appear.
    """
    system = here(folder)
    now = clock_of(system).now()
    found = [take_in(system, path, now) for path in files or sources(system.folder, system.settings.data.source)]
    if as_json:
        tell_json({"files": found, "version": system.tables.version("dataset")})
        return
    for intake in found:
        click.echo(f"{intake.words}.")
    if any(intake.rejected for intake in found):
        next_steps("daytwo quarantine list", folder=folder)


commands = {"ingest": ingest}
