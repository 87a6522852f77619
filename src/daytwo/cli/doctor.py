"""`daytwo doctor`: is the project sound."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from daytwo.cli.place import client_if_any, here
from daytwo.cli.speak import as_json, folder_of, project_option, tell_json
from daytwo.core.settings_file import load_settings
from daytwo.lifecycle.checkup import Check, Outcome, check_up, tried

_MARKS = {Outcome.OK: ("ok", "green"), Outcome.WARN: ("warn", "yellow"), Outcome.FAIL: ("fail", "red")}


@click.command(epilog="Example: daytwo doctor --json")
@project_option
@as_json
def doctor(*, folder: Path | None, as_json: bool) -> None:
    """Check everything a project keeps; leave with 1 where something is broken.

    Settings, contract, sources, ledger, audit chain, bundles, engine, tables, journal, disk and port. Repairs nothing.
    """
    checks: list[Check] = []
    for check in _checks(folder_of(folder)):
        checks.append(check)
        if not as_json:
            word, colour = _MARKS[check.outcome]
            click.echo(f"{click.style(f'{word:<5}', fg=colour)} {check.name:<9} {check.words}")
            if check.next_step:
                click.echo(f"                next: {check.next_step}")
    sound = all(check.outcome is not Outcome.FAIL for check in checks)
    if as_json:
        tell_json({"sound": sound, "checks": checks})
    sys.exit(0 if sound else 1)


def _checks(folder: Path) -> Iterator[Check]:
    def settings() -> Check:
        load_settings(folder, os.environ)
        return Check("settings", Outcome.OK, f"{folder / 'daytwo.toml'} is valid")

    first = tried("settings", settings)
    yield first
    if first.outcome is Outcome.FAIL:
        return
    opened = []

    def state() -> Check:
        opened.append(here(folder))
        return Check("state", Outcome.OK, f"{opened[0].state} can be read and written")

    second = tried("state", state)
    yield second
    if opened:
        yield from check_up(opened[0], client_if_any(opened[0]))


commands = {"doctor": doctor}
