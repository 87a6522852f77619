"""What stands beside `daytwo monitor`: the budget, the drill, the heartbeats, and a change taken as normal."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import click

from daytwo.cli.place import here
from daytwo.cli.speak import as_json, as_person, project_option, tell_json, tell_table, whoever
from daytwo.core.errors import Refused
from daytwo.lifecycle import words
from daytwo.lifecycle.watchmen.acknowledgement import acknowledge_change
from daytwo.lifecycle.watchmen.beats import beats, look_after
from daytwo.lifecycle.watchmen.budget import BudgetReport, budget_report
from daytwo.lifecycle.watchmen.drill import DrillReport, Fault, drill, pick_column, record_drill
from daytwo.wiring import clock_of, copy_of

# A fault that always asks a person to act; a shift may be judged to be for information only.
_HOLES = 0.3


@click.command("budget", epilog="Example: daytwo monitor budget --shift 0.5")
@click.option("--shift", type=float, default=0.25, help="A shift of so many standard deviations; default: 0.25.")
@project_option
@as_json
def budget(*, shift: float, folder: Path | None, as_json: bool) -> None:
    """What the alarm may spend, has spent, and how long it takes to hear a shift, tried on the reference."""
    system = here(folder)
    report = budget_report(system, shift=shift, now=clock_of(system).now())
    if as_json:
        delays = {one.column: asdict(one) | {"median": one.median} for one in report.delays}
        tell_json(asdict(report) | {"delays": delays})
        return
    _tell_budget(report)


def _tell_budget(report: BudgetReport) -> None:
    many = words.count(report.windows, "window")
    click.echo(f"Budget: {report.budget}, that is {report.allowed_per_window:.2g} false alarms a window.")
    click.echo(f"Allowed in {many} of this version: {report.allowed:.2g}. Alarms: {report.spent}, true or false.")
    click.echo(f"Alerts that people closed as false: {report.judged_false}.")
    block = f"{report.block_rows} rows" if report.block_hours is None else f"{report.block_hours:g} hours"
    click.echo(f"Judged in blocks of {block}; an alarm needs {report.fastest} or more that stand out.")
    if report.warming:
        click.echo("The reference is short: nothing can be alarmed yet.")
    if not report.delays:
        click.echo("The reference is too short to try how long a shift takes.")
        return
    rows = [
        (
            one.column,
            f"more than {one.longest}" if one.median is None else f"{one.median:g}",
            f"{len(one.windows)} of {len(one.windows) + one.never}",
        )
        for one in report.delays
    ]
    tell_table(
        f"Blocks until a shift of {report.shift:g} sd is heard", ("column", "median", "tries that heard it"), rows
    )


@click.command("beats", epilog="Example: daytwo monitor beats --json")
@project_option
@as_json
def show_beats(*, folder: Path | None, as_json: bool) -> None:
    """When each monitor last came to its end, and what is overdue. Leaves with 1 where something is."""
    system = here(folder)
    last, late = beats(system), look_after(system, clock_of(system).now())
    if as_json:
        found = [{"kind": one.kind, "subject": one.subject, "summary": one.summary} for one in late]
        tell_json({"beats": {name: at.isoformat() for name, at in last.items()}, "overdue": found})
    else:
        for name, at in last.items():
            click.echo(f"{name}: {at:%Y-%m-%d %H:%M:%S}")
        for one in late:
            click.echo(f"{one.severity}: {one.summary}\n  next: {one.next_step}")
        click.echo("Nothing is overdue." if not late else f"{words.count(len(late), 'thing')} overdue.")
    sys.exit(1 if late else 0)


@click.command("drill", epilog="Example: daytwo monitor drill --column wind --shift 1")
@click.option("--column", help="The column to put the fault in; default: the first feature with numbers.")
@click.option("--shift", type=float, help="Move it by so many standard deviations instead.")
@click.option(
    "--missing", type=click.FloatRange(0, 1, min_open=True), help="Let this share of it go missing; default: 0.3."
)
@click.option("--windows", "most", type=click.IntRange(1, 50), default=5, help="Faulty windows to try; default: 5.")
@click.option("--send", is_flag=True, help="Send the alert through the project's channel too, marked as a drill.")
@project_option
@as_json
def run_drill(
    *,
    column: str | None,
    shift: float | None,
    missing: float | None,
    most: int,
    send: bool,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Put a known fault into a copy of the last window, and prove that the alert comes.

    Nothing of the project changes but the record of the drill. Leaves with 1 where no alert came.
    """
    if shift is not None and missing is not None:
        raise click.UsageError("--shift and --missing exclude each other.")
    system = here(folder)
    if send and system.channel is None:
        raise Refused("no channel is set to send to", hint="Set [alerts] default in daytwo.toml")
    name = column or pick_column(system)
    fault = Fault(name, missing=missing or _HOLES) if shift is None else Fault(name, shift=shift)
    with tempfile.TemporaryDirectory(prefix="daytwo-drill-") as place:
        onward = system.channel if send else None
        report = drill(system, lambda to: copy_of(system, Path(place), to), fault, most=most, onward=onward)
    record_drill(system, report, at=clock_of(system).now(), by=whoever() or "daytwo")
    if as_json:
        tell_json(asdict(report) | {"passed": report.passed})
    else:
        _tell_drill(report)
    sys.exit(0 if report.passed else 1)


def _tell_drill(report: DrillReport) -> None:
    click.echo(f"Drill: {report.fault}, in copies of {report.window} ({report.rows:,} rows).")
    if report.found_after is not None:
        click.echo(f"Found after {words.count(report.found_after, 'window')}.")
    if report.alerted_after is not None:
        taken = "" if report.handed_over else ", but the channel did not take it"
        click.echo(f"Alert after {words.count(report.alerted_after, 'window')}{taken}: {report.alert}")
    elif report.found_after is not None:
        click.echo("No alert: it was judged to be for information only, as no harm was shown.")
    else:
        click.echo(f"Not found within {words.count(report.tried, 'window')}.")


@click.command("acknowledge", epilog="Example: daytwo monitor acknowledge --as ana")
@as_person
@project_option
@as_json
def acknowledge(*, person: str, folder: Path | None, as_json: bool) -> None:
    """Take the change that was alarmed last as the new normal: what moved is learnt anew from there."""
    system = here(folder)
    moved = acknowledge_change(system, by=person, at=clock_of(system).now())
    if as_json:
        tell_json({"learnt_anew": list(moved)})
    else:
        click.echo(f"{person} takes the change as normal. Learnt anew, and silent for ten blocks: {', '.join(moved)}.")


commands = {"acknowledge": acknowledge, "beats": show_beats, "budget": budget, "drill": run_drill}
