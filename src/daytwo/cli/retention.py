"""`daytwo retention`: how long rows are kept, and which are past their time."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from daytwo.cli.speak import as_json, project_option, tell_json, tell_table
from daytwo.cli.which import fresh
from daytwo.flows import open_runner
from daytwo.lifecycle.retention import cut, kept_rows
from daytwo.lifecycle.words import moment
from daytwo.wiring import clock_of


@click.command(epilog="Example: daytwo retention --now")
@click.option("--now", "at_once", is_flag=True, help="Remove at once what is past its time, for good.")
@project_option
@as_json
def retention(*, at_once: bool, folder: Path | None, as_json: bool) -> None:
    """Say how long rows are kept by [data] retention_days, and how many are past it; 'daytwo up' removes them daily.

    Of what was answered, labelled and kept aside. The dataset that versions were learned from stays.
    """
    system = fresh(folder)
    now = clock_of(system).now()
    before, found = cut(system, now), kept_rows(system, now)
    removed: object = {}
    if at_once and before is not None:
        with open_runner(system) as runner:
            told = runner.run("retention", f"retention-{now:%Y%m%dT%H%M%S}", {"now": now.isoformat()})
        removed = told["removed"] if isinstance(told, dict) else {}
    if as_json:
        kept = [asdict(one) for one in found]
        days = system.settings.data.retention_days
        tell_json({"retention_days": days, "before": before, "tables": kept, "removed": removed})
        return
    if before is None:
        click.echo("Everything is kept: [data] retention_days is 0.")
    else:
        click.echo(f"Kept for {(now - before).days} days: nothing from before {before:%Y-%m-%d %H:%M}.")
    tell_table(
        "Rows",
        ("table", "rows", "oldest", "past its time"),
        [(one.table, f"{one.rows:,}", moment(one.oldest) if one.oldest else "", f"{one.past:,}") for one in found],
    )
    if at_once:
        gone = removed if isinstance(removed, dict) else {}
        click.echo("; ".join(f"{rows:,} rows removed of {table}" for table, rows in gone.items()) or "Nothing removed.")


commands = {"retention": retention}
