"""The datatypes of the Open Inference Protocol: bytes of a tensor as Python values, and back. Pure.

Numbers are little-endian; a text is its length in 4 bytes and its UTF-8. NaN is a missing number. An infinity, which
JSON cannot say, becomes the text that names it, so that the contract refuses it by name. A number of 16 or 32 bits
stands for the decimal of up to 7 digits that rounds to it: 0.1 sent as FP32 is the 0.1 of the contract's range.
`tensors.py` next door holds the requests.

Source: Open Inference Protocol 2 (KServe), and Triton's binary tensor data extension.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daytwo.serving.transport.messages import HttpError

_FORMS: Mapping[str, str] = {
    "BOOL": "?",
    "UINT8": "<u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "INT8": "<i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "FP16": "<f2",
    "BF16": "<u2",
    "FP32": "<f4",
    "FP64": "<f8",
}
_BYTES = "BYTES"
DATATYPES = (*_FORMS, _BYTES)
_FLOATS = ("FP16", "FP32", "FP64")
_LENGTH_BYTES = 4
_INFINITE = {math.inf: "Infinity", -math.inf: "-Infinity"}
# Every decimal of 6 digits survives FP32, and so do most of 7.
_DIGITS = (6, 7)
# From here on arrays are cheaper.
_BLOCK = 40
_FLOAT32 = struct.Struct("<f")
_FLOAT32_MAX = float(np.finfo(np.float32).max)
# Powers of ten beyond this are no exact float64.
_EXACT_POWER = 22


@dataclass(frozen=True, slots=True)
class Output:
    """One output tensor of shape [n]: `values` are numbers, truths or texts, None where missing."""

    name: str
    datatype: str
    values: Sequence[object]


def from_binary(name: str, datatype: str, content: memoryview) -> list[object]:
    """Return the values in the bytes of the input `name`.

    Raises
    ------
    HttpError
        400 where they are no whole number of values, or a text is not UTF-8.
    """
    if datatype == _BYTES:
        return _texts(name, content)
    form = np.dtype(_FORMS[datatype])
    if len(content) % form.itemsize:
        raise _refused(f"the input {name!r:.80} is no whole number of {datatype}", "Correct binary_data_size")
    held = np.frombuffer(content, dtype=form)
    if datatype == "BF16":
        held = (held.astype("<u4") << 16).view("<f4")
    if datatype in {"FP16", "BF16", "FP32"}:
        return list(_decimals(held))
    values: list[object] = held.tolist()
    return values


def sayable(values: Iterable[object]) -> list[object]:
    """Return the values as JSON can say them: None for NaN, and a text for an infinity, which is then no number.

    Examples
    --------
    >>> sayable([1.5, math.nan, -math.inf, "oslo"])
    [1.5, None, '-Infinity', 'oslo']
    """
    return [value if not isinstance(value, float) or math.isfinite(value) else _INFINITE.get(value) for value in values]


def to_binary(output: Output) -> bytes:
    """Return a tensor's values as bytes: NaN, 0, false or an empty text where one is missing."""
    if output.datatype == _BYTES:
        encoded = [("" if value is None else str(value)).encode() for value in output.values]
        return b"".join(len(text).to_bytes(_LENGTH_BYTES, "little") + text for text in encoded)
    missing = math.nan if output.datatype in _FLOATS else 0
    values = [missing if value is None else value for value in output.values]
    return np.array(values, dtype=_FORMS[output.datatype]).tobytes()


def _decimals(held: NDArray[np.floating]) -> list[float]:
    """Return each number as the decimal of up to 7 digits that rounds to it, or as it is where there is none."""
    wide = held.astype(np.float64)
    if len(wide) < _BLOCK:
        return [_decimal(value) for value in wide.tolist()]
    found = wide
    with np.errstate(all="ignore"):
        size = np.floor(np.log10(np.abs(wide)))
        for digits in reversed(_DIGITS):
            power = np.nan_to_num(digits - 1 - size, nan=0.0, posinf=0.0, neginf=0.0)
            up, down = 10.0 ** np.maximum(power, 0), 10.0 ** np.maximum(-power, 0)
            # Both sides of each are exact whole numbers, so the decimal is the nearest float64.
            short = np.where(power >= 0, np.rint(wide * up) / up, np.rint(wide / down) * down)
            same = (np.abs(power) <= _EXACT_POWER) & (short.astype(np.float32) == wide.astype(np.float32))
            found = np.where(same, short, found)
    return found.tolist()  # type: ignore[no-any-return]


def _decimal(value: float) -> float:
    for digits in _DIGITS:
        short = float(f"{value:.{digits}g}")
        if abs(short) <= _FLOAT32_MAX and _FLOAT32.unpack(_FLOAT32.pack(short))[0] == value:
            return short
    return value


def _texts(name: str, content: memoryview) -> list[object]:
    texts: list[object] = []
    at = 0
    while at < len(content):
        begin = at + _LENGTH_BYTES
        at = begin + int.from_bytes(content[at:begin], "little")
        if at > len(content):
            raise _refused(f"a text of the input {name!r:.80} ends beyond it", "Correct its length")
        try:
            texts.append(str(content[begin:at], "utf-8"))
        except UnicodeDecodeError as err:
            raise _refused(f"a text of the input {name!r:.80} is not UTF-8", "Send UTF-8") from err
    return texts


def _refused(message: str, hint: str) -> HttpError:
    return HttpError(400, "inference", message, hint=hint)
