"""`daytwo monitor`: how windows were judged, before their labels and with them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from daytwo.cli.monitor_guard import commands as guard
from daytwo.cli.place import here
from daytwo.cli.speak import as_json, nothing_before, project_option, tell_json, tell_table
from daytwo.core.errors import NotFound
from daytwo.lifecycle import words
from daytwo.lifecycle.maturity import label_maturity
from daytwo.lifecycle.system import System
from daytwo.lifecycle.windows import WindowRecord

_WINDOWS = 12
_FIGURE = ("value", "low", "high")


@click.group(invoke_without_command=True, epilog="Example: daytwo monitor --window 3 --json")
@click.option("--window", type=click.IntRange(0), help="The window's number, from 0; default: the newest.")
@click.option("--last", type=click.IntRange(1), help="So many windows, the newest last.")
@click.option("--model", "version", metavar="VERSION", help="Only windows that this version answered, such as v3.")
@project_option
@as_json
@click.pass_context
def monitor(
    context: click.Context,
    *,
    window: int | None,
    last: int | None,
    version: str | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Show how a window was judged: verdict, findings, figures expected and realised, alarm budget.

    Leaves with 1 where the newest window shown went worse than usual, with 0 else.
    """
    if context.invoked_subcommand is not None:
        nothing_before(context)
        return
    if window is not None and last is not None:
        raise click.UsageError("--window and --last exclude each other.", context)
    system = here(folder)
    records = _of_version(system, version)
    if window is not None and all(one.span.index != window for one in records):
        raise NotFound(f"there is no window {window}", hint=f"{len(records)} windows have ended so far")
    chosen = [one for one in records if window in {None, one.span.index}][-(last or 1) :]
    plain = [_plain(system, one) for one in chosen]
    if as_json:
        tell_json({"windows": plain} if last is not None else plain[0] if plain else _plain(system, None))
    elif not plain:
        length = system.settings.monitor.window
        click.echo(f"No window has ended yet; each is {length} long and begins when the first version goes live.")
    else:
        _tell_all(system, records if last is None else chosen, list(zip(chosen, plain, strict=True)))
    sys.exit(1 if plain and plain[-1]["verdict"] == "worse" else 0)


def _of_version(system: System, version: str | None) -> list[WindowRecord]:
    """Return the windows with something known, the oldest first; of one version alone where it is named."""
    records = system.windows.windows()
    if version is None:
        return list(records)
    digest = system.registry.find(version).digest
    return [one for one in records if digest == _version(one)]


def _version(record: WindowRecord) -> str:
    return str((record.watched or {}).get("version") or (record.settled or {}).get("champion_digest") or "")


def _plain(system: System, record: WindowRecord | None) -> dict[str, Any]:
    """Return one window as machines read it."""
    watched: Mapping[str, Any] = (record.watched or {}) if record else {}
    settled: Mapping[str, Any] = (record.settled or {}) if record else {}
    maturity = label_maturity(system, record) if record else None
    return {
        "window": record.span.name if record else None,
        "rows": settled.get("rows", watched.get("rows", 0)),
        "verdict": settled.get("verdict") or watched.get("verdict", "none"),
        "findings": [*settled.get("findings", []), *watched.get("findings", [])],
        "estimated": _figures(watched.get("estimated")),
        "realised": _figures(settled.get("live")) | {"maturity": maturity},
        "budget": watched.get("budget", {"allowed": 0.0, "spent": 0}),
    }


def _figures(kept: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: {part: one.get(part) for part in _FIGURE} for name, one in (kept or {}).items()}


def _tell_all(
    system: System, listed: Sequence[WindowRecord], chosen: Sequence[tuple[WindowRecord, Mapping[str, Any]]]
) -> None:
    tell_table(
        "Windows", ("window", "from", "to", "rows", "verdict", "findings"), [_line(o) for o in listed[-_WINDOWS:]]
    )
    for record, plain in chosen:
        _tell(record, plain)
    if chosen[-1][1]["verdict"] == "worse":
        click.echo(f"{system.settings.model.name} is doing worse than usual; that is why this leaves with 1.")


