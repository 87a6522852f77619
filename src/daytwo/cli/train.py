"""`daytwo train`, also called `release`: a candidate made, gated and put forward."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import click

from daytwo.cli.place import here
from daytwo.cli.progress import progress_line
from daytwo.cli.speak import as_json, next_steps, project_option, tell_json, tell_table, whoever
from daytwo.core.errors import Refused
from daytwo.flows import open_runner
from daytwo.lifecycle.decisions import find_release
from daytwo.lifecycle.dossier import read_evidence
from daytwo.lifecycle.first import next_release_id
from daytwo.lifecycle.releases import OPEN, Release, State
from daytwo.lifecycle.system import System
from daytwo.lifecycle.worker import Event, open_release
from daytwo.training.search import check_search
from daytwo.wiring import clock_of


def search_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say how long to look for a recipe."""
    found = click.option(
        "--minutes", type=click.FloatRange(min=0), help="Try recipes for so long before; what is found varies."
    )(command)
    return click.option("--trials", type=click.IntRange(min=0), help="Try so many recipes before (needs Optuna).")(
        found
    )


def search_budget(trials: int | None, minutes: float | None) -> dict[str, float]:
    """Return what replaces the settings' search: nothing said leaves it, and one of the two said sets no other end."""
    if trials is None and minutes is None:
        return {}
    return {"trials": trials or 0, "minutes": minutes or 0.0}


@click.command(epilog="Example: daytwo release --author ana --reason 'new columns'")
@click.option("--author", default="", metavar="NAME", help="Who makes it and so cannot approve it; default: you.")
@click.option("--reason", default="asked for by a person", show_default=True, help="Why it is made.")
@search_options
@project_option
@as_json
def release(
    *,
    author: str,
    reason: str,
    trials: int | None,
    minutes: float | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Train, gate and put forward a candidate from everything labelled; leave with 1 where a gate says no.

    While 'daytwo up' runs the project's flows, it alone makes releases.
    """
    budget = search_budget(trials, minutes)
    made = run_release(here(folder), reason=reason, author=author or whoever() or "cli", budget=budget, quiet=as_json)
    leave_with(made, folder=folder, as_json=as_json)


def leave_with(made: Release, *, folder: Path | None, as_json: bool) -> NoReturn:
    """Say what became of a release, and end the command: 0 where it waits for approval, 1 where a gate said no."""
    if as_json:
        told = {"release": made.id, "state": made.state, "digest": made.digest, "words": made.words}
        evidence = read_evidence(made.evidence)
        tell_json(told | {"gates": evidence.gates, "recommended": evidence.recommended, "reach": evidence.reach})
    else:
        tell_release(made)
        if made.state is State.WAITING:
            next_steps(f"daytwo approve {made.id} --as NAME", f"daytwo front {made.id}", folder=folder)
    sys.exit(0 if made.state is State.WAITING else 1)


def run_release(
    system: System,
    *,
    reason: str,
    author: str,
    adopt: str = "",
    budget: Mapping[str, float] | None = None,
    quiet: bool = False,
) -> Release:
    """Make, gate and put forward a candidate, or take up the one that was cut short; return what became of it.

    `budget` is that of `search_budget`.

    Raises
    ------
    Refused
        If another release waits for somebody.
    Mistake
        If a search is asked for, and Optuna is not installed.
    """
    train = system.settings.train
    if any(budget.values()) if budget else not adopt and (train.trials or train.minutes):
        check_search()
    under_way = next((one for one in system.releases.releases() if one.state in OPEN), None)
    if under_way is not None and under_way.state is not State.TRAINING:
        raise Refused(
            f"{under_way.id} is under way: {under_way.words}", hint=f"Decide on it, or 'daytwo refuse {under_way.id}'"
        )
    name = under_way.id if under_way is not None else next_release_id(system)
    events: list[Event] = []
    if not quiet:
        click.echo(f"{name}: {'gating' if adopt else 'training and gating'} ...", err=True)
    with progress_line(quiet=quiet) as tell, open_runner(replace(system, tell=tell), stands=False) as runner:
        open_release(
            system,
            runner,
            name,
            reason=reason,
            now=clock_of(system).now(),
            events=events,
            author=author,
            adopt=adopt,
            budget=budget,
        )
    return find_release(system, name)


def tell_release(made: Release) -> None:
    """Print what became of a release, and what the gates said."""
    click.echo(f"{made.id} ({made.digest[:12] or 'no candidate'}): {made.words}")
    evidence = read_evidence(made.evidence)
    tell_table(
        "Gates",
        ("gate", "says", "because"),
        [(gate.name, "yes" if gate.passed else "no", gate.words) for gate in evidence.gates],
    )
    for words in evidence.reach:
        click.echo(f"  {words}")


commands = {"train": release, "release": release}
