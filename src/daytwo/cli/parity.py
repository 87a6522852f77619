"""`daytwo parity`: whether logged rows are the same rows, with the same scores, on the way of the training."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click

from daytwo.cli.speak import as_json, project_option, tell_json, tell_table
from daytwo.cli.which import fresh
from daytwo.core.errors import NotFound
from daytwo.lifecycle.gating.parity import parity_gate
from daytwo.lifecycle.gating.parity_rows import logged_parity
from daytwo.lifecycle.versions import load_model
from daytwo.registry.versions import current_route


@click.command(epilog="Example: daytwo parity --rows 5000")
@click.argument("version", default="")
@click.option("--rows", type=click.IntRange(1, 1_000_000), default=1_000, show_default=True, help="The newest so many.")
@project_option
@as_json
def parity(*, version: str, rows: int, folder: Path | None, as_json: bool) -> None:
    """Send the newest rows that VERSION (default: the one that answers) has answered through both ways, and compare.

    Each row is served again from its JSON text and encoded again as training does, feature by feature; both scores and
    the logged one must agree. Leaves with 1 where any row differs, and names it.
    """
    system = fresh(folder)
    route = current_route(system.registry)
    if route is None:
        raise NotFound("nothing is live yet", hint="'daytwo up' makes the first version and serves it")
    digest = system.registry.find(version).digest if version else route.champion
    found = logged_parity(system, load_model(system.bundles, digest), rows)
    told = parity_gate(found)
    if as_json:
        tell_json(asdict(found) | {"passed": told.passed, "words": told.words})
    else:
        click.echo(f"{told.words[:1].upper()}{told.words[1:]}.")
        tell_table(
            "What differs",
            ("row", "column", "served", "trained"),
            [(one.row, one.column, one.served, one.trained) for one in found.differences],
        )
    sys.exit(0 if told.passed else 1)


commands = {"parity": parity}
