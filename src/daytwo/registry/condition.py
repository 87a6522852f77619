"""How the champion is doing, in a small file beside the route: by it servers say `degraded` with every answer.

The lifecycle writes it when it has judged a window; a server that finds none says nothing.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from daytwo.core.files import read_if_there, write_whole

CONDITION_FILE = "condition.json"


class Condition(msgspec.Struct, frozen=True):
    """What is wrong with the bundle `version`, in one sentence; empty where nothing is known to be."""

    version: str
    degraded: str = ""


def read_condition(path: Path) -> Condition | None:
    """Return the condition in the file at `path`; None where there is none, or it cannot be read.

    Raises
    ------
    Fault
        If the file is there and cannot be read.
    """
    text = read_if_there(path)
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=Condition)
    except msgspec.MsgspecError:
        return None  # written anew at the next tick


def write_condition(path: Path, condition: Condition) -> None:
    """Write `condition` to `path`, unless it is there already.

    Raises
    ------
    Fault
        If the file cannot be written; the old one stays.
    """
    if read_condition(path) != condition:
        write_whole(path, msgspec.json.format(msgspec.json.encode(condition)))