def _line(record: WindowRecord) -> tuple[object, ...]:
    watched: Mapping[str, Any] = record.watched or {}
    settled: Mapping[str, Any] = record.settled or {}
    span = record.span
    return (
        span.name,
        f"{span.start:%Y-%m-%d %H:%M}",
        f"{span.end:%Y-%m-%d %H:%M}",
        settled.get("rows", watched.get("rows", 0)),
        settled.get("verdict") or watched.get("verdict", "none"),
        "; ".join(str(one["summary"]) for one in [*settled.get("findings", []), *watched.get("findings", [])]),
    )


def _tell(record: WindowRecord, plain: Mapping[str, Any]) -> None:
    estimated, realised = plain["estimated"], plain["realised"]
    names = dict.fromkeys([*estimated, *(name for name in realised if name != "maturity")])
    tell_table(
        f"{record.span.name}: {plain['verdict']}",
        ("figure", "expected", "95 %", "came to", "95 %"),
        [(words.metric(name), *_pair(estimated.get(name)), *_pair(realised.get(name))) for name in names],
    )
    for method in _methods(record):
        click.echo(f"Expected by {method}.")
    for told in _late(record):
        click.echo(told)
    for told in _ageing(record):
        click.echo(told)
    budget = plain["budget"]
    spent = f"{budget['spent']} alarms since this version went live"
    click.echo(f"Budget: {budget['allowed']:.2g} false alarms a window; {spent}.")
    if realised["maturity"] is not None:
        click.echo(f"Labels: {words.share(realised['maturity'])} of the rows have theirs.")
    for finding in plain["findings"]:
        click.echo(f"  {finding['severity']}: {finding['summary']}")
        if finding["next_step"]:
            click.echo(f"    next: {finding['next_step']}")
    decision: Any = (record.settled or {}).get("decision")
    if decision:
        click.echo(f"Retraining: {decision['words']}.")


def _methods(record: WindowRecord) -> tuple[str, ...]:
    """Return how the figures were found, each way once."""
    kept: Any = (record.watched or {}).get("estimated") or {}
    return tuple(dict.fromkeys(str(one["method"]) for one in kept.values() if one.get("method")))


def _late(record: WindowRecord) -> list[str]:
    """Say which estimates late labels correct, and on what evidence."""
    kept: Any = (record.watched or {}).get("late_labels") or {}
    return [_late_words(name, one) for name, one in kept.items() if one["applies"]]


def _late_words(metric: str, found: Mapping[str, Any]) -> str:
    what = words.metric("money_per_row" if metric == "money" else metric)
    seen = f"{words.count(found['windows'], 'window')}, up to w{found['labels_until']:04d}"
    off = f"{words.number(found['value'])} (standard error {found['standard_error']:.2g})"
    return f"Late labels of {seen}: the estimate of {what} is off by {off}, and is corrected by that."


def _ageing(record: WindowRecord) -> list[str]:
    """Say what the version's figures lose per day of its age."""
    kept: Any = (record.watched or {}).get("decay") or {}
    told = []
    for name, one in kept.items():
        what = words.metric("money_per_row" if name == "money" else name)
        rate = f"{one['per_day']:.2g} a day ({one['low']:.2g} to {one['high']:.2g})"
        told.append(f"Decay of {what}, {one['source']}, over {words.count(one['windows'], 'window')}: {rate}.")
    return told


def _pair(figure: Mapping[str, Any] | None) -> tuple[str, str]:
    if not figure or figure["value"] is None:
        return "", ""
    bounds = [figure["low"], figure["high"]]
    interval = "" if None in bounds else f"{words.number(bounds[0])} to {words.number(bounds[1])}"
    return words.number(figure["value"]), interval


for _one in guard.values():
    monitor.add_command(_one)

commands = {"monitor": monitor}
