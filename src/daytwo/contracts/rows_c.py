"""Rows of many request bodies read by `rows.c`: the same fast door as `typed.py`, without an object for each row.

The library is compiled where daytwo is installed, if there is a C compiler. It only ever says yes: what it does not
take goes to `typed.py` or, in the end, to `decoder.py`. A property test holds that it takes nothing that these two
would not, and that the features are the same to the bit. Times, patterns and row rules are judged here, from the
texts of the values that they ask for.
"""

from __future__ import annotations

import ctypes
import json
import math
import re
import struct
import weakref
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.narrow import Narrow, is_judged, taken_levels, taken_range
from daytwo.contracts.rules import RowRule, row_rules
from daytwo.contracts.times import parse_time
from daytwo.core.errors import Fault
from daytwo.core.native import load_twice
from daytwo.core.schema import Kind

LIBRARY = Path(__file__).with_name("_rows.so")
_MAGIC = 0x3173776F726F7764
_HEAD, _COLUMN, _LEVEL = struct.Struct("=6q"), struct.Struct("=2d10i"), struct.Struct("=d4i")
_ANY, _BOOLEAN, _INTEGER, _NUMBER, _LEVELS, _TEXT = range(6)
_MUST, _NULLABLE = 1, 2
# Rows for which there is always room; what may hold more gets its own.
_SCRATCH_ROWS = 256
# Reading so many bytes is done before another thread could make use of Python's lock.
_SHORT_BYTES = 1 << 16
_FLOAT32_BYTES = 4

_decode = msgspec.json.Decoder().decode
Fits = Callable[[Sequence[Any]], bool]


class ReadRows(NamedTuple):
    """What was taken of some bodies: features of all rows, float32 one row behind the other, and the asked values.

    `counts` holds the rows of each body, -1 where it was not taken, `texts` the list that each body is or holds, and
    `values` for each asked column the values of all rows, None where one is missing.
    """

    counts: Sequence[int]
    texts: Sequence[bytes]
    packed: bytes
    values: Sequence[Sequence[Any]]


# A named tuple's own maker costs three times as much, and this runs for every request.
_read_rows = partial(tuple.__new__, ReadRows)


