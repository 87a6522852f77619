"""Arrays inside JSON: type, shape and bytes, so that what was learnt is read back bit by bit.

`judging/reference.py` keeps its larger tables so.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray


def write_array(value: object) -> object:
    """Return an array as `[type, shape, bytes]`; msgspec's `enc_hook`.

    Examples
    --------
    >>> read_array(np.ndarray, ["float32", [2], base64.b64encode(write_array(np.ones(2, np.float32))[2])])
    array([1., 1.], dtype=float32)
    """
    if isinstance(value, np.ndarray):
        return [value.dtype.name, value.shape, value.tobytes()]
    raise NotImplementedError(f"{type(value).__name__} is not kept")


def read_array(_: Any, kept: Any) -> NDArray[Any]:
    """Read what `write_array` wrote, from JSON, where bytes are base64; msgspec's `dec_hook`."""
    name, shape, text = kept
    return np.frombuffer(base64.b64decode(text), dtype=np.dtype(name)).reshape(shape)
