"""`daytwo ingest`: files, Delta tables and databases become rows to learn from."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from daytwo.cli.place import here
from daytwo.cli.speak import as_json, next_steps, project_option, tell_json
from daytwo.core.errors import NotFound
from daytwo.lifecycle.intake.ingest import sources
from daytwo.lifecycle.intake.pickup import preview, take_in
from daytwo.sources.source import CSV, is_address
from daytwo.wiring import clock_of


@click.command(epilog="Example: daytwo ingest rows/2013-05.parquet 'rows/*.csv' 'sqlite:///air.db#flights'")
@click.argument("files", nargs=-1)
@click.option("--dry-run", is_flag=True, help="Check only; nothing is written.")
@project_option
@as_json
def ingest(*, files: tuple[str, ...], dry_run: bool, folder: Path | None, as_json: bool) -> None:
    """Take FILES in, or those that [data] source names; the same content is taken in once.

    FILES are files, patterns, folders, Delta tables (delta:PATH@VERSION), or tables and queries of a database
    (URL#TABLE). Good rows become a new version of the dataset; bad ones go to quarantine with their reasons. 'daytwo
    up' does the same by itself as files appear.
    """
    system = here(folder)
    now = clock_of(system).now()
    step = preview if dry_run else take_in
    given = tuple(_named(files)) or sources(system.folder, system.settings.data.source)
    found = [step(system, one, now) for one in given]
    if as_json:
        tell_json({"files": found, "version": system.tables.version("dataset"), "dry_run": dry_run})
        return
    for intake in found:
        click.echo(f"{'Would come in: ' if dry_run and not intake.again else ''}{intake.words}.")
        for line in intake.lines:
            click.echo(f"  {line}.")
    if dry_run:
        next_steps("daytwo ingest " + " ".join(files) if files else "daytwo ingest", folder=folder)
    elif any(intake.rejected for intake in found):
        next_steps("daytwo quarantine list", folder=folder)


def _named(files: Sequence[str]) -> Iterator[Path | str]:
    """Yield what was named: a file as it is called before a pattern is looked for."""
    for text in files:
        path = Path(text)
        if text.startswith(CSV):
            yield from sources(Path.cwd(), text)
        elif is_address(text):
            yield text
        elif path.is_dir() and not (path / "_delta_log").is_dir():
            yield from sources(Path.cwd(), glob.escape(text))
        elif glob.has_magic(text) and not path.exists():
            found = sources_of(text)
            yield from found
        else:
            yield path


def sources_of(pattern: str) -> tuple[Path | str, ...]:
    """Return the files that a pattern names.

    Raises
    ------
    NotFound
        If none does.
    """
    try:
        return sources(Path.cwd(), pattern)
    except NotFound as err:
        raise NotFound(f"no file matches {pattern!r}", hint="Check the pattern") from err


commands = {"ingest": ingest}
