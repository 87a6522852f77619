"""`daytwo demo`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from daytwo.cli.speak import as_json, tell_json, tell_table
from daytwo.demo.flights import LAST_DAY
from daytwo.demo.run import Ears, Ending, Wish, run_demo
from daytwo.lifecycle.worker import Event

_MARKS = {"fault": "bold yellow", "alert": "bold red", "live": "bold green", "refused": "yellow", "rolled_back": "red"}


@click.command(epilog="Example: daytwo demo --keep flights-2013")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Keep the project in this folder.")
@click.option("--seed", type=int, default=20130401, show_default=True, help="Another seed, another story.")
@click.option(
    "--to", "until", type=click.DateTime(["%Y-%m-%d"]), default=f"{LAST_DAY}", show_default=True, help="The last day."
)
@as_json
def demo(*, keep: Path | None, seed: int, until: datetime, as_json: bool) -> None:
    """Live through the year 2013 of all flights out of New York.

    January to March is history; from 1 April on each day's flights are real requests to a real server. The same
    command again goes on where a killed one stopped, given the same --keep folder.
    """
    console = Console(stderr=True, highlight=False)
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    ) as bar:
        task = bar.add_task("day", total=None)

        def say(event: Event) -> None:
            style = _MARKS.get(event.kind, "")
            bar.console.print(f"{event.at:%d %b}  [{style or 'none'}]{event.kind:<10}[/]  {event.words}")

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        ending = run_demo(Wish(keep, seed, min(until.date(), LAST_DAY)), Ears(say, progress))
    if as_json:
        tell_json(ending.story.summary | {"elapsed_s": round(ending.elapsed_s, 1)})
    else:
        _tell(ending)


def _tell(ending: Ending) -> None:
    story, summary = ending.story, ending.story.summary
    tell_table(
        "ROC AUC by month, realised: never retrained against as answered",
        ("month", "flights", "static", "daytwo"),
        [(month, f"{rows:,}", f"{static:.3f}", f"{live:.3f}") for month, rows, static, live in story.months],
    )
    tell_table(
        "Versions that went live",
        ("version", "digest", "promoted", "because"),
        [(f"v{v['version']}", v["digest"][:12], v["promoted_at"][:10], v["reason"]) for v in summary["versions"]],
    )
    tell_table(
        "Turned down",
        ("release", "when", "why"),
        [(r["release"], r["at"][:10], r["words"]) for r in summary["refused"]],
    )
    tell_table(
        "Alerts",
        ("when", "what", "about", "turned out"),
        [(a["at"][:10], a["kind"], a["subject"], a["verdict"]) for a in summary["alerts"]],
    )
    value, realised = story.value, summary["realised"]
    left_out = ", ".join(f"{count:,} {name}" for name, count in ending.left_out.items())
    click.echo(
        f"{summary['rows']:,} flights; {summary['predictions']:,} predictions served; left out of labels: {left_out}."
    )
    click.echo(f"{summary['quarantined']:,} rows quarantined, {summary['replayed']:,} repaired and replayed.")
    click.echo(f"ROC AUC realised: {realised['static']:.4f} had nobody retrained, {realised['live']:.4f} as answered.")
    click.echo(
        f"Money: {value.static:,.0f} {value.currency} had nobody retrained, {value.live:,.0f} as answered, "
        f"costs {value.cost:,.0f}: {value.net:,.0f} net ({', '.join(f'{k} {v:,.2f}' for k, v in value.costs.items())})."
    )
    click.echo(f"Done in {ending.elapsed_s:.0f} s, at {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.")
    if ending.folder is None:
        click.echo("Next: daytwo demo --keep DIR leaves the project for every other command.")
    else:
        click.echo(
            f"Next, in {ending.folder}: daytwo status · daytwo serve · daytwo explain ID · daytwo alerts · daytwo value"
        )


commands = {"demo": demo}
