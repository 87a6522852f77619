"""`daytwo flows`: what is under way, where it stands, what it waits for; cancel one, or take one up again."""

from __future__ import annotations

from pathlib import Path

import click

from daytwo.cli.place import here
from daytwo.cli.speak import as_json, as_person, next_steps, nothing_before, now, project_option, tell_json, tell_table
from daytwo.flows import is_run, open_kept, open_runner, present_workers
from daytwo.lifecycle.delivery.flow_list import FlowView, Waiting, in_order, view_release, view_run
from daytwo.lifecycle.delivery.kept_flows import KeptFlow
from daytwo.lifecycle.delivery.measures import measure_delivery
from daytwo.lifecycle.delivery.steering import cancel_flow, must_find, resume_flow
from daytwo.lifecycle.releases import Release, State, read_steps
from daytwo.lifecycle.system import System
from daytwo.wiring import clock_of

_MOST = 30
_id = click.argument("flow_id", metavar="ID")


@click.group(invoke_without_command=True, epilog="Example: daytwo flows list")
@click.option("--all", "every", is_flag=True, help=f"The {_MOST} newest that are over, too.")
@project_option
@as_json
@click.pass_context
def flows(context: click.Context, *, every: bool, folder: Path | None, as_json: bool) -> None:
    """Show what is under way, cancel it, or take it up again; alone it is 'flows list'."""
    if context.invoked_subcommand is not None:
        nothing_before(context)
        return
    _list(here(folder), every=every, as_json=as_json)


@flows.command("list", epilog="Example: daytwo flows list --all")
@click.option("--all", "every", is_flag=True, help=f"The {_MOST} newest that are over, too.")
@project_option
@as_json
def list_flows(*, every: bool, folder: Path | None, as_json: bool) -> None:
    """List releases and durable runs that are not over: state, step, age, what each waits for."""
    _list(here(folder), every=every, as_json=as_json)


@flows.command(epilog="Example: daytwo flows delivery --json")
@project_option
@as_json
def delivery(*, folder: Path | None, as_json: bool) -> None:
    """Show how well versions get out: lead time, how often, how many are taken back, and how soon."""
    system = here(folder)
    made = measure_delivery(system.registry.history(), system.releases.releases(), clock_of(system).now())
    if as_json:
        tell_json(made)
        return
    none = "not known yet"
    tell_table(
        f"Delivery: {made.deployments} went live, {made.failures} taken back",
        ("measure", "figure"),
        [
            ("lead time, median", none if made.lead_time_s is None else _age(made.lead_time_s)),
            ("versions in 30 days", none if made.per_month is None else f"{made.per_month:.1f}"),
            ("taken back", none if made.failure_rate is None else f"{made.failure_rate:.0%}"),
            ("live until taken back, median", none if made.restore_s is None else _age(made.restore_s)),
        ],
    )


@flows.command(epilog="Example: daytwo flows show release-2")
@_id
@project_option
@as_json
def show(*, flow_id: str, folder: Path | None, as_json: bool) -> None:
    """Show one flow: the steps it has done, and what it waits for."""
    system = here(folder)
    with open_kept(system) as kept:
        release, run = must_find(system, kept, flow_id)
    view = _view(system, release, run, is_run=is_run(system))
    if as_json:
        tell_json(_json(view) | {"words": release.words if release else ""})
        return
    click.echo(f"{view.id} ({view.flow}): {view.state}{f', {view.step}' if view.step else ''}, {_age(view.age_s)} old")
    if release is not None and release.words:
        click.echo(f"  {release.words}")
    if view.waits_for:
        click.echo(f"  waits for {view.waits_for}")
    tell_table(
        "Steps done",
        ("step", "ended"),
        [(step.name, f"{step.ended_at:%Y-%m-%d %H:%M:%S}" if step.ended_at else "") for step in view.steps],
    )
    if view.next_step:
        next_steps(view.next_step, folder=folder)


