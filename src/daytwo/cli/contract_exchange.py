"""`daytwo contract import` and `export`: contracts from other tools' files, and in other tools' words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import polars as pl

from daytwo.cli.speak import as_json, next_steps, tell_json
from daytwo.contracts.column import Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.exchange.adopt import Note
from daytwo.contracts.exchange.adopt_gx import from_gx
from daytwo.contracts.exchange.adopt_pandera import from_pandera
from daytwo.contracts.exchange.documents import read_document, written
from daytwo.contracts.exchange.export_gx import to_gx
from daytwo.contracts.exchange.export_json_schema import json_schema
from daytwo.contracts.exchange.export_odcs import odcs
from daytwo.contracts.toml import read_contract
from daytwo.contracts.toml_text import to_toml
from daytwo.core.errors import DataError, Refused
from daytwo.core.files import write_whole
from daytwo.core.schema import Kind
from daytwo.sources.files import read_rows
from daytwo.sources.kinds import typed_rows

_FILE = click.Path(path_type=Path)
_READERS = {"gx": from_gx, "pandera": from_pandera}


@click.command("import", epilog="Example: daytwo contract import suite.json --from gx -o contract.toml")
@click.argument("document", type=_FILE)
@click.option("--from", "tool", type=click.Choice(list(_READERS)), required=True, help="The tool that wrote it.")
@click.option("--rows", default="", metavar="FILE", help="Rows that tell the types of columns, where it does not.")
@click.option("--target", default="", metavar="COLUMN", help="What is predicted.")
@click.option("--time", default="", metavar="COLUMN", help="When a row happened.")
@click.option("--subject", default="", metavar="COLUMN", help="Whom a row is about.")
@click.option("--key", default="", metavar="COLUMN", help="What names a row.")
@click.option("--name", default="", help="The contract's name; default: the suite's or schema's.")
@click.option("--owner", default="", help="Who answers for it.")
@click.option("--output", "-o", type=_FILE, help="Where to write it; default: stdout. A file that is there stays.")
@as_json
def import_contract(
    *,
    document: Path,
    tool: str,
    rows: str,
    target: str,
    time: str,
    subject: str,
    key: str,
    name: str,
    owner: str,
    output: Path | None,
    as_json: bool,
) -> None:
    """Take a suite of Great Expectations (JSON) or a schema of pandera (YAML, JSON) over as a contract.

    What cannot be carried over is named on stderr, each promise with the reason.
    """
    _require_new(output)
    roles = {target: Role.TARGET, time: Role.TIME, subject: Role.SUBJECT, key: Role.KEY}
    adopted = _READERS[tool](
        read_document(document),
        name=name,
        owner=owner,
        roles={column: role for column, role in roles.items() if column},
        kinds=kinds_of(typed_rows(read_rows(rows))) if rows else {},
    )
    unknown = [column for column in roles if column and column not in {one.name for one in adopted.contract.columns}]
    if unknown:
        raise DataError(f"{document} says nothing of a column {unknown[0]!r}", hint="Name one of its columns")
    text = to_toml(adopted.contract)
    if output is not None:
        write_whole(output, text.encode())
    if as_json:
        tell_json(
            {
                "contract": adopted.contract,
                "digest": adopted.contract.digest,
                "output": output,
                "carried": adopted.carried,
                "changed": adopted.changed,
                "left": adopted.left,
            }
        )
        return
    if output is None:
        click.echo(text, nl=False)
    else:
        click.echo(f"Wrote {output}: {len(adopted.contract.columns)} columns, {adopted.carried} promises carried over.")
    _tell_notes("mean a little else here", adopted.changed)
    _tell_notes("are not carried over", adopted.left)
    if output is not None:
        next_steps(f"daytwo contract lint {output}")


@click.command("export", epilog="Example: daytwo contract export contract.toml --to odcs -o contract.odcs.yaml")
@click.argument("contract_file", type=_FILE, metavar="CONTRACT")
@click.option("--to", "form", type=click.Choice(["odcs", "gx", "json-schema"]), required=True, help="In whose words.")
@click.option("--output", "-o", type=_FILE, help="Where to write it, as .yaml or .json; default: stdout, JSON.")
@as_json
def export_contract(*, contract_file: Path, form: str, output: Path | None, as_json: bool) -> None:
    """Say a contract in the words of others: an ODCS document, a Great Expectations suite, a JSON Schema of requests.

    A file that is there stays. What the other words cannot say is named on stderr.
    """
    _require_new(output)
    document, left = exported(read_contract(contract_file), form)
    if output is not None:
        write_whole(output, written(document, path=output).encode())
    if as_json:
        tell_json({"document": document, "left": left, "output": output})
        return
    click.echo(json.dumps(document, indent=2, ensure_ascii=False) if output is None else f"Wrote {output}.")
    _tell_notes("are not in it", left)


def exported(contract: Contract, form: str) -> tuple[Mapping[str, Any], Sequence[Note]]:
    """Return a contract in one of the forms, and what is not in it."""
    if form == "gx":
        suite = to_gx(contract)
        return suite.document, suite.left
    return (odcs(contract) if form == "odcs" else json_schema(contract)), ()


def kinds_of(frame: pl.DataFrame) -> dict[str, Kind]:
    """Return what each column of a table holds, by its type."""
    found: dict[str, Kind] = {}
    for name, dtype in frame.schema.items():
        if dtype.is_integer():
            found[name] = Kind.INTEGER
        elif dtype.is_numeric():
            found[name] = Kind.NUMBER
        elif dtype == pl.Boolean:
            found[name] = Kind.BOOLEAN
        elif isinstance(dtype, pl.Datetime | pl.Date):
            found[name] = Kind.TIME
        elif dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum):
            found[name] = Kind.TEXT
    return found


def _require_new(output: Path | None) -> None:
    if output is not None and output.exists():
        raise Refused(f"{output} is there already", hint="Remove it, or write to another file with -o")


def _tell_notes(title: str, notes: Sequence[Note]) -> None:
    if notes:
        click.echo(f"{len(notes)} promises {title}:", err=True)
    for note in notes:
        click.echo(f"  {note.words}", err=True)
