"""`daytwo ledger`: where the records of a project are, and how they get from its folder into a database."""

from __future__ import annotations

from pathlib import Path

import click

from daytwo.cli.place import here
from daytwo.cli.speak import (
    as_json,
    as_person,
    folder_of,
    next_steps,
    nothing_before,
    project_option,
    tell_json,
    tell_table,
)
from daytwo.ledger_move import move_ledger
from daytwo.ledger_place import ledger_place, records_of
from daytwo.wiring import clock_of, open_system


@click.group(invoke_without_command=True, epilog="Example: daytwo ledger")
@project_option
@as_json
@click.pass_context
def ledger(context: click.Context, *, folder: Path | None, as_json: bool) -> None:
    """Say where releases, routes, approvals, alerts, costs and the audit chain are kept, and how many there are."""
    if context.invoked_subcommand is not None:
        nothing_before(context)
        return
    system = here(folder)
    place = system.settings.project.ledger or ledger_place(system)[1]
    records = records_of(system)
    if as_json:
        tell_json({"place": str(place), "records": records})
        return
    click.echo(f"The records of {system.settings.model.name} are in {place}.")
    _table(records)


@ledger.command(epilog="Example: daytwo ledger move --as ana")
@as_person
@project_option
@as_json
def move(*, person: str, folder: Path | None, as_json: bool) -> None:
    """Carry the records from the project's folder into the Postgres that [project] ledger names, all or none.

    Write [project] ledger first, and stop 'daytwo up'. The file is renamed, not removed.
    """
    system = open_system(folder_of(folder))
    moved = move_ledger(system, person=person, now=clock_of(system).now())
    if as_json:
        tell_json({"records": moved})
        return
    click.echo(f"{sum(moved.values()):,} records are in the database now.")
    _table(moved)
    next_steps("daytwo audit verify", "daytwo up", folder=folder)


def _table(records: dict[str, int]) -> None:
    tell_table(
        "Records", ("table", "records"), [(name.replace("_", " "), f"{n:,}") for name, n in records.items() if n]
    )


commands = {"ledger": ledger}
