"""`daytwo contract check`: rows of any source against a contract, for people, machines, CI and spreadsheets."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import polars as pl

from daytwo.cli.contract_stream import CELL, check_stream
from daytwo.cli.speak import as_json, next_steps, now, tell_json, tell_table
from daytwo.contracts.action import Action
from daytwo.contracts.contract import Contract
from daytwo.contracts.reporting.export_junit import junit
from daytwo.contracts.reporting.export_table import require_form, table_bytes
from daytwo.contracts.reporting.page import About
from daytwo.contracts.table.report import BrokenRule, Report
from daytwo.contracts.times import parse_time
from daytwo.contracts.toml import read_contract
from daytwo.contracts.validation import Validation, check
from daytwo.core.errors import DataError, SettingsError
from daytwo.core.files import write_whole
from daytwo.sources.files import content_digest, read_rows
from daytwo.sources.kinds import typed_rows
from daytwo.sources.rows import BrokenLine, Rows
from daytwo.sources.source import parse_source

_FILE = click.Path(path_type=Path)
_SHOWN_LINES = 5


@dataclass(frozen=True, slots=True)
class _Outputs:
    """The files that a check writes besides what it says."""

    failures: Path | None
    warnings: Path | None
    accepted: Path | None
    rejected: Path | None
    page: Path | None
    junit: Path | None

    @property
    def asked(self) -> list[Path]:
        """Those that were asked for."""
        tables = [self.failures, self.warnings, self.accepted, self.rejected]
        return [path for path in (*tables, self.page, self.junit) if path is not None]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """One source, checked: `rows` are as they were read; a stream keeps neither rows nor their validation."""

    source: str
    contract: Contract
    about: About
    found: Report
    rows: Rows | None = None
    validation: Validation | None = None

    @property
    def broken(self) -> tuple[BrokenLine, ...]:
        """The lines that are no rows."""
        return () if self.rows is None else self.rows.broken

    @property
    def batch(self) -> tuple[BrokenRule, ...]:
        """The promises that the batch as a whole broke."""
        return tuple(one for one in self.found.rules if not one.rows)

    @property
    def passed(self) -> bool:
        """Whether nothing was rejected: no row, no line, not the batch."""
        refused = any(one.action is Action.REJECT for one in self.batch)
        return not (self.found.rejected or refused or self.broken)


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
    it. Several may be given. The target is checked where the file has it: rows to predict have none. With --stream
    lines that are no rows are an error, and neither rows nor a page are written.
    """
    outputs = _Outputs(failures, warnings, accepted, rejected, page, junit_file)
    _require_forms(outputs, sources)
    kept = read_contract(held)
    others = {name: _frame(path) for name, path in (_named(one) for one in tables)}
    at = _moment(moment)
    if stream:
        _require_streamable(outputs)
    outcomes = []
    for source in sources:
        with _naming(source):
            one = _streamed(source, kept, others, at, outputs) if stream else _outcome(source, kept, others, at)
        outcomes.append(one)
    for outcome in outcomes:
        _write(outcome, outputs, held)
    if as_json:
        told = [_json(outcome) for outcome in outcomes]
        tell_json(told[0] if len(told) == 1 else {"files": told})
    else:
        for outcome in outcomes:
            _tell(outcome, outputs, several=len(outcomes) > 1)
        if len(outcomes) == 1 and not outcomes[0].passed and not outputs.asked:
            again = f"daytwo contract check {shlex.quote(sources[0])} --contract {shlex.quote(str(held))}"
            next_steps(f"{again} --page page.html --failures cells.csv")
    sys.exit(0 if all(outcome.passed for outcome in outcomes) else 1)


@contextmanager
def _naming(source: str) -> Iterator[None]:
    """Name the source in what is wrong with its data."""
    try:
        yield
    except DataError as err:
        name = parse_source(source).name
        if name in err.message:
            raise
        raise DataError(f"{name}: {err.message}", hint=err.hint) from err


def _require_forms(outputs: _Outputs, sources: Sequence[str]) -> None:
    if len(sources) > 1 and outputs.asked:
        raise click.UsageError(f"{outputs.asked[0]} is for one file; check the files one by one.")
    for path in (outputs.failures, outputs.warnings, outputs.accepted, outputs.rejected):
        if path is not None:
            require_form(path)


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


def _outcome(source: str, kept: Contract, others: dict[str, pl.DataFrame], at: datetime) -> _Outcome:
    opened = parse_source(source)
    rows = read_rows(opened, numbers=[column.name for column in kept.columns if column.is_numeric], keep_broken=True)
    validation = check(
        rows.frame,
        kept,
        tables=others,
        now=at,
        name=opened.name,
        digest=content_digest(opened, rows.frame),
        parse_text=rows.texts,
    )
    return _Outcome(source, kept, validation.about, validation.report(), rows, validation)


def _require_streamable(outputs: _Outputs) -> None:
    whole = [path for path in (outputs.accepted, outputs.rejected, outputs.page) if path is not None]
    if whole:
        raise click.UsageError(f"--stream keeps no rows, so it cannot write {whole[0]}.")


def _streamed(
    source: str, kept: Contract, others: dict[str, pl.DataFrame], at: datetime, outputs: _Outputs
) -> _Outcome:
    opened = parse_source(source)
    found = check_stream(opened, kept, others=others, now=at, failures=outputs.failures, warnings=outputs.warnings)
    digest = content_digest(opened) if opened.is_file else ""
    return _Outcome(source, kept, About(opened.name, digest, at), found)


def _write(outcome: _Outcome, outputs: _Outputs, held: Path) -> None:
    found = outcome.validation
    if found is not None:
        _write_whole(outcome, found, outputs, held)
    if outputs.junit is not None:
        write_whole(outputs.junit, junit(outcome.contract, outcome.found, name=outcome.about.name))


def _write_whole(outcome: _Outcome, found: Validation, outputs: _Outputs, held: Path) -> None:
    if outputs.failures is not None:
        _write_table(outputs.failures, failing_cells(found))
    if outputs.warnings is not None:
        _write_table(outputs.warnings, _cells(found.warnings, Action.WARN).select(CELL))
    if outputs.accepted is not None:
        _write_table(outputs.accepted, found.accepted)
    if outputs.rejected is not None:
        _write_table(outputs.rejected, found.rejected)
    if outputs.page is not None:
        write_whole(outputs.page, found.page(source=outcome.source, contract_file=str(held)).encode())


def _write_table(path: Path, frame: pl.DataFrame) -> None:
    write_whole(path, table_bytes(frame, path))


def failing_cells(found: Validation) -> pl.DataFrame:
    """Return a line for each rejected or mended cell: `row`, `column`, `rule`, `value`, `action`."""
    both = [_cells(found.failures, Action.REJECT), _cells(found.repairs, Action.REPAIR)]
    return pl.concat([cells.select(CELL) for cells in both]).sort("row", maintain_order=True)


def _cells(cells: pl.DataFrame, action: Action) -> pl.DataFrame:
    return cells.with_columns(action=pl.lit(str(action)))


def _json(outcome: _Outcome) -> dict[str, Any]:
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


def _tell(outcome: _Outcome, outputs: _Outputs, *, several: bool) -> None:
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
    if outputs.asked:
        click.echo(f"Wrote {', '.join(map(str, outputs.asked))}.")
