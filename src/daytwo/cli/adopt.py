"""`daytwo adopt`: a model that somebody else trained, checked, released, served and watched like one of our own."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from daytwo.cli.init import you
from daytwo.cli.place import here
from daytwo.cli.speak import as_json, next_steps, project_option, tell_json
from daytwo.cli.train import run_release, tell_release
from daytwo.core.errors import Mistake
from daytwo.lifecycle.adoption import Kept, keep_model
from daytwo.lifecycle.intake.pickup import take_in
from daytwo.lifecycle.releases import State
from daytwo.lifecycle.system import System
from daytwo.project import Asked, make_project
from daytwo.training.foreign_model import read_foreign
from daytwo.training.pickled import read_trusted
from daytwo.wiring import clock_of


@click.command(epilog="Example: daytwo adopt churn.txt --reference rows.parquet --target churned --time day --score p")
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--reference", type=click.Path(path_type=Path), help="Rows with outcomes, in time order if they bear a time."
)
@click.option("--target", default="", metavar="COLUMN", help="What it predicts; needed for a new project.")
@click.option("--time", default="", metavar="COLUMN", help="When a row happened.")
@click.option("--subject", default="", metavar="COLUMN", help="Whom a row is about.")
@click.option("--key", default="", metavar="COLUMN", help="What names a row.")
@click.option("--score", default="", metavar="COLUMN", help="The model's own answers in the reference: they prove it.")
@click.option("--columns", default="", metavar="A,B,...", help="The model's inputs in order, where its file has none.")
@click.option(
    "--trust",
    default="",
    metavar="sha256:DIGEST",
    help="Open this pickle once: its code runs.",
)
@click.option("--exclude", multiple=True, metavar="COLUMN", help="No input of any model; may be given again.")
@click.option("--name", default="", help="The model's name; default: the reference file's.")
@click.option("--owner", default="", help="Who answers for the model; default: you.")
@click.option("--author", default="", metavar="NAME", help="Who brings it and so cannot approve it; default: you.")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), help="The new project's folder.")
@project_option
@as_json
def adopt(
    *,
    model: Path,
    reference: Path | None,
    target: str,
    time: str,
    subject: str,
    key: str,
    score: str,
    columns: str,
    trust: str,
    exclude: tuple[str, ...],
    name: str,
    owner: str,
    author: str,
    into: Path | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Bring in MODEL: LightGBM text, XGBoost, ONNX, or an MLflow folder with one of these; a pickle only by --trust.

    With --target a new project is made from the reference rows; without, the model must read the contract of the
    project here. It becomes a candidate: gates judge it on the newest rows, and a person approves it. If it has learned
    from those rows, the gates flatter it.
    """
    asked = Asked(
        reference if reference is not None else Path(),
        target,
        time=time,
        subject=subject,
        key=key,
        name=name,
        owner=owner or you(),
        exclude=(*exclude, *([score] if score else [])),
    )
    _ = read_trusted(model, trust) if trust else read_foreign(model)  # before anything is made for it
    system = _project(asked, reference, folder, into, quiet=as_json)
    kept = keep_model(
        system,
        model,
        columns=[column.strip() for column in columns.split(",") if column.strip()],
        rows=reference,
        score=score,
        trust=trust,
    )
    if not as_json:
        _tell(kept, model)
    made = run_release(
        system, reason=f"adopted from {model.name}", author=author or you() or "cli", adopt=kept.digest, quiet=as_json
    )
    if as_json:
        told = kept.adopted
        tell_json(
            {
                "release": made.id,
                "state": made.state,
                "digest": made.digest,
                "words": made.words,
                "kind": told.model.kind,
                "inputs": len(told.inputs.positions),
                "proved": kept.proved,
                "notes": told.model.notes,
            }
        )
    else:
        tell_release(made)
        if made.state is State.WAITING:
            next_steps(f"daytwo approve {made.id} --as NAME", "daytwo up", folder=system.folder)
    sys.exit(0 if made.state is State.WAITING else 1)


def _project(asked: Asked, reference: Path | None, folder: Path | None, into: Path | None, *, quiet: bool) -> System:
    """Make a project from the reference rows and take them in, where a target is named; else open the one meant."""
    if not asked.target:
        return here(folder)
    if reference is None:
        raise Mistake("a new project needs rows", hint="Give rows with outcomes: --reference ROWS --target COLUMN")
    if folder is not None:
        raise Mistake(
            "--target makes a new project, and --project names one that is there",
            hint="Leave one out; --into names the new project's folder",
        )
    place = into if into is not None else Path(reference.stem)
    made = make_project(place, asked)
    if not quiet:
        click.echo(f"Made {place}: {made.task} model for {asked.target!r}, with a contract proposed from {reference}.")
    system = here(place)
    intake = take_in(system, reference, clock_of(system).now())
    if not quiet:
        click.echo(f"{intake.words}.")
    return system


def _tell(kept: Kept, path: Path) -> None:
    model, inputs = kept.adopted.model, kept.adopted.inputs
    click.echo(f"{path}: {model.kind}, reads {len(inputs.positions)} of the contract's {inputs.features} features.")
    for note in model.notes:
        click.echo(f"  {note}.")
    if kept.proved:
        click.echo(f"  {kept.proved:,} rows get the score that they had before.")
    else:
        click.echo("  Nothing was held against its earlier scores: --score COLUMN would.")


commands = {"adopt": adopt}
