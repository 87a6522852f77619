"""`daytwo lineage`: where a version came from, and which versions some rows went into."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import msgspec

from daytwo.cli.place import here
from daytwo.cli.speak import as_json, project_option, tell_json, tell_table
from daytwo.core.errors import Mistake
from daytwo.lifecycle.ancestry import (
    Ancestry,
    Sighting,
    ancestry,
    learned_from_dataset,
    learned_from_subject,
    open_lineage,
)


@click.command(epilog="Example: daytwo lineage v3, or: daytwo lineage --subject N14228")
@click.argument("version", default="")
@click.option("--dataset", type=click.IntRange(min=0), help="Which versions learned from this version of the dataset.")
@click.option("--subject", default="", help="Which versions learned from rows of this subject.")
@click.option("--openlineage", is_flag=True, help="Print the version's training as an OpenLineage event.")
@project_option
@as_json
def lineage(
    *, version: str, dataset: int | None, subject: str, openlineage: bool, folder: Path | None, as_json: bool
) -> None:
    """Say where VERSION (default: the newest) came from: rows, contract, code, environment, seeds, parents, author.

    Or the other way round: which versions saw a dataset version, or somebody's rows.
    """
    if sum((bool(version) or openlineage, dataset is not None, bool(subject))) > 1:
        raise Mistake("a version, --dataset and --subject are three questions", hint="Ask one at a time")
    system = here(folder)
    if dataset is not None:
        _tell_sightings(f"dataset version {dataset}", learned_from_dataset(system, dataset), as_json=as_json)
        return
    if subject:
        _tell_sightings(f"rows of {subject}", learned_from_subject(system, subject), as_json=as_json)
        return
    found = ancestry(system, version)
    if openlineage:
        tell_json(open_lineage(found, namespace=f"daytwo:{system.settings.model.name}"))
    elif as_json:
        tell_json(_told(found))
    else:
        tell_table(f"v{found.version.number}", ("what", "value"), list(_lines(found)))


def _tell_sightings(what: str, found: Sequence[Sighting], *, as_json: bool) -> None:
    if as_json:
        versions = [
            {"version": f"v{one.version.number}", "digest": one.version.digest, "rows": one.rows} for one in found
        ]
        tell_json({"asked": what, "versions": versions})
    elif not found:
        click.echo(f"No version learned from {what}.")
    else:
        rows = [(f"v{one.version.number}", one.version.digest[:12], f"{one.rows:,}") for one in found]
        tell_table(f"Learned from {what}", ("version", "digest", "rows"), rows)


def _told(found: Ancestry) -> dict[str, object]:
    version = found.version
    return {
        "version": f"v{version.number}",
        "digest": version.digest,
        "author": version.author,
        "reason": version.reason,
        "created_at": version.created_at,
        "lineage": None if found.manifest is None else msgspec.to_builtins(found.manifest.lineage),
        "parents": found.parents,
        "children": found.children,
        "trouble": found.trouble,
    }


def _lines(found: Ancestry) -> Iterator[tuple[str, str]]:
    version = found.version
    yield "digest", version.digest
    yield "made", f"{version.created_at:%Y-%m-%d %H:%M} by {version.author or 'nobody named'}, because {version.reason}"
    yield "parents", ", ".join(found.parents) or "none, the first version"
    yield "children", ", ".join(found.children) or "none"
    if found.manifest is None:
        yield "bundle", found.trouble
        return
    told = found.manifest.lineage
    for one in told.dataset:
        yield "rows", f"{one.table} version {one.version}, {one.rows:,} rows, {one.digest[:12]}"
    for name, span in told.windows.items():
        yield name, f"{span.rows:,} rows" + (f", {span.first} to {span.last}" if span.first else "")
    yield "contract", told.contract
    dirty = f", not committed: {told.code.diff[:12]}" if told.code.dirty else ""
    yield "code", f"{told.code.commit}{dirty}" if told.code.commit else "not in git"
    yield "environment", told.environment
    yield "seeds", ", ".join(f"{name} {seed}" for name, seed in told.seeds.items())


commands = {"lineage": lineage}
