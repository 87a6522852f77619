"""`daytwo status`: the console's first page in words and tables."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from daytwo.cli.place import here
from daytwo.cli.speak import as_json, project_option, tell_json, tell_table
from daytwo.lifecycle import words
from daytwo.lifecycle.course import Point
from daytwo.lifecycle.headline import Tone, headline
from daytwo.lifecycle.overview import Overview, overview
from daytwo.wiring import clock_of

_COLOURS = {Tone.GOOD: "green", Tone.PLAIN: None, Tone.ACT: "yellow", Tone.BAD: "red"}
_WINDOWS = 8


@click.command(epilog="Example: daytwo status --json")
@project_option
@as_json
def status(*, folder: Path | None, as_json: bool) -> None:
    """Say what is live, how it does, what waits for a person, and what is wrong."""
    system = here(folder)
    view = overview(system, clock_of(system).now())
    sentences = headline(view)
    if as_json:
        tell_json({"headline": [sentence.text for sentence in sentences], **msgspec.to_builtins(view, enc_hook=str)})
        return
    for sentence in sentences:
        click.secho(sentence.text, fg=_COLOURS[sentence.tone])
    _tables(view)


def _tables(view: Overview) -> None:
    tell_table(
        "Versions",
        ("version", "digest", "role", "live since", "made because"),
        [
            (
                f"v{one.number}",
                one.digest[:12],
                one.role,
                words.moment(one.live_since) if one.live_since else "",
                one.reason,
            )
            for one in view.versions
        ],
    )
    for one in view.waiting:
        tell_table(
            f"{one.release.id}: {one.release.words}",
            ("gate", "says", "because"),
            [(gate.name, "yes" if gate.passed else "no", gate.words) for gate in one.evidence.gates],
        )
        tell_table(
            f"{one.release.id} on live traffic",
            ("sign", "says", "because"),
            [(sign.name, "fine" if sign.passed else "stop", sign.words) for sign in one.signs],
        )
        for told in one.evidence.reach:
            click.echo(f"  {told}")
        for command in one.commands:
            click.echo(f"  next: {command}")
    tell_table(
        f"Windows of {view.project.window} ({words.metric(view.project.metric)}, money in {view.project.currency})",
        ("window", "rows", "verdict", "expected", "came to", "money", "labels in"),
        [_window(point, view) for point in view.points[-_WINDOWS:]],
    )
    tell_table(
        "Open alerts",
        ("id", "since", "about", "what", "owner"),
        [(one.id, words.moment(one.opened_at), one.subject, one.summary, one.owner) for one in view.alerts],
    )
    kept = view.quarantine
    if kept is not None and (kept.open or kept.replayed or kept.dropped):
        columns = ", ".join(f"{name} {count:,}" for name, count in kept.columns)
        why = f" (mostly {columns})" if columns else ""
        click.echo(f"Quarantine: {kept.open:,} rows open{why}, {kept.replayed:,} replayed, {kept.dropped:,} dropped.")
    if view.value is not None:
        money = words.money(view.value.net, view.value.currency)
        click.echo(f"Net value: {money} over {view.value.rows:,} settled rows, costs included.")


def _window(point: Point, view: Overview) -> tuple[object, ...]:
    return (
        words.period(point.start, point.end, view.now),
        "" if point.rows is None else f"{point.rows:,}",
        point.verdict,
        words.figure(point.estimated) if point.estimated else "",
        words.figure(point.live) if point.live else "",
        words.figure(point.money_live or point.money_estimated, view.project.currency),
        words.share(point.maturity) if point.maturity is not None else "",
    )


commands = {"status": status}