@flows.command(epilog="Example: daytwo flows cancel release-2 --as ana --reason 'wrong rows'")
@_id
@as_person
@click.option("--reason", required=True, help="Why.")
@project_option
@as_json
def cancel(*, flow_id: str, person: str, reason: str, folder: Path | None, as_json: bool) -> None:
    """End a flow that is under way; where it already meets live traffic, the champion answers everybody again."""
    system = here(folder)
    with open_kept(system) as kept:
        told = cancel_flow(system, kept, flow_id, person=person, reason=reason, now=clock_of(system).now())
    if as_json:
        tell_json({"id": flow_id, "words": told})
    else:
        click.echo(f"{told}.")


@flows.command(epilog="Example: daytwo flows resume release-2")
@_id
@project_option
@as_json
def resume(*, flow_id: str, folder: Path | None, as_json: bool) -> None:
    """Take up a flow that was cut short, failed or was cancelled, and wait for its end.

    While 'daytwo up' runs, it alone runs flows, and takes up what was cut short by itself.
    """
    system = here(folder)
    with open_kept(system) as kept:
        release, run = must_find(system, kept, flow_id)
    with open_runner(system, stands=False) as runner:
        resume_flow(run, release, runner)
    with open_kept(system) as kept:
        release, run = must_find(system, kept, flow_id)
    state = str(release.state) if release else run.state if run else ""
    words = release.words if release else ""
    if as_json:
        tell_json({"id": flow_id, "state": state, "words": words})
    else:
        click.echo(f"{flow_id} is {state.replace('_', ' ')}{f': {words}' if words else ''}")


def _list(system: System, *, every: bool, as_json: bool) -> None:
    with open_kept(system) as kept:
        runs = {one.id: one for one in (*kept.newest(_MOST), *kept.unsettled())} if kept is not None else {}
    made = {one.id: one for one in system.releases.releases()}
    workers, led = present_workers(system), is_run(system)
    found = [_view(system, one, runs.get(one.id), is_run=led) for one in made.values()]
    found += [_view(system, None, one, is_run=led) for one in runs.values() if one.id not in made]
    views = in_order(view for view in found if every or view.is_open)
    if as_json:
        tell_json({"flows": [_json(view) for view in views], "runner": led})
        return
    if not views:
        click.echo("Nothing is under way. 'daytwo flows list --all' shows what is over.")
    tell_table(
        "Flows",
        ("id", "flow", "state", "step", "age", "waits for"),
        [(view.id, view.flow, view.state, view.step, _age(view.age_s), view.waits_for) for view in views],
    )
    if not led:
        click.echo("Nobody runs the flows of this project now; 'daytwo up' does.")
    elif len(workers) > 1:
        click.echo(f"{len(workers)} workers run them: " + ", ".join(f"{one.host}:{one.folder}" for one in workers))


def _view(system: System, release: Release | None, run: KeptFlow | None, *, is_run: bool) -> FlowView:
    """Return how people see a release, or a run that belongs to none, or to one that is being trained."""
    if run is not None and (release is None or release.state is State.TRAINING):
        return view_run(run, now=now(), is_run=is_run)
    assert release is not None  # there is one of the two
    waiting = Waiting(system.approvals.request(release.id), tuple(system.approvals.decisions(release.id)))
    steps = read_steps(system.settings.release.steps)
    return view_release(release, steps, waiting, run, now=clock_of(system).now(), is_run=is_run)


def _json(view: FlowView) -> dict[str, object]:
    return {
        "id": view.id,
        "flow": view.flow,
        "state": view.state,
        "step": view.step,
        "since": view.since,
        "age_s": round(view.age_s, 3),
        "waits_for": view.waits_for,
        "next": view.next_step,
        "steps": [{"name": step.name, "ended_at": step.ended_at} for step in view.steps],
    }


def _age(seconds: float) -> str:
    """Return a span in its largest sensible unit."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


commands = {"flows": flows}
