"""How commands hear and answer: options that all share, one JSON object for machines, words and tables for people.

Light; `place.py` next door opens the project that a command is about.
"""

from __future__ import annotations

import errno
import os
import shlex
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from click.core import ParameterSource
from rich.console import Console
from rich.table import Table
from rich.text import Text

from daytwo.core.settings_file import find_project

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
project_option = click.option(
    "--project",
    "-C",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="The project's folder; default: the nearest one at or above this folder.",
)
as_person = click.option("--as", "person", metavar="NAME", required=True, help="Who says so.")
dry_run = click.option("--dry-run", is_flag=True, help="Say what would happen; change nothing.")
port_option = click.option(
    "--port", type=click.IntRange(0, 65535), help="Where predictions are served; 0 picks a free port."
)
# A table for people has this width where no terminal says another one.
_USUAL_WIDTH = 120


def folder_of(folder: Path | None) -> Path:
    """Return the folder of the project that a command is about."""
    return find_project(Path.cwd() if folder is None else folder)


def now() -> datetime:
    """The present moment of the machine."""
    return datetime.now(UTC)


def whoever() -> str:
    """Return the name under which this machine knows who types; empty where it knows none."""
    return os.environ.get("LOGNAME") or os.environ.get("USER") or ""


def nothing_before(context: click.Context) -> None:
    """Refuse options that stand before the word they are meant for: they would be lost in silence.

    Raises
    ------
    UsageError
        It says where they belong.
    """
    for option in context.command.params:
        if option.name and context.get_parameter_source(option.name) is ParameterSource.COMMANDLINE:
            word = f"{context.command_path} {context.invoked_subcommand}"
            raise click.UsageError(f"{option.opts[0]} belongs behind '{word}'.", context)


def tell_json(value: Any) -> None:
    """Print one JSON object on stdout."""
    click.echo(msgspec.json.encode(value, enc_hook=str).decode())


def tell_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table for people on stdout; without rows there is nothing to print."""
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=number == 0)  # the first one is what people copy
    for row in rows:
        # What stands in a cell is data: a bracket in it is no markup.
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    if table.row_count:
        console().print(table)


class _Paper(Console):
    """Leaves it to the door (`main.py`) what happens when nobody reads any more; rich alone would exit with 1."""

    def on_broken_pipe(self) -> None:
        """Let the door see it."""
        raise BrokenPipeError(errno.EPIPE, "nobody reads any more")


def console() -> Console:
    """Return what writes to stdout, as wide as the terminal, or wide enough where there is none."""
    found = _Paper(highlight=False)
    return found if found.is_terminal else _Paper(highlight=False, width=_USUAL_WIDTH)


def next_steps(*commands: str, folder: Path | None = None) -> None:
    """Print what a person may type next, with the project named where it is not here."""
    place = "" if folder is None or folder.resolve() == Path.cwd().resolve() else f" -C {shlex.quote(str(folder))}"
    for command in commands:
        click.echo(f"  next: {command}{place}")
