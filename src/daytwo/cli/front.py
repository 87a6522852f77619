"""`daytwo front`: quality against cost of a version's variants, as a table, as JSON, as a page."""

from __future__ import annotations

from pathlib import Path

import click

from daytwo.cli.place import here
from daytwo.cli.speak import as_json, project_option, tell_json, tell_table
from daytwo.core.errors import NotFound
from daytwo.core.files import write_whole
from daytwo.lifecycle.decisions import find_release
from daytwo.lifecycle.dossier import Evidence, read_evidence
from daytwo.lifecycle.system import System
from daytwo.training.front import REFERENCE, Variant
from daytwo.training.front_page import Shown, front_page, sentence


@click.command(epilog="Example: daytwo front v2 --volume 50000000 --html front.html")
@click.argument("name", metavar="[RELEASE|VERSION]", required=False, default="")
@click.option("--volume", type=click.FloatRange(min=0), default=0.0, metavar="ROWS", help="Rows a month, for money.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write the page here, too.")
@project_option
@as_json
def front(*, name: str, volume: float, html: Path | None, folder: Path | None, as_json: bool) -> None:
    """Show the variants of a release or version: quality against work, and which one was recommended.

    Without a name: those of the newest release that has any. Times are measured on the machine that trained.
    """
    shown = _shown(here(folder), name, volume)
    if html is not None:
        write_whole(html, front_page(shown).encode())
    if as_json:
        reference = next((one for one in shown.variants if one.name == REFERENCE), None)
        tell_json(
            {
                "release": shown.release,
                "reference": reference,
                "variants": shown.variants,
                "recommended": shown.recommended,
                "cheaper": shown.cheaper,
            }
        )
        return
    heads = ("variant", "", shown.metric, "95 %", "may lose", "nodes", "p50 us", "p99 us", "in block")
    month = (f"{shown.currency}/month",) if volume else ()
    tell_table(
        f"Variants of {shown.release}, the least work first",
        (*heads, f"{shown.currency}/10^6", *month, "note"),
        [_line(one, shown) for one in shown.variants],
    )
    click.echo(sentence(shown))
    if html is not None:
        click.echo(f"Written to {html}.")


def _shown(system: System, name: str, volume: float) -> Shown:
    made, evidence = _with_variants(system, name)
    reference = next((one for one in evidence.variants if one.name == REFERENCE), None)
    chosen = next((one for one in evidence.variants if one.name == evidence.recommended), None)
    cheaper = reference.nodes_per_row / chosen.nodes_per_row if reference and chosen and chosen.nodes_per_row else None
    settings = system.settings
    return Shown(
        made,
        settings.model.name,
        settings.gate.metric,
        settings.gate.margin,
        settings.value.currency,
        evidence.variants,
        evidence.recommended,
        cheaper,
        volume,
    )


def _with_variants(system: System, name: str) -> tuple[str, Evidence]:
    releases = [find_release(system, name)] if name else list(reversed(system.releases.releases()))
    for made in releases:
        evidence = read_evidence(made.evidence)
        if evidence.variants:
            return made.id, evidence
    what = name or "this project"
    raise NotFound(f"no variants of {what} are known", hint="'daytwo release' makes a candidate with its variants")


def _line(one: Variant, shown: Shown) -> tuple[object, ...]:
    def short(value: float | None, digits: str = ".3g") -> str:
        return "" if value is None else format(value, digits)

    return (
        one.name,
        "*" if one.name == shown.recommended else "",
        short(one.metric, ".4g"),
        f"{short(one.low, '.4g')} to {short(one.high, '.4g')}",
        short(one.loss_high),
        short(one.nodes_per_row or None, ",.0f"),
        short(one.p50_us),
        short(one.p99_us),
        short(one.us_per_row_block),
        short(one.cost_per_million),
        *([short(one.cost_of(shown.volume), ",.2f")] if shown.volume else []),
        one.failed or ("front" if one.on_front else ""),
    )


commands = {"front": front}
