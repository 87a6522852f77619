"""A C library with two doors: one lets other Python threads run during a call, the other is cheaper for short calls."""

from __future__ import annotations

import ctypes
from pathlib import Path

from daytwo.core.errors import Fault


def load_twice(path: Path) -> tuple[ctypes.CDLL, ctypes.PyDLL]:
    """Return the library at `path` for calls that release Python's lock, and for calls that keep it.

    Raises
    ------
    Fault
        If it cannot be loaded.
    """
    try:
        return ctypes.CDLL(str(path)), ctypes.PyDLL(str(path))
    except OSError as err:
        raise Fault(f"cannot load {path}: {err}", hint="Install OpenMP (libgomp1 or libomp), then try again") from err
