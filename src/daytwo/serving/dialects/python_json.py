"""JSON as Python's own writer writes it: with NaN and Infinity, which JSON does not have.

Triton's and MLflow's clients send a missing number so. Here it is one; an infinity becomes the text that names it, so
that the contract refuses it by name. `/predict` takes JSON and nothing else.
"""

from __future__ import annotations

import json
import math

import msgspec

_CONSTANTS = {"NaN": None, "Infinity": "Infinity", "-Infinity": "-Infinity"}


def read_python_json(text: bytes) -> object:
    """Return what `text` says.

    Raises
    ------
    msgspec.DecodeError, ValueError
        Where it is no JSON, not even Python's.

    Examples
    --------
    >>> read_python_json(b'[NaN, -Infinity, 1.5]')
    [None, '-Infinity', 1.5]
    >>> read_python_json(b'[1e999]')
    ['1e999']
    """
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as err:
        if b"NaN" not in text and b"Infinity" not in text and "out of range" not in str(err):
            raise
        said = json.loads(text, parse_constant=_CONSTANTS.__getitem__, parse_float=_finite)
        msgspec.json.encode(said)  # raises where half a surrogate pair stands for a text: Python's reader lets it pass
        return said


def _finite(text: str) -> float | str:
    value = float(text)
    return value if math.isfinite(value) else text
