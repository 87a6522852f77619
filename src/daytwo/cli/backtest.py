"""`daytwo backtest`: what the last windows would have looked like, had a model been made before each."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click
import msgspec

from daytwo.cli.place import here
from daytwo.cli.speak import as_json, project_option, tell_json, tell_table
from daytwo.lifecycle.retraining.past import look_back
from daytwo.training.backtest import Past, Tested
from daytwo.wiring import clock_of


@click.command(epilog="Example: daytwo backtest --windows 6")
@click.option("--windows", type=click.IntRange(1, 200), default=4, show_default=True, help="How many, the newest last.")
@project_option
@as_json
def backtest(*, windows: int, folder: Path | None, as_json: bool) -> None:
    """Train a quick model before each of the last windows, and judge it on the window.

    It knows what was known when the window began: labels come [monitor] label_delay late. The live version stands
    beside it where it has not seen the rows.
    """
    system = here(folder)
    found = look_back(system, windows=windows, now=clock_of(system).now())
    if as_json:
        tell_json(msgspec.to_builtins(asdict(found), enc_hook=str))
    else:
        _tell(found)


def _tell(found: Past) -> None:
    metric, unit = found.together.evaluation.metric, found.together.evaluation.currency
    tell_table(
        f"{len(found.windows)} windows, each by a quick model made before it",
        (
            "window",
            "learned from",
            "rows",
            metric,
            "95 %",
            "trivial",
            "off by",
            f"{unit} a row",
            "live",
            "live is better by",
        ),
        [*(_row(f"{one.start.astype('datetime64[D]')}", one) for one in found.windows), _row("all", found.together)],
    )
    for words in found.left_out:
        click.echo(f"Left out, {words}")
    click.echo(
        "Trivial answers every row alike. Off by: how far probabilities lie from what came true, over ten bins. The "
        "quick model is smaller than what a release makes."
    )
    if found.together.rival is None:
        click.echo("The live version has seen all of these rows, or there is none, so nothing is compared with it.")


def _row(name: str, one: Tested) -> tuple[object, ...]:
    own, live = one.evaluation, one.rival
    figure = own.figures[own.metric]
    return (
        name,
        f"{one.learned:,}",
        f"{own.rows:,}",
        f"{figure.value:.4g}",
        f"{figure.low:.4g} to {figure.high:.4g}",
        f"{own.trivial[own.metric]:.4g}" if own.metric in own.trivial else "",
        "" if own.calibration_error is None else f"{own.calibration_error:.3f}",
        "" if own.money is None else f"{own.money.value:,.4g}",
        "" if live is None else f"{live.figures[live.metric].value:.4g}",
        "" if one.loss is None else f"{one.loss.value:+.4f} ({one.loss.low:+.4f} to {one.loss.high:+.4f})",
    )


commands = {"backtest": backtest}