class RowReader:
    """Reads rows that plainly keep `contract`; `asked` are the columns whose values are wanted beside the features.

    `narrow` leaves more to others than the contract asks for, by feature. For one thread.

    Raises
    ------
    Fault
        If the library is not installed, or cannot read rows of this contract.
    """

    def __init__(self, contract: Contract, asked: Sequence[str], narrow: Mapping[str, Narrow]) -> None:
        library = _library()
        late = _late_tests(contract)
        names = list(dict.fromkeys((*asked, *(name for columns, _ in late for name in columns))))
        self._late = [([names.index(name) for name in columns], fits) for columns, fits in late]
        self._shown, self._asked, self._width = len(asked), len(names), len(contract.features.features)
        plan = _plan(contract, names, narrow)
        handle = library.long.daytwo_rows_open(plan, len(plan))
        if not handle:
            raise Fault("the contract's rows cannot be read natively", hint="They are read in Python instead")
        self._reader = ctypes.c_void_p(handle)
        weakref.finalize(self, library.long.daytwo_rows_close, self._reader)
        self._short, self._long = library.short.daytwo_rows_read, library.long.daytwo_rows_read
        self._scratch = self._room(_SCRATCH_ROWS)
        # Of a request alone, which is to be fast.
        self._length, self._found = array("q", bytes(8)), array("q", bytes(24))
        self._alone = self._length.buffer_info()[0], self._found.buffer_info()[0]

    def read(self, bodies: Sequence[bytes], max_rows: int) -> ReadRows:
        """Read bodies that are each a list of rows, or `{"rows": LIST}`."""
        joined = bodies[0] if len(bodies) == 1 else b"".join(bodies)
        if not joined.isascii() and not _is_utf8(joined):
            return self.read([body if _is_utf8(body) else b"" for body in bodies], max_rows)
        count = len(bodies)
        if count == 1:
            found, (begin, into) = self._found, self._alone
            self._length[0] = len(joined)
        else:
            lengths, found = array("q", map(len, bodies)), array("q", bytes(24 * count))
            begin, into = lengths.buffer_info()[0], found.buffer_info()[0]
        room = joined.count(b"{")
        if room <= _SCRATCH_ROWS:
            features, spans, features_at, spans_at = self._scratch
        else:
            room = min(room, max_rows * count)
            features, spans, features_at, spans_at = self._room(room)
        call = self._short if len(joined) <= _SHORT_BYTES else self._long
        rows = call(self._reader, joined, begin, count, max_rows, room, features_at, spans_at, into)
        if count == 1:
            plain, at, length = found
            counts, texts = [plain], [joined[at : at + length]]
        else:
            counts = found[0::3].tolist()
            texts = [joined[at : at + length] for at, length in zip(found[1::3], found[2::3], strict=True)]
        values = [
            [_decode(joined[at : at + length]) if length else None for at, length in spans[:rows, i].tolist()]
            for i in range(self._asked)
        ]
        if self._late and not all(keep := self._keep_late(counts, values)):
            return self.read([body if good else b"" for body, good in zip(bodies, keep, strict=True)], max_rows)
        return _read_rows(
            (counts, texts, features[: rows * self._width * _FLOAT32_BYTES].tobytes(), values[: self._shown])
        )

    def _room(self, rows: int) -> tuple[memoryview, Any, int, int]:
        """Return room for the features of so many rows and for the places of what is asked, and where both lie."""
        features: Any = np.empty(max(rows * self._width, 1), dtype=np.float32)
        spans = np.empty((rows, self._asked, 2), dtype=np.int64)
        return memoryview(features).cast("B"), spans, features.ctypes.data, spans.ctypes.data

    def _keep_late(self, counts: Sequence[int], values: Sequence[Sequence[Any]]) -> list[bool]:
        """Return of each body whether its rows keep what is tested beside the types."""
        keep, end = [], 0
        for count in counts:
            begin, end = end, end + max(count, 0)
            held = [column[begin:end] for column in values]
            keep.append(
                all(fits(row) for places, fits in self._late for row in zip(*(held[i] for i in places), strict=True))
            )
        return keep


def row_reader(contract: Contract, asked: Sequence[str], narrow: Mapping[str, Narrow]) -> RowReader | None:
    """Return a reader, or None where there is no library or it cannot read rows of this contract."""
    if not LIBRARY.is_file():
        return None
    try:
        return RowReader(contract, asked, narrow)
    except (Fault, UnicodeEncodeError):
        return None


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _late_tests(contract: Contract) -> list[tuple[tuple[str, ...], Fits]]:
    """Return what is tested of values beside their type: the columns, and what takes their values of one row."""
    tests: list[tuple[tuple[str, ...], Fits]] = []
    checked = [column for column in contract.columns if is_judged(column)]
    for column in checked:
        if column.kind is Kind.TIME:
            tests.append(((column.name,), _is_moment))
        elif column.pattern is not None and not column.levels:
            tests.append(((column.name,), _fitting(column.pattern)))
    kinds = {column.name: column.kind for column in checked}
    tests += [
        (rule.columns, _holding(rule, [kinds[name] is Kind.TIME for name in rule.columns]))
        for rule in row_rules(contract, list(kinds))
    ]
    return tests


def _is_moment(values: Sequence[Any]) -> bool:
    return values[0] is None or parse_time(values[0]) is not None


def _fitting(pattern: str) -> Fits:
    fits = re.compile(pattern).fullmatch
    return lambda values: values[0] is None or fits(values[0]) is not None


