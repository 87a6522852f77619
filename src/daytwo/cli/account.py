"""`daytwo value` and `audit`: what it brought and cost, and the sealed record of what was done."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from daytwo.cli.place import here
from daytwo.cli.speak import as_json, nothing_before, project_option, tell_json, tell_table
from daytwo.governance.audit import first_break
from daytwo.lifecycle import words
from daytwo.lifecycle.headline import money_sentence
from daytwo.lifecycle.overview import overview
from daytwo.value.costs import by_kind
from daytwo.wiring import clock_of

_ENTRIES = 30


@click.command(epilog="Example: daytwo value --json")
@project_option
@as_json
def value(*, folder: Path | None, as_json: bool) -> None:
    """Show what the decisions brought and what the model cost, by window and in total.

    'static' is what the first version would have brought on the same rows, had nobody ever retrained.
    """
    system = here(folder)
    view = overview(system, clock_of(system).now())
    currency = view.project.currency
    costs = by_kind(system.costs.costs())
    settled = [point for point in view.points if point.money_live is not None]
    if as_json:
        total = view.value
        tell_json(
            {
                "currency": currency,
                "live": total.live if total else None,
                "static": total.static if total else None,
                "costs": costs,
                "cost": sum(costs.values()),
                "net": total.net if total else None,
                "rows": total.rows if total else 0,
                "windows": [
                    {"window": point.name, "start": point.start, "live": point.money_live, "static": point.money_static}
                    for point in settled
                ],
            }
        )
        return
    tell_table(
        f"Money by window, in {currency}",
        ("window", "answered", "static", "labels in"),
        [
            (
                words.period(point.start, point.end, view.now),
                words.figure(point.money_live, currency),
                words.figure(point.money_static, currency),
                words.share(point.maturity),
            )
            for point in settled
        ],
    )
    tell_table("Costs", ("kind", currency), [(kind, f"{amount:,.2f}") for kind, amount in costs.items()])
    click.echo(money_sentence(view))
    if view.value is not None:
        click.echo(
            f"Less {words.money(view.value.cost, currency)} of costs: {words.money(view.value.net, currency)} net."
        )


@click.group(invoke_without_command=True, epilog="Example: daytwo audit verify")
@click.option("--most", type=click.IntRange(1), default=_ENTRIES, show_default=True, help="How many entries to show.")
@project_option
@as_json
@click.pass_context
def audit(context: click.Context, *, most: int, folder: Path | None, as_json: bool) -> None:
    """Show the sealed record of what was done, the newest last."""
    if context.invoked_subcommand is not None:
        nothing_before(context)
        return
    log = here(folder).audit.read()
    if as_json:
        tell_json({"entries": len(log), "broken_at": first_break(log), "log": log[-most:]})
        return
    tell_table(
        f"{min(most, len(log))} of {len(log)} entries",
        ("number", "at", "who", "did", "to", "seal"),
        [
            (
                one.number,
                f"{one.entry.at:%Y-%m-%d %H:%M}",
                one.entry.actor,
                one.entry.action,
                one.entry.subject,
                one.digest[:12],
            )
            for one in log[-most:]
        ],
    )
    _tell_whole(first_break(log), len(log))


@audit.command("verify", epilog="Example: daytwo audit verify --json")
@project_option
@as_json
def verify(*, folder: Path | None, as_json: bool) -> None:
    """Check every seal; leave with 1 at the first entry that does not hold."""
    log = here(folder).audit.read()
    broken = first_break(log)
    if as_json:
        tell_json({"entries": len(log), "whole": broken is None, "broken_at": broken})
    else:
        _tell_whole(broken, len(log))
    sys.exit(0 if broken is None else 1)


def _tell_whole(broken: int | None, entries: int) -> None:
    if broken is None:
        click.echo(f"The chain of {entries} entries is whole.")
        return
    click.secho(f"The chain is broken at entry {broken} of {entries}: it or the one before it was changed.", fg="red")
    click.echo("  next: restore .daytwo/ledger.db from a backup, and find out who could write to it")


commands = {"value": value, "audit": audit}
