"""`daytwo monitor` and `alerts`: how windows were judged, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from daytwo.alerts.alerts import Alert, acknowledged, closed
from daytwo.cli.place import here
from daytwo.cli.speak import as_json, as_person, next_steps, nothing_before, project_option, tell_json, tell_table
from daytwo.core.errors import NotFound, Refused
from daytwo.governance.audit import Entry
from daytwo.lifecycle import words
from daytwo.lifecycle.overview import urgency
from daytwo.lifecycle.system import System
from daytwo.lifecycle.windows import WindowRecord
from daytwo.wiring import clock_of

_WINDOWS = 12
_FIGURE = ("value", "low", "high")
_every = click.option("--all", "every", is_flag=True, help="Closed ones too.")


@click.command(epilog="Example: daytwo monitor --window 3 --json")
@click.option("--window", type=click.IntRange(0), help="The window's number, from 0; default: the newest.")
@project_option
@as_json
def monitor(*, window: int | None, folder: Path | None, as_json: bool) -> None:
    """Show how the last windows were judged: verdict, findings, figures expected and realised, alarm budget."""
    system = here(folder)
    records = system.windows.windows()
    if window is not None and all(one.span.index != window for one in records):
        raise NotFound(f"there is no window {window}", hint=f"{len(records)} windows have ended so far")
    chosen = next((one for one in reversed(records) if window in {None, one.span.index}), None)
    if as_json:
        tell_json(_plain(chosen))
        return
    if chosen is None:
        length = system.settings.monitor.window
        click.echo(f"No window has ended yet; each is {length} long and begins when the first version goes live.")
        return
    tell_table(
        "Windows",
        ("window", "from", "to", "rows", "verdict", "findings"),
        [_line(one) for one in records[-_WINDOWS:]],
    )
    _tell(chosen)


def _plain(record: WindowRecord | None) -> dict[str, Any]:
    """Return one window as machines read it."""
    watched: Mapping[str, Any] = (record.watched or {}) if record else {}
    settled: Mapping[str, Any] = (record.settled or {}) if record else {}
    rows, labelled = settled.get("rows", watched.get("rows", 0)), settled.get("labelled", 0)
    return {
        "window": record.span.name if record else None,
        "start": record.span.start if record else None,
        "end": record.span.end if record else None,
        "rows": rows,
        "verdict": watched.get("verdict", "none"),
        "findings": watched.get("findings", []),
        "estimated": _figures(watched.get("estimated")),
        "realised": _figures(settled.get("live")) | {"maturity": labelled / rows if rows and settled else None},
        "budget": watched.get("budget", {"allowed": 0.0, "spent": 0}),
        "decision": settled.get("decision"),
    }


def _figures(kept: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: {part: one.get(part) for part in _FIGURE} for name, one in (kept or {}).items()}


def _line(record: WindowRecord) -> tuple[object, ...]:
    plain = _plain(record)
    findings = "; ".join(str(one["summary"]) for one in plain["findings"])
    span = record.span
    return (
        span.name,
        f"{span.start:%Y-%m-%d %H:%M}",
        f"{span.end:%Y-%m-%d %H:%M}",
        plain["rows"],
        plain["verdict"],
        findings,
    )


def _tell(record: WindowRecord) -> None:
    plain = _plain(record)
    names = dict.fromkeys([*plain["estimated"], *(name for name in plain["realised"] if name != "maturity")])
    tell_table(
        f"{record.span.name}: {plain['verdict']}",
        ("figure", "expected", "95 %", "came to", "95 %"),
        [
            (words.metric(name), *_pair(plain["estimated"].get(name)), *_pair(plain["realised"].get(name)))
            for name in names
        ],
    )
    budget = plain["budget"]
    spent = f"{budget['spent']} alarms since this version went live"
    click.echo(f"Budget: {budget['allowed']:.2g} false alarms a window; {spent}.")
    if plain["realised"]["maturity"] is not None:
        click.echo(f"Labels: {words.share(plain['realised']['maturity'])} of the rows have theirs.")
    for finding in plain["findings"]:
        click.echo(f"  {finding['severity']}: {finding['summary']}")
        if finding["next_step"]:
            click.echo(f"    next: {finding['next_step']}")
    if plain["decision"]:
        click.echo(f"Retraining: {plain['decision']['words']}.")


def _pair(figure: Mapping[str, Any] | None) -> tuple[str, str]:
    if not figure or figure["value"] is None:
        return "", ""
    bounds = [figure["low"], figure["high"]]
    interval = "" if None in bounds else f"{words.number(bounds[0])} to {words.number(bounds[1])}"
    return words.number(figure["value"]), interval


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


commands = {"monitor": monitor, "alerts": alerts}
