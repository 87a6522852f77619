"""`daytwo contract check`: rows of any source against a contract, for people, machines, CI and spreadsheets."""

from __future__ import annotations

import shlex
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import polars as pl

from daytwo.cli.contract_outcome import Outcome, judged
from daytwo.cli.contract_outputs import Outputs
from daytwo.cli.speak import as_json, next_steps, now, tell_json, tell_table
from daytwo.contracts.reporting.export_junit import junit
from daytwo.contracts.times import parse_time
from daytwo.contracts.toml import read_contract
from daytwo.core.errors import SettingsError
from daytwo.core.files import write_whole
from daytwo.sources.files import read_rows
from daytwo.sources.kinds import typed_rows

_FILE = click.Path(path_type=Path)
_SHOWN_LINES = 5


@click.command("check", epilog="Example: daytwo contract check rows.parquet --contract contract.toml --json")
@click.argument("sources", nargs=-1, required=True, metavar="FILE...")
@click.option("--contract", "held", type=_FILE, required=True, help="The contract, a TOML file.")
@click.option("--table", "tables", multiple=True, metavar="NAME=FILE", help="A table that a reference names.")
@click.option("--now", "moment", default="", metavar="TIME", help="When freshness is judged; default: now.")
@click.option("--failures", type=_FILE, help="Write a line for each rejected or mended cell: .parquet, .csv, .jsonl.")
@click.option("--warnings", type=_FILE, help="Write a line for each cell that only warns.")
@click.option("--accepted", type=_FILE, help="Write the rows that may pass, mended.")
@click.option("--rejected", type=_FILE, help="Write the rejected rows as they came, and their numbers.")
@click.option("--page", type=_FILE, help="Write an HTML page that needs nothing else.")
@click.option("--junit", "junit_file", type=_FILE, help="Write JUnit XML for CI.")
@click.option("--stream", is_flag=True, help="Batch by batch, for files larger than memory.")
@as_json
def check_rows(
    *,
    sources: tuple[str, ...],
    held: Path,
    tables: tuple[str, ...],
    moment: str,
    failures: Path | None,
    warnings: Path | None,
    accepted: Path | None,
    rejected: Path | None,
    page: Path | None,
    junit_file: Path | None,
    stream: bool,
    as_json: bool,
) -> None:
    """Check the rows of a file against a contract; leave with 1 where a row, or the batch as a whole, is rejected.

    FILE is Parquet, CSV, JSON Lines, Arrow, a Delta table, or a database's URL with '#' and a table or query behind
    it. Several may be given. The target is checked where the file has it: rows to predict have none. With --stream,
    which files over 256 MiB choose by themselves, lines that are no rows are an error, and neither rows nor a page are
    written.
    """
    outputs = Outputs(failures, warnings, accepted, rejected, page, junit_file)
    outputs.require(sources)
    kept = read_contract(held)
    others = {name: _frame(path) for name, path in (_named(one) for one in tables)}
    at = _moment(moment)
    if stream:
        outputs.require_streamable()
    outcomes = [judged(source, kept, others, at, outputs, stream=stream) for source in sources]
    for outcome in outcomes:
        if outcome.validation is not None:
            outputs.write(outcome.validation, source=outcome.source, contract_file=held)
        if outputs.junit is not None:
            write_whole(outputs.junit, junit(outcome.contract, outcome.found, name=outcome.about.name))
    if as_json:
        told = [_json(outcome) for outcome in outcomes]
        tell_json(told[0] if len(told) == 1 else {"files": told})
    else:
        for outcome in outcomes:
            _tell(outcome, outputs, several=len(outcomes) > 1)
        if len(outcomes) == 1 and not outcomes[0].passed and not outputs.asked and not outcomes[0].hint:
            again = f"daytwo contract check {shlex.quote(outcomes[0].source)} --contract {shlex.quote(str(held))}"
            next_steps(f"{again} --page page.html --failures cells.csv")
    sys.exit(0 if all(outcome.passed for outcome in outcomes) else 1)


def _named(text: str) -> tuple[str, str]:
    name, sign, path = text.partition("=")
    if not sign or not name or not path:
        raise click.UsageError(f"--table is NAME=FILE, such as carriers=carriers.csv, not {text!r}.")
    return name, path


def _moment(text: str) -> datetime:
    if not text:
        return now()
    at = parse_time(text)
    if at is None:
        raise SettingsError(f"--now {text!r} is no time", hint="Write it as 2013-04-01T17:30:00Z")
    return at


def _frame(source: str) -> pl.DataFrame:
    return typed_rows(read_rows(source))


def _json(outcome: Outcome) -> dict[str, Any]:
    found, validation = outcome.found, outcome.validation
    return {
        "rows": found.rows,
        "accepted": found.accepted,
        "repaired": found.repaired,
        "rejected": found.rejected,
        "rules": found.rules,
        "unknown": found.unknown,
        "batch": outcome.batch if validation is None else validation.batch,
        "broken_lines": len(outcome.broken),
        "passed": outcome.passed,
        "file": outcome.about.name,
        "digest": outcome.about.digest,
        "contract": {name: getattr(outcome.contract, name) for name in ("name", "version", "owner", "digest")},
    }


def _tell(outcome: Outcome, outputs: Outputs, *, several: bool) -> None:
    found = outcome.found
    for note in () if outcome.rows is None else outcome.rows.notes:
        click.echo(f"{outcome.about.name}: {note}", err=True)
    said = f"{found.rows:,} rows: {found.accepted:,} accepted, {found.rejected:,} rejected."
    mended = f" {found.repaired:,} of the accepted were mended." if found.repaired else ""
    click.echo(f"{f'{outcome.about.name}: ' if several else ''}{said}{mended}")
    tell_table(
        "Rules that rows broke",
        ("action", "column", "rule", "rows", "meaning", "such as rows"),
        [
            (one.action, one.column, one.rule, f"{one.rows:,}", one.message, ", ".join(map(str, one.examples)))
            for one in found.rules
            if one.rows
        ],
    )
    for one in outcome.batch:
        click.echo(f"The batch as a whole ({one.action}): {one.message}.")
    if outcome.broken:
        lines = len(outcome.broken)
        click.echo("1 line is no row:" if lines == 1 else f"{lines:,} lines are no rows:")
        for line in outcome.broken[:_SHOWN_LINES]:
            click.echo(f"  {line.words}")
    if found.unknown:
        click.echo(f"Columns that the contract does not know: {', '.join(found.unknown)}.")
    if outcome.hint:
        next_steps(outcome.hint)
    written = [path for path in outputs.asked if not outcome.hint or path == outputs.junit]
    if written:
        click.echo(f"Wrote {', '.join(map(str, written))}.")
