"""`daytwo hold`: keep new versions from more people, or let them go on."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from daytwo.cli.place import here
from daytwo.cli.speak import as_json, as_person, project_option, tell_json
from daytwo.lifecycle.delivery.hold import lift_hold, place_hold
from daytwo.wiring import clock_of


@click.command(epilog="Example: daytwo hold --as ana --reason 'the books close on Friday'")
@as_person
@click.option("--reason", required=True, help="Why.")
@click.option("--lift", is_flag=True, help="Let everything go on.")
@project_option
@as_json
def hold(*, person: str, reason: str, lift: bool, folder: Path | None, as_json: bool) -> None:
    """Hold back whatever would reach more people: approved candidates, and the next step of a rollout.

    A candidate in trouble is stopped all the same, and 'daytwo rollback' works at any time.
    """
    system = here(folder)
    found = (lift_hold if lift else place_hold)(system, person=person, reason=reason, now=clock_of(system).now())
    if as_json:
        tell_json({"held": not lift, **msgspec.to_builtins(found)})
    elif lift:
        click.echo(f"Lifted. {found.by} had held it since {found.since:%d %B %H:%M} UTC: {found.reason}")
    else:
        click.echo("Held. Nothing new reaches more people until 'daytwo hold --lift'.")


commands = {"hold": hold}
