"""`daytwo explain`: why one prediction came out as it did."""

from __future__ import annotations

import math
from pathlib import Path

import click

from daytwo.cli.place import client_if_any, here
from daytwo.cli.speak import as_json, project_option, tell_json, tell_table
from daytwo.core.schema import Task
from daytwo.explain.curves import Read
from daytwo.explain.importance import Leaning, steadiness
from daytwo.lifecycle.explanation import Explanation
from daytwo.lifecycle.explanation import explain as look_up
from daytwo.lifecycle.lineup import called, names_of
from daytwo.lifecycle.reasoning.alike import Alike
from daytwo.lifecycle.reasoning.curves import curves
from daytwo.lifecycle.reasoning.overall import overall
from daytwo.scoring.changing import Changes


@click.command(epilog="Example: daytwo explain 019a8c02f1e4b1c2d3e4-000000001")
@click.argument("identity", metavar="[ID|VERSION]", default="")
@click.option("--change", is_flag=True, help="Also: the smallest changes that would turn the decision.")
@click.option("--similar", is_flag=True, help="Also: what became of past rows that the model saw alike.")
@click.option("--global", "over_all", is_flag=True, help="What VERSION leans on over many rows, and how steadily.")
@click.option("--curves", "by_value", is_flag=True, help="All that VERSION adds, value by value, if it is a glass box.")
@project_option
@as_json
def explain(
    *, identity: str, change: bool, similar: bool, over_all: bool, by_value: bool, folder: Path | None, as_json: bool
) -> None:
    """Say why the prediction ID came out as it did, from the exact version that answered; needs no server.

    The score is worked out anew from the logged row and must equal the logged one to the last bit. [reasons] in
    daytwo.toml says in whose words columns are spoken of, and which nobody can change. With --global: what VERSION
    (default: the one that answers) leans on, over held-out rows. With --curves: the whole model, if each column adds
    by itself.
    """
    system = here(folder)
    if by_value:
        digest, read = curves(system, identity)
        version = called(names_of(system.registry.versions()), digest)
        if as_json:
            tell_json({"version": version, "digest": digest, "curves": read.curves, "paired": read.paired})
        else:
            _tell_curves(read, version, is_binary=system.settings.model.task is Task.BINARY)
        return
    if over_all:
        digest, leaning = overall(system, identity)
        version = called(names_of(system.registry.versions()), digest)
        if as_json:
            tell_json({"version": version, "digest": digest, "leaning": leaning})
        else:
            _tell_leaning(leaning, version)
        return
    if not identity:
        raise click.UsageError("name a prediction by its ID, or ask with --global what a version leans on")
    client = client_if_any(system)
    found = look_up(system, identity, client, change=change, similar=similar)
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
        click.echo(f"  {reason.words}")
    if found.changes is not None:
        _tell_changes(found.changes, found.outcome)
    if found.alike is not None:
        _tell_alike(found.alike, shown, is_binary=is_binary)
    if found.label is not None:
        click.echo(f"It came true as {found.label:g}.")


def _tell_changes(said: Changes, outcome: str) -> None:
    advice = "leave it" if said.act else "act"
    if not said.changes:
        click.echo(f"What would turn the advice: nothing that can be offered; {said.why}.")
        return
    click.echo(f"The advice would be to {advice} with")
    for place, change in enumerate(said.changes):
        words = ", and ".join(step.words for step in change.steps)
        gain = "" if change.gain is None else f", expected gain {change.gain:,.2f}"
        click.echo(f"  {'or ' if place else '   '}{words}: probability of {outcome} {change.score:.1%}{gain}")


def _tell_alike(found: Alike, shown: str, *, is_binary: bool) -> None:
    what = "came true" if is_binary else "was the mean outcome"
    low, high = shown.format(found.low), shown.format(found.high)
    click.echo(
        f"Of the {found.among:,} past rows most like it, of {found.compared:,} with outcomes, "
        f"{shown.format(found.mean)} {what} ({low} to {high}). The nearest:"
    )
    rows = [
        (
            case.key or case.id or "held-out row of the training",
            "" if case.at is None else f"{case.at:%Y-%m-%d %H:%M}",
            shown.format(case.score),
            f"{case.label:g}",
            f"{case.distance:.3f}",
        )
        for case in found.cases
    ]
    tell_table("Past rows that the model saw alike", ("row", "time", "score", "outcome", "distance"), rows)


def _tell_leaning(found: Leaning, version: str) -> None:
    click.echo(f"What {version} leans on, over {found.rows:,} rows that its trees did not learn from:")
    rows = [
        (
            one.name,
            f"{one.mean:.3g}",
            "" if one.low is None or one.high is None else f"{one.low:.3g} to {one.high:.3g}",
            f"{one.share:.1%}",
            "" if one.in_top is None else f"{one.in_top:.0%}",
        )
        for one in found.weights
        if one.mean > 0
    ]
    columns = ("column", "mean size", "95 % interval", "share", f"among the first {found.top}")
    tell_table("Mean size of its contributions to the raw score", columns, rows)
    if none := [one.name for one in found.weights if not one.mean]:
        click.echo(f"Of no weight: {', '.join(none)}.")
    click.echo(steadiness(found))


def _tell_curves(found: Read, version: str, *, is_binary: bool) -> None:
    what = "log-odds, and by what the odds are multiplied" if is_binary else "in the target's own unit"
    click.echo(f"What each value adds in {version}, beside the typical row's ({what}):")
    for name, steps in found.curves.items():
        rows = [
            (one.words, f"{one.adds:+.3g}", *((f"x {math.exp(one.adds):.2f}",) if is_binary else ())) for one in steps
        ]
        tell_table(name, ("value", "adds", *(("odds",) if is_binary else ())), rows)
    if found.paired:
        click.echo(f"Besides, {found.paired} trees add what pairs of columns do together; they stand in no curve.")
    else:
        click.echo("That is the whole model: these parts and the typical row's score are a score before calibration.")


commands = {"explain": explain}
