"""How commands answer: one JSON object on stdout for machines, words and tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from daytwo.core.settings_file import find_project
from daytwo.lifecycle.system import System
from daytwo.wiring import open_system

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
project_option = click.option(
    "--project",
    "-C",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="The project's folder; default: the nearest one at or above this folder.",
)


def here(folder: Path | None) -> System:
    """Open the project that a command is about."""
    return open_system(folder if folder is not None else find_project(Path.cwd()))


def now() -> datetime:
    """The present moment of the machine."""
    return datetime.now(UTC)


def tell_json(value: Any) -> None:
    """Print one JSON object on stdout."""
    click.echo(msgspec.json.encode(value, enc_hook=str).decode())


def tell_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table for people on stdout."""
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    Console().print(table)
