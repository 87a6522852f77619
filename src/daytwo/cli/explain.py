"""`daytwo explain`: why one prediction came out as it did."""

from __future__ import annotations

from pathlib import Path

import click

from daytwo.cli.place import client_if_any, here
from daytwo.cli.speak import as_json, project_option, tell_json, tell_table
from daytwo.core.schema import Task
from daytwo.lifecycle.explanation import Explanation
from daytwo.lifecycle.explanation import explain as look_up
from daytwo.lifecycle.lineup import called, names_of


@click.command(epilog="Example: daytwo explain 019a8c02f1e4b1c2d3e4-000000001")
@click.argument("identity", metavar="ID")
@project_option
@as_json
def explain(*, identity: str, folder: Path | None, as_json: bool) -> None:
    """Say why the prediction ID came out as it did, from the exact version that answered; needs no server.

    The score is worked out anew from the logged row and must equal the logged one to the last bit.
    """
    system = here(folder)
    client = client_if_any(system)
    found = look_up(system, identity, client)
    if client is not None:
        client.close()
    version = called(names_of(system.registry.versions()), found.digest)
    if as_json:
        tell_json({"explanation": found, "version": version, "proved": found.recomputed is not None})
        return
    _tell(found, version, is_binary=system.settings.model.task is Task.BINARY)


def _tell(found: Explanation, version: str, *, is_binary: bool) -> None:
    who = f" for {found.key}" if found.key else ""
    shown = "{:.1%}" if is_binary else "{:,.4g}"
    score = "with no score" if found.score is None else shown.format(found.score)
    click.echo(
        f"{found.id}{who}, {found.at:%Y-%m-%d %H:%M} UTC, answered by {version} ({found.digest[:12]}, {found.arm})."
    )
    if found.recomputed is None:
        click.echo(f"The fallback answered {score}: the model never saw this row.")
        reasons = [(one["column"], one["message"], one["value"]) for one in found.breaches]
        tell_table("Because the row broke the contract", ("column", "meaning", "value"), reasons)
        return
    what = f"probability of {found.outcome} {score}" if is_binary else f"{found.outcome} {score}"
    advice = "" if found.act is None else f"; advice: {'act' if found.act else 'leave it'}"
    gain = "" if found.gain is None else f", expected gain {found.gain:,.2f}"
    click.echo(f"Answered: {what}{advice}{gain}.")
    if found.confidence:
        click.echo(f"How sure: {found.confidence}.")
    click.echo("Proved: the same bundle gives this very score for the logged row today.")
    if found.typical is not None:
        typical = f"{found.typical:.1%}" if is_binary else f"{found.typical:,.4g}"
        click.echo(f"From {found.reference} at {typical} to this row at {score}:")
    for reason in found.reasons:
        click.echo(f"  {reason.contribution:+8.3f}  {reason.words}")
    if found.label is not None:
        click.echo(f"It came true as {found.label:g}.")


commands = {"explain": explain}