def _holding(rule: RowRule, times: Sequence[bool]) -> Fits:
    def holds(values: Sequence[Any]) -> bool:
        typed: Iterable[Any]
        if None in values:
            return True
        typed = (parse_time(value) if is_time else value for value, is_time in zip(values, times, strict=True))
        return bool(
            rule.holds(
                tuple(value * 1.0 if number else value for value, number in zip(typed, rule.numeric, strict=True))
            )
        )

    return holds


def _plan(contract: Contract, asked: Sequence[str], narrow: Mapping[str, Narrow]) -> bytes:
    """Return what `rows.c` is told: its structs, in this order: head, columns, levels, texts."""
    texts, columns, levels = bytearray(), [], []
    feature = 0
    for i, column in enumerate(contract.columns):
        narrower = narrow.get(column.name, Narrow())
        is_checked = is_judged(column)
        kind = _kind_of(column) if is_checked else _ANY
        own = imputed = -1
        if is_checked and column.role is Role.FEATURE:
            own, feature = feature, feature + 1
            if column.imputed_name:
                imputed, feature = feature, feature + 1
        low, high = _limits(column, narrower) if kind in (_INTEGER, _NUMBER) else (0.0, 0.0)
        must = is_checked and (column.required or not narrower.missing)
        nullable = column.nullable and narrower.missing if is_checked else True
        known = _known(column, narrower) if kind == _LEVELS else []
        levels += [_LEVEL.pack(code, i, *_put(texts, level), 0) for level, code in known]
        lengths = [-1 if length is None else length for length in (column.min_length, column.max_length)]
        if kind != _TEXT:
            lengths = [-1, -1]
        place = asked.index(column.name) if column.name in asked else -1
        flags = _MUST * must + _NULLABLE * nullable
        where = _put(texts, column.name)
        columns.append(_COLUMN.pack(low, high, *where, kind, flags, own, imputed, place, *lengths, 0))
    head = _HEAD.pack(_MAGIC, len(columns), feature, len(asked), len(levels), len(texts))
    return head + b"".join(columns) + b"".join(levels) + texts


def _put(texts: bytearray, text: str) -> tuple[int, int]:
    encoded = text.encode()
    texts += encoded
    return len(texts) - len(encoded), len(encoded)


def _kind_of(column: Column) -> int:
    match column.kind:
        case Kind.BOOLEAN:
            return _BOOLEAN
        case Kind.INTEGER:
            return _INTEGER
        case Kind.NUMBER:
            return _NUMBER
        case Kind.CATEGORY if column.levels:
            return _LEVELS
        case _:
            return _TEXT


def _limits(column: Column, narrow: Narrow) -> tuple[float, float]:
    low, high = taken_range(column, narrow)
    return (float(math.ceil(low)), float(math.floor(high))) if column.kind is Kind.INTEGER else (low, high)


def _known(column: Column, narrow: Narrow) -> list[tuple[str, float]]:
    """Return the levels that are taken as they may be written, each with its code."""
    codes = taken_levels(column, narrow)
    # As JSON writes them, with letters beyond ASCII as they are, and as most libraries escape them.
    written = ((json.dumps(level, ensure_ascii=plain)[1:-1], level) for level in codes for plain in (False, True))
    return [(text, codes[level]) for text, level in dict(written).items()]


class _Library:
    """The shared library: `short` keeps Python's lock during a call, `long` lets other threads run."""

    def __init__(self) -> None:
        self.long, self.short = load_twice(LIBRARY)
        self.long.daytwo_rows_open.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
        self.long.daytwo_rows_open.restype = ctypes.c_void_p
        self.long.daytwo_rows_close.restype = None
        number, place = ctypes.c_int64, ctypes.c_void_p
        for call in (self.short.daytwo_rows_read, self.long.daytwo_rows_read):
            call.argtypes = [place, ctypes.c_char_p, place, number, number, number, place, place, place]
            call.restype = number


@cache
def _library() -> _Library:
    return _Library()
