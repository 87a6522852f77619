"""`daytwo report`: how a stretch of windows went, as a page, as JSON, in words."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from daytwo.cli.place import here
from daytwo.cli.speak import as_json, project_option, tell_json
from daytwo.lifecycle.reporting import report_windows
from daytwo.monitoring.reporting.sentences import words

_MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])


@click.command(epilog="Example: daytwo report --from 2013-05-01 --to 2013-06-01 --html may.html")
@click.option("--from", "begin", type=_MOMENT, metavar="MOMENT", help="Windows that begin then or later, in UTC.")
@click.option("--to", "end", type=_MOMENT, metavar="MOMENT", help="Windows that end then or earlier, in UTC.")
@click.option("--model", "version", metavar="VERSION", help="Only windows that this version answered, such as v3.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write the page here.")
@project_option
@as_json
def report(
    *,
    begin: datetime | None,
    end: datetime | None,
    version: str | None,
    html: Path | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Report how windows went: expected and realised figures, what moved and what it cost, calibration, budget.

    Without dates: every window. The page is one file that asks nothing of the network, and prints.
    """
    if begin is not None and end is not None and end <= begin:
        raise click.UsageError("--to must lie after --from.")
    made = report_windows(here(folder), begin=begin, end=end, version=version)
    if html is not None:
        made.save(html)
    if as_json:
        tell_json(made.to_dict())
        return
    for sentence in words(made.content):
        click.echo(sentence)
    if html is not None:
        click.echo(f"Written to {html}.")


commands = {"report": report}
