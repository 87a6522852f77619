"""Universal Binary JSON, as XGBoost writes models: read strictly, so that no library meets a damaged file.

Pure. `xgboost_model.py` says what the values mean.
"""

from __future__ import annotations

import struct
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from daytwo.core.errors import DataError

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | NDArray[np.generic] | None"

# Markers of numbers, as struct and numpy name them; all are big-endian.
_NUMBERS = {b"i": ">i1", b"U": ">u1", b"I": ">i2", b"l": ">i4", b"L": ">i8", b"d": ">f4", b"D": ">f8"}
_PACKED = {
    mark: struct.Struct(code) for mark, code in zip(_NUMBERS, (">b", ">B", ">h", ">i", ">q", ">f", ">d"), strict=True)
}
_CONSTANTS = {b"Z": None, b"T": True, b"F": False}
# XGBoost's models nest eight deep.
_DEEPEST = 32


def read_ubjson(content: bytes) -> Value:
    r"""Return the value in `content`; an array of numbers of one type comes as a numpy array.

    Raises
    ------
    DataError
        If the content is no Universal Binary JSON, is cut short, goes on after its end or nests too deep.

    Examples
    --------
    >>> read_ubjson(b"{U\x01aSU\x02hi}")
    {'a': 'hi'}
    """
    reader = _Reader(content)
    try:
        value = reader.value(reader.take(1), _DEEPEST)
    except (KeyError, UnicodeDecodeError) as err:
        raise _damaged(f"{err!r}") from err
    if reader.place != len(content):
        raise _damaged(f"{len(content) - reader.place} bytes follow its end")
    return value


class _Reader:
    """A place in the content that only moves on."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.place = 0

    def take(self, count: int) -> bytes:
        end = self.place + count
        if count < 0 or end > len(self._content):
            raise _damaged(f"it ends before byte {end}")
        taken = self._content[self.place : end]
        self.place = end
        return taken

    def value(self, mark: bytes, deeper: int) -> Value:
        if deeper == 0:
            raise _damaged(f"it nests deeper than {_DEEPEST}")
        if mark == b"S":
            return self._text()
        if mark == b"{":
            return self._object(deeper - 1)
        if mark == b"[":
            return self._array(deeper - 1)
        if mark in _CONSTANTS:
            return _CONSTANTS[mark]
        packed = _PACKED[mark]
        number: int | float = packed.unpack(self.take(packed.size))[0]
        return number

    def _size(self) -> int:
        size = self.value(self.take(1), 1)
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise _damaged(f"{size!r} is no size")
        return size

    def _text(self) -> str:
        return self.take(self._size()).decode()

    def _object(self, deeper: int) -> dict[str, Value]:
        found: dict[str, Value] = {}
        while self._content[self.place : self.place + 1] != b"}":
            name = self._text()
            if name in found:
                raise _damaged(f"it holds {name!r} twice")
            found[name] = self.value(self.take(1), deeper)
        self.take(1)
        return found

    def _array(self, deeper: int) -> Value:
        mark = self.take(1)
        if mark == b"$":
            dtype = np.dtype(_NUMBERS[self.take(1)])
            if self.take(1) != b"#":
                raise _damaged("a typed array has no length")
            numbers = np.frombuffer(self.take(self._size() * dtype.itemsize), dtype=dtype)
            return numbers.astype(dtype.newbyteorder("="))
        if mark == b"#":
            return [self.value(self.take(1), deeper) for _ in range(self._size())]
        items: list[Value] = []
        while mark != b"]":
            items.append(self.value(mark, deeper))
            mark = self.take(1)
        return items


def _damaged(why: str) -> DataError:
    return DataError(
        f"the model is no Universal Binary JSON: {why}", hint="Restore the file, or save it again as model.ubj"
    )
