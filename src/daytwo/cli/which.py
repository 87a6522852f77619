"""Which rows of the quarantine a command is about: by id, rule, column, source and time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from daytwo.cli.place import here
from daytwo.contracts.times import parse_time
from daytwo.core.durations import duration
from daytwo.core.errors import SettingsError
from daytwo.lifecycle.kept_aside.quarantine import Which, named
from daytwo.lifecycle.shipping import ship_journal
from daytwo.lifecycle.system import System
from daytwo.wiring import clock_of

F = TypeVar("F", bound=Callable[..., Any])
_OPTIONS = (
    click.option("--rule", default="", help="Only rows that broke this rule, such as 'between'."),
    click.option("--column", default="", help="Only rows in which this column broke a rule."),
    click.option("--source", default="", help="Only rows from this file, or 'server'."),
    click.option("--since", default="", metavar="WHEN", help="Only rows from then on: 2013-07-15, an ISO time, or 6h."),
    click.option("--until", default="", metavar="WHEN", help="Only rows before then."),
)


def which_options(command: F) -> F:
    """Give a command the options that say which rows it is about; `which` reads them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def fresh(folder: Path | None) -> System:
    """Open the project, with what its server has kept aside a moment ago."""
    system = here(folder)
    ship_journal(system)
    return system


def which(system: System, said: dict[str, str], *, state: str, ids: tuple[str, ...] = ()) -> Which:
    """Return the rows that the options `said` mean; ids are looked up, so that a wrong one is told."""
    now = clock_of(system).now()
    return Which(
        said["rule"],
        said["column"],
        said["source"],
        _moment("--since", said["since"], now),
        _moment("--until", said["until"], now),
        state,
        named(system, ids) if ids else (),
    )


def _moment(option: str, text: str, now: datetime) -> datetime | None:
    if not text:
        return None
    found = parse_time(text)
    if found is not None:
        return found
    try:
        return now - duration(text)
    except SettingsError as err:
        raise click.UsageError(f"{option} {text!r} is no time: write 2013-07-15, 2013-07-15T06:00 or 6h.") from err
