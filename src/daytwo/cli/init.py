"""`daytwo init`: a project from a file of rows."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

import click
import msgspec

from daytwo.cli.speak import as_json, folder_of, next_steps, tell_json
from daytwo.contracts.column import Role
from daytwo.core.finding import Finding, Severity
from daytwo.core.pseudonym_key import pseudonyms_of
from daytwo.core.settings_file import load_settings
from daytwo.lifecycle.checking.ci_files import SERVICES, CiFiles, Service, write_ci
from daytwo.project import STATE, Asked, make_project


@click.command(epilog="Example: daytwo init bookings.parquet --target is_canceled --time arrival_date")
@click.argument("rows", type=click.Path(path_type=Path), required=False)
@click.option("--target", default="", metavar="COLUMN", help="What to predict: two classes, or a number.")
@click.option("--time", default="", metavar="COLUMN", help="When a row happened.")
@click.option("--subject", default="", metavar="COLUMN", help="Whom a row is about: a canary meets whole subjects.")
@click.option("--key", default="", metavar="COLUMN", help="What names a row, so that its label finds it.")
@click.option("--name", default="", help="The model's name; default: the file's.")
@click.option("--owner", default="", help="Who answers for the model and its contract; default: you.")
@click.option("--exclude", multiple=True, metavar="COLUMN", help="No input of the model; may be given again.")
@click.option("--personal", multiple=True, metavar="COLUMN", help="Kept as pseudonyms only; may be given again.")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), help="The folder; default: the file's name.")
@click.option(
    "--ci", type=click.Choice(SERVICES), help="Let a CI service try changes; without ROWS, of a project here."
)
@as_json
def init(
    *,
    rows: Path | None,
    target: str,
    time: str,
    subject: str,
    key: str,
    name: str,
    owner: str,
    exclude: tuple[str, ...],
    personal: tuple[str, ...],
    into: Path | None,
    ci: Service | None,
    as_json: bool,
) -> None:
    """Make a project from ROWS, a Parquet, CSV or JSON Lines file.

    Writes two files to read and edit: the settings, daytwo.toml, and the contract that rows must keep, contract.toml.
    With --ci also what makes a CI service try every change by 'daytwo ci', and a sample of rows to try it on.
    """
    if rows is None and ci:
        _tell_ci(write_ci_of(folder_of(into), ci), as_json=as_json)
        return
    if rows is None or not target:
        raise click.UsageError(f"Missing {'ROWS, a file' if rows is None else '--target, the column to predict'}.")
    folder = into if into is not None else Path(rows.stem)
    owns = owner or you()
    asked = Asked(
        rows,
        target,
        time=time,
        subject=subject,
        key=key,
        name=name,
        owner=owns,
        exclude=exclude,
        personal=personal,
    )
    made = make_project(folder, asked)
    tried = write_ci_of(folder, ci) if ci else None
    features = [column.name for column in made.contract.columns if column.role is Role.FEATURE]
    ignored = [column for column in made.contract.columns if column.role in {Role.CHECKED, Role.IGNORED}]
    if as_json:
        leaks = [msgspec.to_builtins(leak) for leak in made.leaks]
        names = [column.name for column in ignored]
        tell_json(
            {
                "folder": folder,
                "task": made.task,
                "target": target,
                "features": features,
                "ignored": names,
                "leaks": leaks,
                "notes": made.notes,
            }
            | ({} if tried is None else _said(tried))
        )
        return
    click.echo(f"Made {folder}: {made.task} model for {target!r} from {len(features)} columns of {rows}.")
    for note in made.notes:
        click.echo(f"  {note}.")
    for column in ignored:
        click.echo(f"  {column.name}: {_without(column.evidence)}")
    for leak in made.leaks:
        click.echo(f"  {_leak(leak)}")
    if not owner and owns:
        click.echo(f"  You, {owns}, own the contract and the model: nothing goes live without an owner.")
    if tried is not None:
        _tell_ci(tried, as_json=False)
    click.echo(f"Read {folder / 'contract.toml'} and {folder / 'daytwo.toml'}; both are yours to edit.")
    next_steps("daytwo up", folder=folder)


def write_ci_of(folder: Path, service: Service) -> CiFiles:
    """Write what makes a service try changes to the project in `folder`."""
    settings = load_settings(folder, os.environ).settings
    return write_ci(folder, settings, service, pseudonyms_of(folder / STATE, settings.data))


def _said(tried: CiFiles) -> dict[str, object]:
    return {"pipeline": tried.pipeline, "ci_rows": tried.rows_file, "include": tried.include}


def _tell_ci(tried: CiFiles, *, as_json: bool) -> None:
    if as_json:
        tell_json(_said(tried))
        return
    click.echo(f"Wrote {tried.pipeline}: every change is tried by 'daytwo ci' before it is merged.")
    if tried.include:
        click.echo(f"  There is a .gitlab-ci.yml already: add to it  {tried.include}")
    if tried.rows_file is not None:
        click.echo(
            f"Wrote {tried.rows_file}, {tried.rows:,} of the newest rows, which [ci] rows names. They go into the"
            " repository with the project: where they must not, let [ci] rows name what CI can fetch."
        )


def you() -> str:
    """Return the name of the account that runs this; a machine account without one owns nothing."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def _without(evidence: str) -> str:
    return f"no input: {evidence.removeprefix('ignored: ').removeprefix('no input: ')}"


def _leak(leak: Finding) -> str:
    if leak.severity is Severity.CRITICAL:
        return f"LEFT OUT, it looks like the answer: {leak.summary}"
    return f"{'LOOK AT' if leak.severity is Severity.WARNING else 'Note'} {leak.summary}"


commands = {"init": init}
