"""`daytwo approve`, `refuse`, `rollback`: what people decide; `front.py` shows what they look at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from daytwo.cli.place import here
from daytwo.cli.speak import as_json, as_person, dry_run, project_option, tell_json
from daytwo.lifecycle.decisions import WayBack, decide, find_release, go_back, stands, way_back, would_stand
from daytwo.lifecycle.system import System
from daytwo.wiring import clock_of

_release = click.argument("name", metavar="RELEASE")


@click.command(epilog="Example: daytwo approve release-1 --as ben --reason 'gates and card read'")
@_release
@as_person
@click.option("--reason", default="", help="Why.")
@dry_run
@project_option
@as_json
def approve(*, name: str, person: str, reason: str, dry_run: bool, folder: Path | None, as_json: bool) -> None:
    """Say yes to a release that waits, bound to its digest and to the evidence it was gated on.

    Who made it cannot approve it. 'daytwo up' acts on the approval within seconds.
    """
    said = _Word(person, True, reason)
    (_would_decide if dry_run else _decide)(here(folder), name, said, as_json=as_json)


@click.command(epilog="Example: daytwo refuse release-1 --as ben --reason 'the base rate looks wrong'")
@_release
@as_person
@click.option("--reason", required=True, help="Why not.")
@dry_run
@project_option
@as_json
def refuse(*, name: str, person: str, reason: str, dry_run: bool, folder: Path | None, as_json: bool) -> None:
    """Say no to a release that waits."""
    said = _Word(person, False, reason)
    (_would_decide if dry_run else _decide)(here(folder), name, said, as_json=as_json)


@click.command(epilog="Example: daytwo rollback v1 --as ben --reason 'complaints since this morning'")
@click.argument("version", required=False, default="")
@as_person
@click.option("--reason", required=True, help="Why.")
@dry_run
@project_option
@as_json
def rollback(*, version: str, person: str, reason: str, dry_run: bool, folder: Path | None, as_json: bool) -> None:
    """Make an earlier version champion again, at once: VERSION, or the one that answered before the present one did."""
    system = here(folder)
    if dry_run:
        _would_go_back(way_back(system, version, person=person, reason=reason), as_json=as_json)
        return
    back, route = go_back(system, version, person=person, reason=reason, now=clock_of(system).now())
    if as_json:
        tell_json({"version": f"v{back.number}", "digest": back.digest, "generation": route.generation})
    else:
        click.echo(f"v{back.number} ({back.digest[:12]}) answers again; running servers follow within a moment.")


def _would_go_back(way: WayBack, *, as_json: bool) -> None:
    if as_json:
        told = {"dry_run": True, "version": f"v{way.back.number}", "digest": way.back.digest}
        tell_json(told | {"instead_of": f"v{way.away.number}", "stops": way.stops})
        return
    click.echo(
        f"Nothing is changed. v{way.back.number} ({way.back.digest[:12]}) would answer instead of"
        f" v{way.away.number} ({way.away.digest[:12]})."
    )
    for name in way.stops:
        click.echo(f"The rollout of {name} would be stopped.")


@dataclass(frozen=True, slots=True)
class _Word:
    """A person's yes or no."""

    person: str
    approved: bool
    reason: str


def _decide(system: System, name: str, said: _Word, *, as_json: bool) -> None:
    moment = clock_of(system).now()
    made = find_release(system, name)
    decision = decide(system, made, person=said.person, approved=said.approved, reason=said.reason, now=moment)
    standing = stands(system, made, moment)
    if as_json:
        tell_json({"release": made.id, "digest": decision.digest, "approved": said.approved, "stands": standing})
        return
    word = "approves" if said.approved else "refuses"
    outcome = {True: "enough people have said yes", False: "it will not go live", None: "it waits for another yes"}
    click.echo(f"{said.person} {word} {made.id} ({decision.digest[:12]}): {outcome[standing]}.")
    if standing is not None:
        click.echo("A running 'daytwo up' acts on it within seconds; otherwise the next one does.")


def _would_decide(system: System, name: str, said: _Word, *, as_json: bool) -> None:
    made = find_release(system, name)
    decision, standing = would_stand(
        system,
        made,
        person=said.person,
        approved=said.approved,
        reason=said.reason,
        now=clock_of(system).now(),
    )
    if as_json:
        told = {"dry_run": True, "release": made.id, "digest": decision.digest}
        tell_json(told | {"approved": said.approved, "stands": standing})
        return
    outcome = {
        True: "enough people would have said yes",
        False: "it would not go live",
        None: "it would wait for another yes",
    }
    word = "yes" if said.approved else "no"
    click.echo(
        f"Nothing is changed. With a {word} of {said.person} to {made.id} ({decision.digest[:12]}) {outcome[standing]}."
    )


commands = {"approve": approve, "refuse": refuse, "rollback": rollback}
