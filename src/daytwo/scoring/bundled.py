"""Small files of a bundle that are JSON: read, or told to be damaged."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from daytwo.core.errors import DataError

Held = TypeVar("Held", bound=msgspec.Struct)


def read_json(text: bytes, kind: type[Held], name: str) -> Held:
    """Return what the file `name` of a bundle holds.

    Raises
    ------
    DataError
        If the text is damaged.
    """
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.MsgspecError as err:
        raise DataError(f"{name} is damaged: {err}", hint="Restore the bundle, or make the model again") from err
