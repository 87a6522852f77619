"""`daytwo alerts`: what is wrong and who owns it. `monitor.py` shows how windows were judged."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from daytwo.alerts.alerts import Alert, acknowledged, closed
from daytwo.cli.place import here
from daytwo.cli.speak import as_json, as_person, next_steps, nothing_before, project_option, tell_json, tell_table
from daytwo.core.errors import NotFound, Refused
from daytwo.governance.audit import Entry
from daytwo.lifecycle.overview import urgency
from daytwo.lifecycle.system import System
from daytwo.wiring import clock_of

_every = click.option("--all", "every", is_flag=True, help="Closed ones too.")


@click.group(invoke_without_command=True, epilog="Example: daytwo alerts close 3f2a1b9c0d4e --as ana --verdict true")
@_every
@project_option
@as_json
@click.pass_context
def alerts(context: click.Context, *, every: bool, folder: Path | None, as_json: bool) -> None:
    """What is wrong and who owns it; without a word behind it, the list of what is open."""
    if context.invoked_subcommand is None:
        _list(folder, every=every, as_json=as_json)
    else:
        nothing_before(context)


@alerts.command("list", epilog="Example: daytwo alerts list --all --json")
@_every
@project_option
@as_json
def list_alerts(*, every: bool, folder: Path | None, as_json: bool) -> None:
    """List open alerts, the dearest first."""
    _list(folder, every=every, as_json=as_json)


def _list(folder: Path | None, *, every: bool, as_json: bool) -> None:
    found = [one for one in here(folder).alerts.alerts() if every or one.closed_at is None]
    found.sort(key=urgency)
    if as_json:
        tell_json({"alerts": found})
        return
    if not found:
        click.echo("Nothing is wrong that anybody was told of.")
        return
    tell_table(
        "Alerts",
        ("id", "since", "severity", "about", "what", "owner", "taken up", "closed"),
        [
            (
                one.id,
                f"{one.opened_at:%Y-%m-%d %H:%M}",
                one.severity,
                one.subject,
                one.summary,
                one.owner,
                one.acknowledged_by,
                f"{one.closed_at:%Y-%m-%d} {one.verdict}" if one.closed_at else "",
            )
            for one in found
        ],
    )
    step = next((one.next_step for one in found if one.next_step), "")
    if step:
        click.echo(f"  next: {step}")
    next_steps(f"daytwo alerts ack {found[0].id} --as NAME", folder=folder)


@alerts.command("ack", epilog="Example: daytwo alerts ack 3f2a1b9c0d4e --as ana")
@click.argument("identity", metavar="ID")
@as_person
@project_option
@as_json
def take_up(*, identity: str, person: str, folder: Path | None, as_json: bool) -> None:
    """Take an open alert up: from now on you own it."""
    system = here(folder)
    taken = acknowledged(_open(system, identity), person)
    system.alerts.put(taken)
    _record(system, taken, person, "acknowledge alert", {})
    _answer(taken, f"{person} has taken up {taken.id}: {taken.summary}", as_json=as_json)


@alerts.command("close", epilog="Example: daytwo alerts close 3f2a1b9c0d4e --as ana --verdict false")
@click.argument("identity", metavar="ID")
@as_person
@click.option(
    "--verdict", type=click.Choice(["true", "false", "repaired"]), required=True, help="What it turned out to be."
)
@project_option
@as_json
def close(*, identity: str, person: str, verdict: str, folder: Path | None, as_json: bool) -> None:
    """Close an alert, and say whether it had been right: false ones count against the budget."""
    system = here(folder)
    ended = closed(_open(system, identity), at=clock_of(system).now(), by=person, verdict=verdict)
    system.alerts.put(ended)
    _record(system, ended, person, "close alert", {"verdict": verdict})
    _answer(ended, f"{person} has closed {ended.id} as {verdict}.", as_json=as_json)


def _open(system: System, identity: str) -> Alert:
    every = system.alerts.alerts()
    found = [one for one in every if one.id.startswith(identity)] if identity else []
    if len(found) != 1:
        known = ", ".join(one.id for one in every if one.closed_at is None) or "none"
        raise NotFound(f"no single alert is called {identity!r}", hint=f"Open alerts: {known}")
    if found[0].closed_at is not None:
        raise Refused(
            f"{found[0].id} was closed by {found[0].closed_by} as {found[0].verdict}", hint="'daytwo alerts list'"
        )
    return found[0]


def _record(system: System, alert: Alert, person: str, action: str, detail: dict[str, object]) -> None:
    moment = clock_of(system).now()
    system.audit.append(Entry(moment, person, action, alert.id, f"alert:{alert.id}:{moment.isoformat()}", detail))


def _answer(alert: Alert, told: str, *, as_json: bool) -> None:
    if as_json:
        tell_json(msgspec.to_builtins(alert))
    else:
        click.echo(told)


commands = {"alerts": alerts}
