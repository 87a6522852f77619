"""`daytwo quarantine repair`, `replay` and `drop`: what becomes of rows that were kept aside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from daytwo.cli.place import running_client
from daytwo.cli.speak import as_json, as_person, dry_run, next_steps, project_option, tell_json, tell_table
from daytwo.cli.which import fresh, which, which_options
from daytwo.core.errors import NotFound
from daytwo.lifecycle.kept_aside.mending import Repair, checked, parse_repair
from daytwo.lifecycle.kept_aside.quarantine import Kept, kept_rows
from daytwo.lifecycle.kept_aside.quarantine_events import OPEN, REPAIRED
from daytwo.lifecycle.kept_aside.repairing import Trial, attempt, drop, keep
from daytwo.lifecycle.kept_aside.replaying import Replay, replay, replay_files
from daytwo.lifecycle.kept_aside.verdicts import SERVER
from daytwo.lifecycle.system import System
from daytwo.lifecycle.words import count
from daytwo.wiring import clock_of

_ids = click.argument("ids", nargs=-1, metavar="[ID]...")
_SHOWN = 3
_WAYS = {
    "set": ("COLUMN=VALUE", "Put VALUE there, whatever was there."),
    "default": ("COLUMN=VALUE", "Put VALUE where nothing was."),
    "scale": ("COLUMN=FACTOR", "Multiply the number, also one within a text; FACTOR+OFFSET adds as well."),
    "parse": ("COLUMN", "Read the number within a text."),
    "strip": ("COLUMN", "Take white space away at a text's ends."),
    "rename": ("OLD=NEW", "What came as OLD is NEW."),
    "swap": ("A=B", "A and B change their values."),
}


def _way_options(command: Any) -> Any:
    for kind, (metavar, words) in reversed(_WAYS.items()):
        command = click.option(f"--{kind}", f"way_{kind}", multiple=True, metavar=metavar, help=words)(command)
    return command


@click.command("repair", epilog="Example: daytwo quarantine repair --column wind --scale wind=0.447 --dry-run")
@_ids
@which_options
@_way_options
@click.option("--use-repairs", is_flag=True, help="The repairs that contract.toml lists.")
@click.option("--as", "person", metavar="NAME", default="", help="Who says so; needed unless it is a dry run.")
@dry_run
@project_option
@as_json
def repair_rows(
    *,
    ids: tuple[str, ...],
    use_repairs: bool,
    person: str,
    dry_run: bool,
    folder: Path | None,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Mend open rows, and keep the mended form of those that the contract then accepts; the others stay open.

    The row as it came is never changed. 'daytwo quarantine replay' sends mended rows on.
    """
    repairs = [_repair(kind, text) for kind in _WAYS for text in chosen.pop(f"way_{kind}")]
    if not (repairs or use_repairs):
        raise click.UsageError("Say how: --scale, --parse, --set, --default, --strip, --rename, --swap, --use-repairs.")
    if not (person or dry_run):
        raise click.UsageError("Say who: --as NAME; or look first with --dry-run.")
    system = fresh(folder)
    rows = _rows(system, chosen, ids, (OPEN, REPAIRED))
    trial = attempt(system, rows, repairs, use_repairs=use_repairs)
    if not dry_run:
        keep(system, trial, repairs, by=person, now=clock_of(system).now())
    if as_json:
        broken = [dict(reason) | {"rows": found} for reason, found in trial.still_broken]
        tell_json({"repaired": len(trial.passing), "still_bad": len(trial.failing), "rules": broken, "dry": dry_run})
        return
    _tell(trial, dry_run=dry_run)
    if trial.passing and not dry_run:
        next_steps("daytwo quarantine replay --as " + person, folder=folder)


