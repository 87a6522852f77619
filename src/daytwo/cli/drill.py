"""`daytwo drill rollback`: prove on a server of its own that going back is fast and loses nobody."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click

from daytwo.cli.place import here
from daytwo.cli.speak import as_json, project_option, tell_json, whoever
from daytwo.rehearsal import Rehearsal, record_rehearsal, rehearse
from daytwo.wiring import clock_of


@click.group()
def drill() -> None:
    """What must work on a bad day, tried on a good one; 'daytwo monitor drill' tries the alarms."""


@drill.command(name="rollback", epilog="Example: daytwo drill rollback --json")
@project_option
@as_json
def rehearsed(*, folder: Path | None, as_json: bool) -> None:
    """Go back to the version before and forth again, under load, on a server made for it.

    The live server, its route and its records are not touched. Leaves with 1 where a request failed or it took a second
    or longer. That there was a rehearsal, and how it went, is kept in the project and its audit log.
    """
    system = here(folder)
    told = rehearse(system)
    record_rehearsal(system, told, at=clock_of(system).now(), by=whoever() or "daytwo")
    if as_json:
        tell_json(asdict(told) | {"passed": told.passed})
    else:
        _tell(told)
    sys.exit(0 if told.passed else 1)


def _tell(told: Rehearsal) -> None:
    lost = f"{len(told.failed)} or more failed: {told.failed[0]}" if told.failed else "none failed"
    click.echo(f"From {told.away[:12]} back to {told.back[:12]} and forth, {told.requests:,} requests, {lost}.")
    click.echo(f"Nobody met the version left after {told.back_s:.2f} s on the way back, {told.forth_s:.2f} s forth.")


commands = {"drill": drill}
