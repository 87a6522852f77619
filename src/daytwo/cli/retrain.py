"""`daytwo retrain`: make a new version now, or say why none is made."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from daytwo.cli.place import here
from daytwo.cli.speak import as_json, project_option, tell_json, whoever
from daytwo.cli.train import leave_with, run_release, search_budget, search_options
from daytwo.lifecycle.retraining.position import Position, position
from daytwo.wiring import clock_of


@click.command(epilog="Example: daytwo retrain --why")
@click.option(
    "--why", is_flag=True, help="Train nothing: say what was decided last, in money, and what would change it."
)
@click.option("--author", default="", metavar="NAME", help="Who makes it and so cannot approve it; default: you.")
@click.option("--reason", default="retraining asked for by a person", show_default=True, help="Why it is made.")
@search_options
@project_option
@as_json
def retrain(
    *,
    why: bool,
    author: str,
    reason: str,
    trials: int | None,
    minutes: float | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Make a new version from everything labelled, through the same gates and approval as any other.

    With --why nothing is made. Leaves with 1 where a gate says no.
    """
    system = here(folder)
    if why:
        found = position(system, clock_of(system).now())
        if as_json:
            tell_json(asdict(found))
        else:
            _tell(found)
        return
    budget = search_budget(trials, minutes)
    made = run_release(system, reason=reason, author=author or whoever() or "cli", budget=budget, quiet=as_json)
    leave_with(made, folder=folder, as_json=as_json)


def _tell(found: Position) -> None:
    decided = "" if found.decided_at is None else f" (window {found.window}, {found.decided_at:%d %B %Y})"
    click.echo(f"{found.words}{decided}")
    click.echo(f"{found.version}: live since {found.live_since:%d %B %Y}, trained {found.trained_at:%d %B %Y}")
    challenger = f"{found.challenger_cost:,.2f}" if found.challenger_cost >= 0.01 else "less than 0.01"
    cost = f"{found.switch_cost:,.2f} {found.currency} a replacement, {challenger} a challenger"
    click.echo(f"policy: {found.policy}; it costs {cost}")
    gain = found.numbers.expected_gain
    if gain is not None:
        click.echo(f"replacing now would bring {gain:,.2f} {found.currency} over a life as long as the present one")
    click.echo("What would change it:")
    for change in found.changes:
        click.echo(f"  {change}")


commands = {"retrain": retrain}