@click.command("replay", epilog="Example: daytwo quarantine replay --column wind_speed --as ana")
@_ids
@which_options
@click.option(
    "--repair",
    multiple=True,
    metavar="COLUMN=HOW",
    help="Mend open rows on the way: COLUMN=parse, =scale:FACTOR, =set:VALUE, ...; again for more.",
)
@click.option("--as-they-came", is_flag=True, help="Send open rows unmended, when the contract has been renewed.")
@as_person
@project_option
@as_json
def replay_rows(
    *,
    ids: tuple[str, ...],
    repair: tuple[str, ...],
    as_they_came: bool,
    person: str,
    folder: Path | None,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Send mended rows through the same door again: those of requests to the running server, those of files in.

    Without --repair these are the rows that 'daytwo quarantine repair' mended.
    """
    repairs = [parse_repair(text) for text in repair]
    system = fresh(folder)
    direct = bool(repairs) or as_they_came
    states = (OPEN, REPAIRED) if repairs else (OPEN,) if as_they_came else (REPAIRED,)
    hint = "" if direct else "Mend them first with 'daytwo quarantine repair', or send them with --as-they-came"
    rows = _rows(system, chosen, ids, states, hint=hint)
    now, done = clock_of(system).now(), Replay(0, 0)
    files = [kept for kept in rows if kept.source != SERVER]
    requests = [kept for kept in rows if kept.source == SERVER]
    if requests:
        done = replay(system, running_client(system), requests, repairs, by=person, now=now)
    if files:
        taken = replay_files(system, files, repairs, by=person, now=now)
        done = Replay(done.replayed + taken.replayed, done.still_bad + taken.still_bad)
    if as_json:
        tell_json(done)
        return
    words = " and ".join(word for word, some in (("answered anew", requests), ("taken in anew", files)) if some)
    click.echo(f"{done.replayed:,} rows were mended and {words}, {done.still_bad:,} still break the contract.")


@click.command("drop", epilog="Example: daytwo quarantine drop --column tail_number --reason 'test rows' --as ana")
@_ids
@which_options
@click.option("--reason", required=True, help="Why they are given up.")
@as_person
@project_option
@as_json
def drop_rows(
    *, ids: tuple[str, ...], reason: str, person: str, folder: Path | None, as_json: bool, **chosen: Any
) -> None:
    """Give rows up: they stay on record and are never replayed. Name them, or say which rule, column, source, time."""
    if not (ids or any(chosen.values())):
        raise click.UsageError("Name rows by ID, or say which with --rule, --column, --source, --since or --until.")
    system = fresh(folder)
    rows = _rows(system, chosen, ids, (OPEN, REPAIRED))
    dropped = drop(system, rows, by=person, reason=reason, now=clock_of(system).now())
    if as_json:
        tell_json({"dropped": dropped})
    else:
        click.echo(f"{dropped:,} rows are given up; they stay on record.")


def _repair(kind: str, text: str) -> Repair:
    column, _, argument = text.partition("=")
    return checked(Repair(column, kind, argument), f"--{kind} {text}")


def _rows(
    system: System, chosen: dict[str, str], ids: tuple[str, ...], states: tuple[str, ...], *, hint: str = ""
) -> tuple[Kept, ...]:
    rows = tuple(one for state in states for one in kept_rows(system, which(system, chosen, state=state, ids=ids)))
    if not rows:
        raise NotFound(f"no {states[0]} row matches", hint=hint or "'daytwo quarantine list' shows what is there")
    return rows


def _tell(trial: Trial, *, dry_run: bool) -> None:
    passing, failing = count(len(trial.passing), "row"), count(len(trial.failing), "row")
    if dry_run:
        click.echo(f"{passing} would pass the contract; {failing} would still break it. Nothing is changed.")
    else:
        click.echo(f"{passing} mended, as the contract wants them; {failing} still break it and stay open.")
    changes = [
        (one.kept.id, name, _shown(one.kept.row, name), _shown(one.row, name))
        for one in trial.passing[:_SHOWN]
        for name in dict.fromkeys([*one.kept.row, *one.row])
        if one.kept.row.get(name) != one.row.get(name)
    ]
    tell_table("Such as", ("id", "column", "as it came", "mended"), changes)
    broken = [
        (reason["column"], reason["rule"], f"{found:,}", reason["message"], reason["value"])
        for reason, found in trial.still_broken
    ]
    tell_table("What is still broken", ("column", "rule", "rows", "meaning", "such as"), broken)


def _shown(row: Any, name: str) -> str:
    return msgspec.json.encode(row[name]).decode() if name in row else "(not there)"
