"""`daytwo quarantine list` and `show`: rows that were kept aside; `mend.py` next door has what acts on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from daytwo.cli.mend import drop_rows, repair_rows, replay_rows
from daytwo.cli.speak import as_json, next_steps, project_option, tell_json, tell_table
from daytwo.cli.which import fresh, which, which_options
from daytwo.contracts.column import Column
from daytwo.contracts.contract import Contract
from daytwo.contracts.toml import read_contract
from daytwo.contracts.words import levels_words
from daytwo.lifecycle.kept_aside.export import export
from daytwo.lifecycle.kept_aside.quarantine import Group, Kept, groups, said, shelf, whole, why
from daytwo.lifecycle.kept_aside.quarantine_events import Event, attempts_of, events_of
from daytwo.lifecycle.sources.arrivals import rows_by_source
from daytwo.lifecycle.words import share

_STATES = ("open", "repaired", "replayed", "dropped", "all")
# Groups beyond these are counted in one line.
_MOST_GROUPS = 20


@click.group()
def quarantine() -> None:
    """Rows that broke the contract: each stays as it came, with its reasons and what became of it."""


@quarantine.command("list", epilog="Example: daytwo quarantine list --column wind_speed --since 2d")
@which_options
@click.option("--state", type=click.Choice(_STATES), default="open", show_default=True)
@click.option(
    "--limit", "--most", "limit", type=click.IntRange(0), default=20, show_default=True, help="How many rows to show."
)
@click.option(
    "--export",
    "out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the rows to this .csv or .parquet file instead.",
)
@project_option
@as_json
def list_rows(*, state: str, limit: int, out: Path | None, folder: Path | None, as_json: bool, **chosen: str) -> None:
    """List rows that were kept aside: first by the rule they broke, then one by one."""
    system = fresh(folder)
    meant = which(system, chosen, state="" if state == "all" else state)
    found = shelf(system, meant)
    if out is not None:
        export(whole(system, found), out)
        told: dict[str, Any] = {"rows": found.height, "file": str(out)}
        tell_json(told) if as_json else click.echo(f"{found.height:,} rows are in {out}.")
        return
    sums = groups(found, rows_by_source(system, meant.since, meant.until))
    rows = whole(system, found.head(limit))
    if as_json:
        tell_json({"rows": found.height, "rules": sums, "quarantine": [_plain(kept) for kept in rows]})
        return
    if not found.height:
        click.echo("No row matches.")
        return
    _tell_groups(found.height, sums)
    tell_table(
        f"The first {len(rows)}",
        ("id", "came", "from", "state", "because"),
        [(kept.id, f"{kept.received_at:%Y-%m-%d %H:%M}", kept.source, kept.state, _because(kept)) for kept in rows],
    )
    next_steps(f"daytwo quarantine show {found['_id'][0]}", folder=folder)
    if state == "open":
        click.echo("  next: daytwo quarantine repair --help tells how rows are mended")


@quarantine.command("show", epilog="Example: daytwo quarantine show q-019a8c02f1e4b1c2d3e4-000000001")
@click.argument("identity", metavar="ID")
@project_option
@as_json
def show(*, identity: str, folder: Path | None, as_json: bool) -> None:
    """Show one row beside what the contract wants, every reason, and what happened to it since."""
    system = fresh(folder)
    nothing = dict.fromkeys(("rule", "column", "source", "since", "until"), "")
    meant = which(system, nothing, state="", ids=(identity,))
    kept = whole(system, shelf(system, meant))[0]
    events, tries = events_of(system, kept.id), attempts_of(system).tries(kept.id)
    if as_json:
        tell_json(_plain(kept) | {"events": events, "tries": tries})
        return
    state = f"{kept.state} as {kept.prediction}" if kept.prediction else kept.state
    click.echo(f"{kept.id}: came {kept.received_at:%Y-%m-%d %H:%M} UTC from {kept.source}; {state}.")
    reasons = [(one["column"], one["rule"], one["message"], one["value"]) for one in kept.reasons]
    tell_table("Why", ("column", "rule", "meaning", "value"), reasons)
    _tell_row(kept, read_contract(system.contract_path))
    happened = [(f"{one.at:%Y-%m-%d %H:%M}", one.status, one.by, _detail(one)) for one in events]
    tell_table("What happened since", ("when (UTC)", "what", "by", "more"), happened)
    tell_table("Tries that broke the contract again", ("id", "because"), why(system, tries).items() if tries else ())
    if kept.prediction:
        next_steps(f"daytwo explain {kept.prediction}", folder=folder)


def _tell_groups(rows: int, sums: tuple[Group, ...]) -> None:
    tell_table(
        f"{rows:,} rows",
        ("column", "rule", "from", "rows", "of its rows", "since", "last", "example"),
        [
            (
                one.column,
                one.rule,
                one.source,
                f"{one.rows:,}",
                "" if one.share is None else share(one.share),
                f"{one.since:%Y-%m-%d %H:%M}",
                f"{one.last:%Y-%m-%d %H:%M}",
                one.example,
            )
            for one in sums[:_MOST_GROUPS]
        ],
    )
    if len(sums) > _MOST_GROUPS:
        click.echo(f"and {len(sums) - _MOST_GROUPS:,} more groups; --json has them all")


def _tell_row(kept: Kept, contract: Contract) -> None:
    """Print the row as it came beside what the contract wants, and as it was mended."""
    wants = {column.name: _wanted(column) for column in contract.columns if column.is_checked}
    broken = {str(one["column"]) for one in kept.reasons}
    mended = kept.mended or {}
    names = dict.fromkeys([*broken, *kept.row, *mended, *(name for name in wants if name in broken)])
    heads = ("column", "as it came", *(("mended",) if kept.mended else ()), "the contract wants")
    tell_table(
        "The row",
        heads,
        [
            (
                name,
                _cell(kept.row, name),
                *((_cell(mended, name) if mended.get(name) != kept.row.get(name) else "",) if kept.mended else ()),
                wants.get(name, "nothing: it is not checked"),
            )
            for name in names
        ],
    )


def _wanted(column: Column) -> str:
    """Say what the contract wants of a column, in one line."""
    rules = ["type"] + ["not_null"] * (not column.nullable)
    rules += ["between"] * (column.minimum is not None or column.maximum is not None)
    rules += ["length"] * (column.min_length is not None or column.max_length is not None)
    rules += ["match_regex"] * (column.pattern is not None)
    words = [column.message(rule).removeprefix(f"{column.name} ").removeprefix("must ") for rule in rules]
    if column.levels:
        words.insert(1, f"be one of {levels_words(column.levels)}")
    return "; ".join(words)


def _cell(row: Any, name: str) -> str:
    return msgspec.json.encode(row[name]).decode() if name in row else "(not there)"


def _detail(event: Event) -> str:
    told = {name: value for name, value in event.detail.items() if name not in {"row", "number", "tried"}}
    return "; ".join(f"{name} {', '.join(value) if isinstance(value, list) else value}" for name, value in told.items())


def _because(kept: Kept) -> str:
    return "; ".join(said(one) for one in kept.reasons)


def _plain(kept: Kept) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(kept, enc_hook=str)
    return plain


for _command in (repair_rows, replay_rows, drop_rows):
    quarantine.add_command(_command)
commands = {"quarantine": quarantine}
