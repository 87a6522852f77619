"""`daytwo ci`: the project tried out before a change is merged, for people, pull requests and machines."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
import msgspec

from daytwo.cli.ci_rivals import rival_of
from daytwo.cli.speak import as_json, folder_of, now, project_option, tell_json, tell_table
from daytwo.core.errors import DaytwoError, NotFound
from daytwo.core.files import write_whole
from daytwo.core.settings_file import FILE_NAME
from daytwo.lifecycle.checking.check import Check, Place, Standing, Trial
from daytwo.lifecycle.checking.junit import junit
from daytwo.lifecycle.checking.markdown import markdown
from daytwo.lifecycle.checking.sarif import sarif
from daytwo.lifecycle.checking.trial import Asked, try_project

_FILE = click.Path(path_type=Path, dir_okay=False)


@dataclass(frozen=True, slots=True)
class _Reports:
    """Where reports go; None where one was not asked for."""

    markdown: Path | None
    junit: Path | None
    sarif: Path | None

    def require(self) -> None:
        """Refuse a place that cannot be written, before any work is done for it."""
        for path in (self.markdown, self.junit, self.sarif):
            if path is not None and not path.resolve().parent.is_dir():
                raise NotFound(f"the folder of {path} is not there", hint="Make it, or write the report elsewhere")

    def write(self, trial: Trial, prefix: str) -> None:
        """Write what was asked for."""
        told: tuple[tuple[Path | None, Callable[[], bytes]], ...] = (
            (self.markdown, lambda: markdown(trial).encode()),
            (self.junit, lambda: junit(trial)),
            (self.sarif, lambda: sarif(trial, prefix=prefix)),
        )
        for path, content in told:
            if path is not None:
                write_whole(path, content())


@click.command(epilog="Example: daytwo ci --against ../main --markdown report.md --sarif daytwo.sarif")
@click.option("--rows", default="", metavar="FILES", help="What to try it on; default: [ci] rows, else [data] source.")
@click.option("--sample", type=click.IntRange(1), help="How many of the newest rows; default: [ci] sample.")
@click.option(
    "--against",
    default="live",
    show_default=True,
    metavar="WHAT",
    help="The champion: 'live', 'nobody', a bundle's folder, or another checkout of the project.",
)
@click.option("--markdown", "markdown_file", type=_FILE, help="Write a report for the pull request.")
@click.option("--junit", "junit_file", type=_FILE, help="Write JUnit XML.")
@click.option("--sarif", "sarif_file", type=_FILE, help="Write SARIF 2.1.0, which code hosts show beside the lines.")
@click.option("--prefix", default="", metavar="DIR", help="The project's folder as seen from the repository's.")
@project_option
@as_json
def ci(
    *,
    rows: str,
    sample: int | None,
    against: str,
    markdown_file: Path | None,
    junit_file: Path | None,
    sarif_file: Path | None,
    prefix: str,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Check data, train, gate against the champion, and hold the candidate to what is expected of it.

    Everything happens in a place of its own that is thrown away: the project's state is not touched, and need not be
    there. Leave with 1 where a check says no.
    """
    reports = _Reports(markdown_file, junit_file, sarif_file)
    reports.require()
    try:
        trial = _tried(folder_of(folder), rows, sample, against, quiet=as_json)
    except DaytwoError as err:
        broken = Check("project", err.code, Standing.FAILED, str(err), Place(FILE_NAME))
        reports.write(Trial("the project", 0, against, (broken,)), prefix)
        raise
    reports.write(trial, prefix)
    if as_json:
        said = [msgspec.to_builtins(check) for check in trial.checks]
        about = {"model": trial.model, "rows": trial.rows, "against": trial.against, "digest": trial.digest}
        tell_json({"passed": trial.passed, **about, "figures": trial.figures, "checks": said})
    else:
        _tell(trial)
    sys.exit(0 if trial.passed else 1)


def _tried(folder: Path, rows: str, sample: int | None, against: str, *, quiet: bool) -> Trial:
    with tempfile.TemporaryDirectory(prefix="daytwo-ci-") as place:
        project = rival_of(folder, Path(place), rows=rows, sample=sample, against=against, now=now())
        if not quiet:
            click.echo(f"{project.system.settings.model.name}: trying it against {project.rival.words} ...", err=True)
        return try_project(project.system, Asked(project.sources, project.rival, now()))


def _tell(trial: Trial) -> None:
    told = [
        (
            f"{check.group}: {check.name}",
            {"passed": "yes", "noted": "note", "failed": "NO"}[check.standing],
            check.words,
            "" if check.place is None or check.standing is Standing.PASSED else check.place,
        )
        for check in trial.checks
    ]
    tell_table(f"{trial.rows:,} rows, against {trial.against}", ("check", "says", "because", "where"), told)
    click.echo(f"{trial.headline}.")


commands = {"ci": ci}
