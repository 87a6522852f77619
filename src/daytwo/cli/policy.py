"""`daytwo policy backtest`: which retraining policy would have served this project best."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from daytwo.cli.place import here
from daytwo.cli.speak import as_json, project_option, tell_json, tell_table
from daytwo.lifecycle.retraining.backtest import Backtest, backtest


@click.group()
def policy() -> None:
    """Retraining policies, replayed over the project's own past."""


@policy.command(name="backtest", epilog="Example: daytwo policy backtest --json")
@project_option
@as_json
def replayed(*, folder: Path | None, as_json: bool) -> None:
    """Replay every policy over the windows whose labels have come; the cheapest first.

    A policy is credited with the challengers that were trained after each window. 'on alarm' takes the alarms as they
    were raised, whichever version answered then.
    """
    found = backtest(here(folder))
    if as_json:
        tell_json(asdict(found))
    else:
        _tell(found)


def _tell(found: Backtest) -> None:
    unit = found.currency
    tell_table(
        f"{len(found.windows)} windows, {found.windows[0]} to {found.windows[-1]}, in {unit}",
        ("policy", "new versions", "lost", "cost", "together", "more than hindsight"),
        [
            (
                f"{one.policy} (yours)" if one.is_set else one.policy,
                f"{len(one.switches)}",
                f"{one.loss:,.0f}",
                f"{one.cost:,.2f}",
                f"{one.total:,.0f}",
                f"{one.missed:,.0f}",
            )
            for one in found.policies
        ],
    )
    best = found.hindsight
    click.echo(f"Hindsight would have made {len(best.switches)} new versions and paid {best.total:,.0f} {unit}.")
    click.echo("'every N' counts windows. Lost is counted from the right decision of each row.")


commands = {"policy": policy}
