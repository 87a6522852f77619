"""`daytwo up`: everything of a project, until it is told to stop."""

from __future__ import annotations

import shlex
from pathlib import Path

import click
import msgspec

from daytwo.cli.place import here
from daytwo.cli.speak import as_json, next_steps, now, port_option, project_option, tell_json
from daytwo.lifecycle.worker import Event
from daytwo.up import Ears, Live, Wish, run_up

_COLOURS = {
    "alert": "red",
    "trouble": "red",
    "server": "red",
    "live": "green",
    "goes on": "green",
    "refused": "yellow",
    "waits": "yellow",
}


@click.command(epilog="Example: daytwo up --approve-as ben")
@port_option
@click.option("--console-port", type=click.IntRange(0, 65535), help="Where the pages are; 0 picks a free port.")
@click.option("--approve-as", default="", metavar="NAME", help="Who says yes to the first version once it passes.")
@click.option("--once", is_flag=True, help="Stop once the first version answers.")
@project_option
@as_json
def up(
    *, port: int | None, console_port: int | None, approve_as: str, once: bool, folder: Path | None, as_json: bool
) -> None:
    """Run everything: server, lifecycle and console, in one process tree.

    Where 'daytwo serve' runs a server for the project already, that one is left alone.

    Where nothing is live yet it takes in the files of [data] source, trains and gates a first version, and waits for
    somebody to approve it. New files are taken in as they appear. Ctrl-C stops everything; nothing begun is lost.
    """
    system = here(folder)

    def addresses(server: str, console: str) -> None:
        click.echo(f"{system.settings.model.name}: predictions at {server}/predict, console at {console}", err=True)

    def live(found: Live) -> None:
        if as_json:
            tell_json({**msgspec.to_builtins(found, enc_hook=str), "try": _curl(found, system.settings.serve.token)})
            return
        click.echo(f"{found.version} ({found.digest[:12]}) answers at {found.server}/predict; pages at {found.console}")
        if once:
            next_steps("daytwo up", folder=folder)
            return
        click.echo(f"Try:\n{_curl(found, system.settings.serve.token)}")
        click.echo("Ctrl-C stops everything.", err=True)

    def say(event: Event) -> None:
        kind = click.style(f"{event.kind:<9}", fg=_COLOURS.get(event.kind))
        click.echo(f"{now():%H:%M:%S}  {kind} {event.words}", err=True)

    run_up(system, Wish(port, console_port, approve_as, once), Ears(say, addresses, live))


def _curl(found: Live, token: str) -> str:
    row = msgspec.json.encode(found.example or {}).decode()
    scheme, _, name = token.partition(":")
    secret = {"env": f'"Authorization: Bearer ${name}"', "file": f'"Authorization: Bearer $(cat {shlex.quote(name)})"'}
    header = f" -H {secret[scheme]}" if scheme in secret else ""
    quiet = "-sk" if found.server.startswith("https:") else "-s"  # on this machine, whatever name the certificate bears
    return f"curl {quiet} {found.server}/predict -H 'Content-Type: application/json'{header} -d {shlex.quote(row)}"


commands = {"up": up}
