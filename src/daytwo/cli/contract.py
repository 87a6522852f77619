"""`daytwo contract ...`: what rows must look like, without a project. Here the group, and `propose`.

`contract_check.py` checks rows, `contract_change.py` compares and lints contracts, `contract_exchange.py` takes them
over from other tools and gives them to such.
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import click

from daytwo.cli.contract_change import diff_contracts, lint_contracts
from daytwo.cli.contract_check import check_rows
from daytwo.cli.contract_exchange import export_contract, import_contract
from daytwo.cli.contract_outcome import is_big
from daytwo.cli.contract_outputs import require_folder
from daytwo.cli.personal import hiding
from daytwo.cli.speak import as_json, next_steps, tell_json
from daytwo.contracts.batch import Batch
from daytwo.contracts.contract import Contract
from daytwo.contracts.proposing.propose import propose
from daytwo.contracts.table.columnar import check
from daytwo.contracts.toml_text import to_toml
from daytwo.core.errors import Refused
from daytwo.core.files import write_whole
from daytwo.sources.files import read_rows, read_sample
from daytwo.sources.kinds import typed_rows
from daytwo.sources.personal import hidden_rows
from daytwo.sources.rows import Rows
from daytwo.sources.source import Form, parse_source

_FILE = click.Path(path_type=Path)
# So many rows show what a column is like; of a larger file only so many are looked at.
_MOST_ROWS = 1_000_000


@click.group()
def contract() -> None:
    """What rows must look like: propose a contract, check rows against one, compare two. Needs no project."""


@contract.command("propose", epilog="Example: daytwo contract propose rows.parquet --target late -o contract.toml")
@click.argument("rows")
@click.option("--target", default="", metavar="COLUMN", help="What is predicted; without it rows are only checked.")
@click.option("--time", default="", metavar="COLUMN", help="When a row happened.")
@click.option("--subject", default="", metavar="COLUMN", help="Whom a row is about.")
@click.option("--key", default="", metavar="COLUMN", help="What names a row.")
@click.option("--name", default="", help="The contract's name; default: the file's.")
@click.option("--owner", default="", help="Who answers for it.")
@click.option("--exclude", multiple=True, metavar="COLUMN", help="No input of the model; may be given again.")
@click.option("--output", "-o", type=_FILE, help="Where to write it; default: stdout. A file that is there stays.")
@as_json
def propose_contract(
    *,
    rows: str,
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
    """Propose a contract from the rows of a file, each rule with its evidence; it is meant to be edited.

    ROWS is a file, a Delta table, or a database's URL with '#' and a table or query behind it. Of a file over 256 MiB
    at most a million rows are looked at, spread over it, and nothing is promised of a batch's age and number of rows.
    """
    if output is not None and output.exists():
        raise Refused(f"{output} is there already", hint="Remove it, or write to another file with -o")
    if output is not None:
        require_folder(output)
    read, count = _read(rows)
    frame = typed_rows(read)
    made = propose(
        frame,
        name=name or parse_source(rows).name.partition(".")[0],
        owner=owner,
        target=target,
        time=time,
        subject=subject,
        key=key,
        exclude=exclude,
    )
    is_sample = frame.height < count
    if is_sample:  # of the rows that come in a day a sample knows nothing
        made = replace(made, batch=Batch())
    for note in read.notes:
        click.echo(f"{parse_source(rows).name}: {note}", err=True)
    left = [label for label in frame.columns if label not in {column.name for column in made.columns}]
    if left:
        names = ", ".join(map(repr, left))
        click.echo(f"{parse_source(rows).name}: names that are empty or begin with _ are left out: {names}", err=True)
    text = to_toml(made)
    if output is not None:
        write_whole(output, text.encode())
    if as_json:
        tell_json({"contract": made, "digest": made.digest, "output": output})
    elif output is None:
        click.echo(text, nl=False)
    else:
        features = len(made.features.names)
        of = f" of {count:,}" if is_sample else ""
        click.echo(
            f"Wrote {output}: {len(made.columns)} columns, {features} of them features, from {frame.height:,} rows{of}."
        )
        _tell_breaches(made, read)
        kept = shlex.quote(str(output))
        source = parse_source(rows)
        shown = source.name if source.form is Form.SQL else rows
        next_steps(f"daytwo contract check {shlex.quote(shown)} --contract {kept}", f"daytwo contract lint {kept}")


def _read(rows: str) -> tuple[Rows, int]:
    """Return the rows to propose from, of a large file some of them, and how many there are."""
    source = parse_source(rows)
    read, count = read_sample(source, most=_MOST_ROWS) if is_big(source) else (read_rows(source), 0)
    read = hidden_rows(read, hiding())
    if read.frame.height < count:
        click.echo(
            f"{source.name} is large: proposed from {read.frame.height:,} of its {count:,} rows, spread over it.",
            err=True,
        )
    return read, count or read.frame.height


def _tell_breaches(made: Contract, read: Rows) -> None:
    """Say how many of the rows it was made from the contract rejects."""
    rows = read.frame.select(column.name for column in made.columns)
    rejected = check(made, rows, labels=False, parse_text=read.texts).rejected.height
    if rejected:
        share = rejected / read.frame.height
        click.echo(
            f"{rejected:,} of these rows ({share:.1%}) break it themselves: dirt that it found, or a rule to mend."
        )


for command in (check_rows, diff_contracts, lint_contracts, import_contract, export_contract):
    contract.add_command(command)

commands = {"contract": contract}
