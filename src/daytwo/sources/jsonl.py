"""JSON Lines: one object a line. All lines are looked at before the first row is given, so that no key is lost.

What a key holds is found in a first pass: numbers, truths, texts; nested values become their JSON text, and a key that
holds values of several kinds becomes texts too, and a note says so. `packed.py` gives the bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import msgspec
import polars as pl

from daytwo.core.errors import DataError
from daytwo.sources.encoding import as_utf8, guess_encoding
from daytwo.sources.packed import pieces
from daytwo.sources.rows import BrokenLine

_LONGEST_LINE = 32 << 20
_SHOWN = 200
_SAMPLE = 1 << 20
# What a number, a truth or a nested value looks like that the frame library made a text of.
_MADE_A_TEXT = r"^(-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?|true|false|[\[{].*)$"
_LITERAL = re.compile(r"(?<![\"\w])(NaN|-?Infinity)(?![\"\w])")
_INTEGER, _NUMBER_KIND, _TRUTH, _TEXT, _NESTED = "integer", "number", "truth", "text", "nested"
_DTYPES = {_INTEGER: pl.Int64, _NUMBER_KIND: pl.Float64, _TRUTH: pl.Boolean}
_WORDS = {_INTEGER: "numbers", _NUMBER_KIND: "numbers", _TRUTH: "truths", _TEXT: "texts", _NESTED: "nested values"}
_LARGEST = 1 << 63


class JsonLinesReader:
    """Reads one file in two passes. `notes` and `broken` are complete after `kinds`, which `blocks` calls."""

    def __init__(self, path: Path, packed: str = "") -> None:
        self._path, self._packed = path, packed
        self.notes: list[str] = []
        self.broken: list[BrokenLine] = []
        self.is_mixed = False
        self._bad: set[int] = set()

    def kinds(self) -> dict[str, pl.DataType | type[pl.DataType]]:
        """Look at every line; return the columns and their types.

        Raises
        ------
        DataError
            If the last line is cut off.
        """
        found: dict[str, set[str]] = {}
        for number, block in self._numbered():
            for name, kinds in (self._fast_kinds(block) or self._slow_kinds(block, number)).items():
                found.setdefault(name, set()).update(kinds)
        return {name: self._dtype(name, kinds) for name, kinds in found.items()}

    def blocks(self) -> Iterator[pl.DataFrame]:
        """Yield the rows in order; a key that a line lacks is null.

        Raises
        ------
        DataError
            If the last line is cut off.
        """
        schema = self.kinds()
        for number, block in self._numbered():
            whole = block
            if any(number <= line < number + block.count(b"\n") + 1 for line in self._bad):
                lines = block.split(b"\n")
                whole = b"\n".join(line for place, line in enumerate(lines, number) if place not in self._bad)
            if schema and whole.strip():
                yield pl.read_ndjson(whole, schema=schema)

    def _numbered(self) -> Iterator[tuple[int, bytes]]:
        """Yield blocks of whole lines, each with the number of its first line."""
        number, rest = 1, b""
        for piece in chain(self._utf8(), (None,)):
            block = rest + (piece or b"")
            cut = len(block) if piece is None else block.rfind(b"\n") + 1
            if len(block) - cut > _LONGEST_LINE:
                raise DataError(f"line {number} is too long", hint="JSON Lines hold one object a line")
            rest = block[cut:]
            if cut:
                yield number, block[:cut]
                number += block.count(b"\n", 0, cut)

    def _utf8(self) -> Iterator[bytes]:
        stream = pieces(self._path, self._packed)
        first = next(stream, b"")
        codec, skip, note = guess_encoding(first[:_SAMPLE], whole=len(first) <= _SAMPLE)
        if note and note not in self.notes:
            self.notes.append(note)
        return as_utf8(chain((first,), stream), codec, skip, [])

    def _fast_kinds(self, block: bytes) -> dict[str, set[str]] | None:
        """Return the kinds of a block that the frame library reads; None where a look at each line is needed."""
        if not block.strip():
            return {}
        try:
            frame = pl.read_ndjson(block, infer_schema_length=None)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
            return None
        found: dict[str, set[str]] = {}
        unsure = []
        for column in frame:
            kind = _kind_of(column)
            found[column.name] = {kind} if kind else set()
            unsure += [column.name] if kind == "" else []
        return found | _looked_at(block, unsure) if unsure else found

    def _slow_kinds(self, block: bytes, number: int) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        lines = block.split(b"\n")
        for place, line in enumerate(lines):
            if not line.strip():
                continue
            try:
                row = msgspec.json.decode(line)
                reason = "" if isinstance(row, dict) else "is no JSON object"
            except msgspec.MsgspecError as err:
                row, reason = {}, _why(line, err)
            if reason:
                self._break(number + place, line, reason, is_last=place == len(lines) - 1)
                continue
            for name, value in row.items():
                kinds = found.setdefault(name, set())
                if value is not None:
                    kinds.add(_kind_of_value(value))
        return found

    def _break(self, number: int, line: bytes, reason: str, *, is_last: bool) -> None:
        if is_last:  # the last piece behind the last line end
            raise DataError(
                f"the file is cut off: line {number}, its last, {reason}, and does not end",
                hint="Copy the file anew, or take the last line out",
            )
        self._bad.add(number)
        self.broken.append(BrokenLine(number, line.decode(errors="replace").strip()[:_SHOWN], reason))

    def _dtype(self, name: str, kinds: set[str]) -> pl.DataType | type[pl.DataType]:
        if not kinds:
            return pl.String
        if kinds == {_INTEGER, _NUMBER_KIND}:
            return pl.Float64
        if len(kinds) == 1:
            (kind,) = kinds
            if kind == _NESTED:
                self.notes.append(f"{name!r} holds nested values: each is kept as its JSON text")
            return _DTYPES.get(kind, pl.String)
        told = " and ".join(dict.fromkeys(_WORDS[kind] for kind in sorted(kinds)))
        self.notes.append(f"{name!r} holds {told}: all are read as texts, as those of a CSV file are")
        self.is_mixed = True
        return pl.String


def _kind_of(column: pl.Series) -> str | None:
    """Return the kind of a column that the frame library read, None without values, "" where it may be a mixture."""
    dtype = column.dtype
    if column.null_count() == column.len():
        return None
    if dtype == pl.Boolean:
        return _TRUTH
    if dtype == pl.Int64:
        return _INTEGER
    if dtype.is_float():
        return _NUMBER_KIND
    # The library turns a number among texts into a text, so what looks like one must be looked at where it stands.
    return _TEXT if dtype == pl.String and not column.str.contains(_MADE_A_TEXT).any() else ""


def _looked_at(block: bytes, names: list[str]) -> dict[str, set[str]]:
    """Return the kinds of some columns from the lines themselves, which are known to be objects."""
    fields = [(f"f{place}", object, None) for place in range(len(names))]
    renamed = {f"f{place}": name for place, name in enumerate(names)}
    line_type = msgspec.defstruct("Line", fields, rename=renamed)
    decode = msgspec.json.Decoder(line_type).decode
    values = [msgspec.structs.astuple(decode(line)) for line in block.split(b"\n") if line.strip()]
    return {
        name: {_kind_of_value(value) for value in column if value is not None}
        for name, column in zip(names, zip(*values, strict=True), strict=True)
    }


def _kind_of_value(value: object) -> str:
    if isinstance(value, bool):
        return _TRUTH
    if isinstance(value, int):
        return _INTEGER if -_LARGEST <= value < _LARGEST else _NUMBER_KIND
    if isinstance(value, float):
        return _NUMBER_KIND
    return _TEXT if isinstance(value, str) else _NESTED


def _why(line: bytes, err: msgspec.MsgspecError) -> str:
    literal = _LITERAL.search(line.decode(errors="replace"))
    if literal:
        return f"holds {literal[1]}, which is no JSON value; write null"
    return f"is no JSON: {str(err).removeprefix('JSON is malformed: ')}"
