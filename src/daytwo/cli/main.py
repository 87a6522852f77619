"""`daytwo`: every command by name, imported only when it is called, so that `--help` answers at once."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import click

from daytwo import __version__
from daytwo.core.errors import DaytwoError


@dataclass(frozen=True, slots=True)
class Entry:
    """A command: the module whose `commands` table holds it, and what it does in one line."""

    module: str
    words: str


COMMANDS: Mapping[str, Entry] = {
    "demo": Entry("demo", "Live through a real year of flights: trained, served, watched, retrained, accounted for"),
    "init": Entry("init", "Make a project from a file of rows: settings and a proposed contract"),
    "up": Entry("up", "Run everything: server, lifecycle and console, in one process tree"),
    "status": Entry("status", "What is live, how it does, what waits"),
    "config": Entry("config", "Every setting with its value and where it comes from"),
    "doctor": Entry("doctor", "Check the project: settings, contract, ledger, journal, audit chain"),
    "contract": Entry("contract", "What rows must look like: propose, check, diff, lint, import, export"),
    "ingest": Entry("ingest", "Take files in: good rows become a dataset version, bad ones are kept aside"),
    "quarantine": Entry("quarantine", "Rows kept aside: list, show, repair and replay, drop"),
    "train": Entry("train", "Train, gate and put forward a candidate"),
    "release": Entry("train", "The same as train: start a release"),
    "retrain": Entry("retrain", "Make a new version now, or say why none is made"),
    "policy": Entry("policy", "The project's own past under each retraining policy, in money"),
    "backtest": Entry("backtest", "What the last windows would have looked like, with a model made before each"),
    "ci": Entry("ci", "Try the project before a change is merged: data, training, gates, behaviour"),
    "adopt": Entry("adopt", "Bring in a model that somebody else trained"),
    "front": Entry("front", "Quality against cost of a version's variants"),
    "parity": Entry("parity", "Whether logged rows are the same rows, with the same scores, on the training's way"),
    "lineage": Entry("lineage", "Where a version came from; which versions saw some rows"),
    "approve": Entry("release", "Say yes to a candidate, bound to its digest and evidence"),
    "refuse": Entry("release", "Say no to a candidate"),
    "rollback": Entry("release", "Make an earlier version champion again"),
    "drill": Entry("drill", "What must work on a bad day, tried on a good one: a rollback under load"),
    "hold": Entry("hold", "Keep new versions from more people for a while, or let them go on"),
    "flows": Entry("flows", "What is under way and what it waits for; cancel it, or take it up again"),
    "serve": Entry("serve", "Run the prediction server of this project"),
    "predict": Entry("predict", "Send rows to the running server"),
    "label": Entry("predict", "Send outcomes to the running server"),
    "feedback": Entry("predict", "Say what a person did with a prediction"),
    "explain": Entry("explain", "Why a prediction came out as it did, by its id"),
    "token": Entry("token", "Who may ask the server: make, list and revoke tokens"),
    "monitor": Entry("monitor", "How the last windows were judged"),
    "report": Entry("report", "How a stretch of windows went: a page to print, JSON, words"),
    "alerts": Entry("alerts", "What is wrong and who owns it; take an alert up, or close it"),
    "value": Entry("account", "What the model brings and costs, in money"),
    "retention": Entry("retention", "How long rows are kept, and which are past their time"),
    "ledger": Entry("ledger", "Where the records are kept; move them from the folder into a database"),
    "audit": Entry("account", "The sealed record of what was done, and whether it is whole"),
}


# What a shell reports of a command that a closed pipe ended: 128 and the number of SIGPIPE.
_UNREAD = 141


class LazyCommands(click.Group):
    """A group that knows its commands' names and words, and imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """Return every command's name, in the order of a project's life."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return one command."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command: click.Command = importlib.import_module(f"daytwo.cli.{entry.module}").commands[cmd_name]
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.words) for name, entry in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve, and name the nearest command for a mistyped one."""
        import_name = args[0] if args else ""
        if import_name and import_name not in COMMANDS and not import_name.startswith("-"):
            close = [name for name in COMMANDS if name.startswith(import_name[:3])]
            hint = f" Did you mean {' or '.join(close)}?" if close else ""
            raise click.UsageError(f"There is no command {import_name!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Make the context; `--help` prints while it is made."""
        with _unread_is_no_fault():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with _unread_is_no_fault():
            return super().invoke(ctx)


@contextlib.contextmanager
def _unread_is_no_fault() -> Iterator[None]:
    """Leave quietly where nobody reads the answer any more, as with `daytwo status | head -1`."""
    try:
        yield
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):  # what they still hold would fail once more at the end
            try:
                stream.flush()
            except BrokenPipeError:
                os.dup2(nowhere, stream.fileno())
        raise SystemExit(_UNREAD) from None


@click.group(
    cls=LazyCommands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="--json for machines. Exit codes: 0 done, 1 a gate or check said no, 2 wrong use, 3 a fault.",
)
@click.version_option(__version__, prog_name="daytwo")
def daytwo() -> None:
    """What happens to a machine-learning model after it goes live."""


# Threads that wait for one another in a busy loop make a small machine several times slower. Of matrices as small as
# ours, a library that uses two takes ten times as long, and the last bits of a sum differ by how many there are.
_THREADS = {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def main() -> None:
    """Run the command line; a DaytwoError becomes one line and its exit code."""
    for name, value in _THREADS.items():
        os.environ.setdefault(name, value)
    try:
        daytwo.main(standalone_mode=False)
    except click.exceptions.Exit as err:
        sys.exit(err.exit_code)
    except click.ClickException as err:
        err.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("daytwo: stopped; the same command goes on where it was", err=True)
        sys.exit(130)
    except DaytwoError as err:
        click.echo(f"daytwo: {err.message}", err=True)
        if err.hint:
            click.echo(f"  next: {err.hint}", err=True)
        sys.exit(err.exit_code)
    except Exception as err:  # the last door: a bug of ours
        if os.environ.get("DAYTWO_DEBUG"):
            traceback.print_exc()
        click.echo(f"daytwo: this is a bug in daytwo: {type(err).__name__}: {err}", err=True)
        click.echo("  next: run again with DAYTWO_DEBUG=1 for the trace, and report it", err=True)
        sys.exit(3)
