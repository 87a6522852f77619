"""`daytwo contract propose` and `check`: what rows must look like; needs no project."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import click

from daytwo.cli.speak import as_json, next_steps, tell_json, tell_table
from daytwo.contracts.columnar import Checked, check
from daytwo.contracts.propose import propose
from daytwo.contracts.report import Report, report
from daytwo.contracts.toml import read_contract
from daytwo.contracts.toml_text import to_toml
from daytwo.core.errors import Refused
from daytwo.core.files import write_whole
from daytwo.sources.files import read_rows
from daytwo.sources.kinds import typed_rows

_ROWS = click.Path(path_type=Path)


@click.group()
def contract() -> None:
    """What rows must look like: propose a contract from rows, or check rows against one. Needs no project."""


@contract.command("propose", epilog="Example: daytwo contract propose rows.parquet --target late -o contract.toml")
@click.argument("rows", type=_ROWS)
@click.option("--target", required=True, metavar="COLUMN", help="What is predicted.")
@click.option("--time", default="", metavar="COLUMN", help="When a row happened.")
@click.option("--subject", default="", metavar="COLUMN", help="Whom a row is about.")
@click.option("--key", default="", metavar="COLUMN", help="What names a row.")
@click.option("--name", default="", help="The contract's name; default: the file's.")
@click.option("--owner", default="", help="Who answers for it.")
@click.option("--exclude", multiple=True, metavar="COLUMN", help="No input of the model; may be given again.")
@click.option("--output", "-o", type=_ROWS, help="Where to write it; default: stdout. A file that is there stays.")
@as_json
def propose_contract(
    *,
    rows: Path,
    target: str,
    time: str,
    subject: str,
    key: str,
    name: str,
    owner: str,
    exclude: tuple[str, ...],
    output: Path | None,
    as_json: bool,
) -> None:
    """Propose a contract from the rows of a file, each rule with its evidence; it is meant to be edited."""
    frame = typed_rows(read_rows(rows))
    made = propose(
        frame,
        name=name or rows.stem,
        owner=owner,
        target=target,
        time=time,
        subject=subject,
        key=key,
        exclude=exclude,
    )
    text = to_toml(made)
    if output is not None:
        if output.exists():
            raise Refused(f"{output} is there already", hint="Remove it, or write to another file with -o")
        write_whole(output, text.encode())
    if as_json:
        tell_json({"contract": made, "digest": made.digest, "output": output})
    elif output is None:
        click.echo(text, nl=False)
    else:
        features = len(made.features.names)
        click.echo(
            f"Wrote {output}: {len(made.columns)} columns, {features} of them features, from {frame.height:,} rows."
        )
        next_steps(f"daytwo contract check {rows} --contract {output}")


@contract.command("check", epilog="Example: daytwo contract check rows.parquet --contract contract.toml --json")
@click.argument("rows", type=_ROWS)
@click.option("--contract", "held", type=_ROWS, required=True, help="The contract, a TOML file.")
@click.option("--failures", type=_ROWS, help="Write one line for each failing cell to this Parquet or CSV file.")
@as_json
def check_rows(*, rows: Path, held: Path, failures: Path | None, as_json: bool) -> None:
    """Check the rows of a file against a contract; leave with 1 where a row is rejected.

    The target is checked where the file has it: rows to predict have none.
    """
    kept = read_contract(held)
    read = read_rows(rows, numbers=[column.name for column in kept.columns if column.is_numeric])
    frame = read.frame
    has_target = kept.target is not None and kept.target.name in frame.columns
    checked = check(kept, frame, labels=has_target, parse_text=read.texts)
    found = report(checked)
    if failures is not None:
        _write_failures(checked, failures)
    if as_json:
        tell_json(found)
    else:
        _tell(found, failures)
    sys.exit(1 if found.rejected else 0)


def _write_failures(checked: Checked, path: Path) -> None:
    cells, content = checked.failures.drop("message"), io.BytesIO()
    if path.suffix.lower() == ".csv":
        cells.write_csv(content)
    else:
        cells.write_parquet(content)
    write_whole(path, content.getvalue())


def _tell(found: Report, failures: Path | None) -> None:
    click.echo(f"{found.rows:,} rows: {found.accepted:,} accepted, {found.rejected:,} rejected.")
    tell_table(
        "Rules that rows broke",
        ("action", "column", "rule", "rows", "meaning", "such as rows"),
        [
            (one.action, one.column, one.rule, f"{one.rows:,}", one.message, ", ".join(map(str, one.examples)))
            for one in found.rules
        ],
    )
    if found.unknown:
        click.echo(f"Columns that the contract does not know: {', '.join(found.unknown)}.")
    if failures is not None:
        click.echo(f"Every failing cell stands in {failures}.")


commands = {"contract": contract}
