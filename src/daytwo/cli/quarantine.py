"""`daytwo quarantine`: rows that were kept aside, and what becomes of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click
import msgspec

from daytwo.cli.place import here, running_client
from daytwo.cli.speak import as_json, as_person, next_steps, project_option, tell_json, tell_table
from daytwo.core.errors import NotFound
from daytwo.lifecycle.quarantine import OPEN, Kept, drop, kept_rows, parse_repair, replay
from daytwo.lifecycle.shipping import ship_journal
from daytwo.lifecycle.system import System
from daytwo.wiring import clock_of

_column = click.option("--column", default="", help="Only rows in which this column broke a rule.")
_source = click.option("--source", default="", help="Only rows from this file, or 'server'.")
_ids = click.argument("ids", nargs=-1, metavar="[ID]...")


@click.group()
def quarantine() -> None:
    """Rows that broke the contract: each stays as it came, with its reasons and what became of it."""


@quarantine.command("list", epilog="Example: daytwo quarantine list --column wind_speed")
@_column
@_source
@click.option("--state", type=click.Choice(["open", "replayed", "dropped", "all"]), default="open", show_default=True)
@click.option("--most", type=click.IntRange(1), default=20, show_default=True, help="How many rows to show.")
@project_option
@as_json
def list_rows(*, column: str, source: str, state: str, most: int, folder: Path | None, as_json: bool) -> None:
    """List rows that were kept aside, and which rules they broke."""
    system = _fresh(folder)
    found = kept_rows(system, column=column, source=source, state="" if state == "all" else state)
    broken = Counter((str(reason["column"]), str(reason["rule"])) for kept in found for reason in kept.reasons)
    if as_json:
        rules = [{"column": where, "rule": rule, "rows": count} for (where, rule), count in broken.most_common()]
        tell_json({"rows": len(found), "rules": rules, "quarantine": [_plain(kept) for kept in found[:most]]})
        return
    if not found:
        click.echo("No row matches.")
        return
    tell_table(
        f"{len(found):,} rows",
        ("column", "rule", "rows"),
        [(where, rule, f"{count:,}") for (where, rule), count in broken.most_common()],
    )
    tell_table(
        f"The first {min(most, len(found))}",
        ("id", "came", "from", "state", "because"),
        [
            (kept.id, f"{kept.received_at:%Y-%m-%d %H:%M}", kept.source, kept.state, _because(kept))
            for kept in found[:most]
        ],
    )
    next_steps(f"daytwo quarantine show {found[0].id}", folder=folder)


@quarantine.command("show", epilog="Example: daytwo quarantine show q-019a8c02f1e4b1c2d3e4-000000001")
@click.argument("identity", metavar="ID")
@project_option
@as_json
def show(*, identity: str, folder: Path | None, as_json: bool) -> None:
    """Show one row as it came, with every reason."""
    kept = _named(kept_rows(_fresh(folder), state=""), (identity,))[0]
    if as_json:
        tell_json(_plain(kept))
        return
    click.echo(f"{kept.id}: came {kept.received_at:%Y-%m-%d %H:%M} UTC from {kept.source}; {kept.state}.")
    reasons = [(one["column"], one["rule"], one["message"], one["value"]) for one in kept.reasons]
    tell_table("Why", ("column", "rule", "meaning", "value"), reasons)
    tell_table("The row as it came", ("column", "value"), kept.row.items())


@quarantine.command(
    "replay", epilog="Example: daytwo quarantine replay --column wind_speed --repair wind_speed=scale:0.2237 --as ana"
)
@_ids
@_column
@_source
@click.option(
    "--repair",
    multiple=True,
    metavar="COLUMN=HOW",
    help="COLUMN=parse, =scale:FACTOR or =default:VALUE; again for more.",
)
@as_person
@project_option
@as_json
def replay_rows(
    *,
    ids: tuple[str, ...],
    column: str,
    source: str,
    repair: tuple[str, ...],
    person: str,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Mend open rows and send them through the running server's door again.

    Rows that came as requests only: those of a file are mended in the file, which is then taken in anew.
    """
    repairs = [parse_repair(text) for text in repair]
    system = _fresh(folder)
    rows = _open(system, ids, column, source or "server")
    done = replay(system, running_client(system), rows, repairs, by=person, now=clock_of(system).now())
    if as_json:
        tell_json(done)
        return
    click.echo(f"{done.replayed:,} rows were mended and answered anew, {done.still_bad:,} still break the contract.")


@quarantine.command("drop", epilog="Example: daytwo quarantine drop --column tail_number --reason 'test rows' --as ana")
@_ids
@_column
@_source
@click.option("--reason", required=True, help="Why they are given up.")
@as_person
@project_option
@as_json
def drop_rows(
    *,
    ids: tuple[str, ...],
    column: str,
    source: str,
    reason: str,
    person: str,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Give open rows up: they stay on record and are never replayed. Name them, or say which column or source."""
    if not (ids or column or source):
        raise click.UsageError("Name rows by ID, or say which with --column or --source.")
    system = _fresh(folder)
    count = drop(system, _open(system, ids, column, source), by=person, reason=reason, now=clock_of(system).now())
    if as_json:
        tell_json({"dropped": count})
    else:
        click.echo(f"{count:,} rows are given up; they stay on record.")


def _fresh(folder: Path | None) -> System:
    """Open the project, with what its server has kept aside a moment ago."""
    system = here(folder)
    ship_journal(system)
    return system


def _open(system: System, ids: tuple[str, ...], column: str, source: str) -> tuple[Kept, ...]:
    rows = kept_rows(system, column=column, source=source, state=OPEN)
    rows = _named(rows, ids) if ids else rows
    if not rows:
        raise NotFound("no open row matches", hint="'daytwo quarantine list' shows what is there")
    return rows


def _named(rows: tuple[Kept, ...], ids: tuple[str, ...]) -> tuple[Kept, ...]:
    found = {kept.id: kept for kept in rows}
    for identity in ids:
        if identity not in found:
            raise NotFound(
                f"there is no such row {identity!r} in quarantine", hint="'daytwo quarantine list --state all'"
            )
    return tuple(found[identity] for identity in ids)


def _because(kept: Kept) -> str:
    return "; ".join(f"{one['message']} (got {msgspec.json.encode(one['value']).decode()})" for one in kept.reasons)


def _plain(kept: Kept) -> dict[str, object]:
    plain: dict[str, object] = msgspec.to_builtins(kept, enc_hook=str)
    return plain


commands = {"quarantine": quarantine}
