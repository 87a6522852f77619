"""`daytwo config`: every setting, its value and where it comes from."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from daytwo.cli.speak import as_json, folder_of, project_option, tell_json, tell_table
from daytwo.core.settings_file import load_settings
from daytwo.core.settings_text import MEANINGS


@click.command(epilog="Example: DAYTWO_SERVE__PORT=9000 daytwo config")
@project_option
@as_json
def config(*, folder: Path | None, as_json: bool) -> None:
    """Show every setting with its value and where it comes from.

    A setting comes from daytwo.toml, from the environment (DAYTWO_SECTION__KEY), or is the default.
    """
    loaded = load_settings(folder_of(folder), os.environ)
    values = dict(_flat(msgspec.to_builtins(loaded.settings)))
    if as_json:
        tell_json({key: {"value": value, "origin": loaded.origins[key]} for key, value in values.items()})
        return
    tell_table(
        f"Settings of {loaded.folder}",
        ("key", "value", "from", "meaning"),
        [(key, _shown(value), loaded.origins[key], MEANINGS.get(key, "")) for key, value in values.items()],
    )


def _flat(tree: dict[str, object]) -> Iterator[tuple[str, object]]:
    for section, held in tree.items():
        if isinstance(held, dict):
            yield from ((f"{section}.{key}", value) for key, value in held.items())
        else:
            yield section, held


def _shown(value: object) -> str:
    return msgspec.json.encode(value).decode()


commands = {"config": config}
