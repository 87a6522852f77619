"""CSV files: every cell a text, read in blocks of bounded size, so that a file may be larger than memory.

A block goes through the frame library's reader, which is fast but silent about lines that are too short; where that
may have happened, or it finds the block malformed, Python's own csv module reads the block and names each such line.
`dialect.py` guesses how the file is written.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import polars as pl

from daytwo.core.errors import DataError
from daytwo.sources.dialect import SAMPLE_CHARACTERS, Dialect, Written, records_of, sniff
from daytwo.sources.encoding import as_utf8, guess_encoding
from daytwo.sources.marks import plain_numbers
from daytwo.sources.packed import pieces
from daytwo.sources.rows import BrokenLine

# A record longer than this is a quote that was opened and never closed.
_LONGEST_RECORD = 32 << 20
_SHOWN = 200
# The dialect is guessed from so much of a file, and its header must stand in it.
_FIRST_BYTES = 4 * SAMPLE_CHARACTERS


class DelimitedReader:
    """Reads one CSV file, block by block. `notes` and `broken` are complete once `blocks` has ended."""

    def __init__(
        self,
        path: Path,
        packed: str = "",
        *,
        dialect: Dialect | None = None,
        written: Written | None = None,
        numbers: Collection[str] | None = None,
    ) -> None:
        self._path, self._packed, self._dialect, self._numbers = path, packed, dialect, numbers
        self._written = written or Written()
        self.notes: list[str] = []
        self.broken: list[BrokenLine] = []
        self.names: tuple[str, ...] = ()
        self._line = 0

    def blocks(self) -> Iterator[pl.DataFrame]:
        """Yield the rows in order, all columns as texts, an empty cell as null.

        Raises
        ------
        DataError
            If the file is no text, has no header, or is cut off; says where.
        """
        stream = self._utf8()
        first = _gathered(stream, _FIRST_BYTES)
        dialect = self._dialect or self._sniffed(first)
        self.notes += dialect.notes
        self.names = dialect.names
        rest, stream = self._after_header(first, stream, dialect.header_lines)
        for piece in chain(stream, (None,)):
            block = rest + (piece or b"")
            frame, rest = self._block(block, dialect, is_last=piece is None)
            if len(rest) > _LONGEST_RECORD:
                raise self._never_closed(self._line + 1)
            if frame.height:
                yield plain_numbers(frame, dialect.marks, self._numbers)

    def _utf8(self) -> Iterator[bytes]:
        """Yield the content as UTF-8 with the line ends of today."""
        stream = pieces(self._path, self._packed)
        first = _gathered(stream, _FIRST_BYTES)
        codec, skip, note = self._written.encoding, 0, ""
        if not codec:
            codec, skip, note = guess_encoding(first[:_FIRST_BYTES], whole=len(first) <= _FIRST_BYTES)
        self.notes += [note] if note else []
        old = None
        for piece in as_utf8(chain((first,), stream), codec, skip, self.notes):
            if old is None and piece:
                old = b"\n" not in piece and b"\r" in piece  # the line ends of the Macintosh before 2001
            yield piece.replace(b"\r", b"\n") if old else piece

    def _sniffed(self, first: bytes) -> Dialect:
        sample = first[:_FIRST_BYTES].decode(errors="ignore")[:SAMPLE_CHARACTERS]
        return sniff(sample, whole=len(sample.encode()) >= len(first), numbers=self._numbers, written=self._written)

    def _after_header(self, first: bytes, stream: Iterator[bytes], lines: int) -> tuple[bytes, Iterator[bytes]]:
        place = 0
        for _ in range(lines):
            place = first.find(b"\n", place) + 1
            self._line += 1
            if not place:  # a header and no line end: nothing comes after it
                return b"", stream
        return first[place:], stream

    def _block(self, block: bytes, dialect: Dialect, *, is_last: bool) -> tuple[pl.DataFrame, bytes]:
        """Return the rows of the whole records in `block`, and the bytes that are left over."""
        cut = len(block) if is_last else _last_record_end(block, dialect.quote)
        if cut:
            frame = _fast(block[:cut], dialect)
            if frame is not None:
                self._line += block.count(b"\n", 0, cut)
                if is_last and not block.endswith(b"\n"):
                    self._line += 1
                return frame, block[cut:]
        return self._slow(block, dialect, is_last=is_last)

    def _slow(self, block: bytes, dialect: Dialect, *, is_last: bool) -> tuple[pl.DataFrame, bytes]:
        """Read record by record, so that each line which is none can be named."""
        lines = [line + "\n" for line in block.decode().split("\n")]
        lines[-1] = lines[-1][:-1]
        if not lines[-1]:
            lines.pop()
        reader = records_of(lines, dialect.separator, dialect.quote)
        records: list[list[str | None]] = []
        begin = 0
        while begin < len(lines):
            reason, fields = "", None
            try:
                fields = next(reader)
            except StopIteration:
                break
            except csv.Error as err:
                reason = f"cannot be read: {err}"
            at_end = reader.line_num == len(lines) and not lines[-1].endswith("\n")
            unclosed = "unexpected end" in reason
            if (at_end or unclosed) and not is_last:
                break
            if unclosed:
                raise self._never_closed(self._line + begin + 1)
            self._take(fields, reason, self._line + begin + 1, lines[begin : reader.line_num], records, dialect, at_end)
            begin = reader.line_num
        self._line += begin
        frame = pl.DataFrame(records, schema=dict.fromkeys(dialect.names, pl.String), orient="row")
        return frame, "".join(lines[begin:]).encode()

    def _take(
        self,
        fields: list[str] | None,
        reason: str,
        number: int,
        lines: list[str],
        records: list[list[str | None]],
        dialect: Dialect,
        at_end: bool,  # noqa: FBT001 (one private caller)
    ) -> None:
        width = len(dialect.names)
        if fields is not None and len(fields) == width:
            records.append([field or None for field in fields])
            return
        if fields is not None:
            if not fields or (width > 1 and not "".join(lines).strip()):
                return  # an empty line is no row
            reason = f"has {len(fields)} cells, the header {width}"
            if at_end and len(fields) < width:
                raise DataError(
                    f"the file is cut off: line {number}, its last, {reason}, and does not end",
                    hint="Copy the file anew, or take the last line out if it is whole otherwise",
                )
        self.broken.append(BrokenLine(number, "".join(lines).rstrip("\r\n")[:_SHOWN], reason))

    def _never_closed(self, line: int) -> DataError:
        return DataError(
            f"a quote that is opened in line {line} is never closed: the file is cut off, or the quote is a stray one",
            hint="Copy the file anew, or double the quote where it belongs to a text",
        )


def _gathered(stream: Iterator[bytes], least: int) -> bytes:
    """Return the next pieces as one, at least so many bytes where there are as many."""
    found = b""
    while len(found) < least and (piece := next(stream, b"")):
        found += piece
    return found


def _fast(block: bytes, dialect: Dialect) -> pl.DataFrame | None:
    """Read whole records; None where Python's csv module had better look."""
    width = len(dialect.names)
    try:
        frame = pl.read_csv(
            block,
            has_header=False,
            schema={str(place): pl.String for place in range(width)},
            separator=dialect.separator,
            quote_char=dialect.quote or None,
            glob=False,
            raise_if_empty=False,
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PolarsWarning):
        return None
    frame.columns = list(dialect.names)
    if not frame.height:
        return None if block.strip() else frame
    # The last cell is missing where it is empty, where the line is short, and where it is empty as a whole.
    is_short = frame.to_series(width - 1).null_count() and (
        width == 1 or _separators(block, dialect) != frame.height * (width - 1)
    )
    if is_short:
        return None
    if dialect.quote and 2 * dialect.quote.encode() in block:
        empty = [column for column in frame if (column == "").any()]
        frame = frame.with_columns(column.set(column == "", None) for column in empty)
    return frame


def _separators(block: bytes, dialect: Dialect) -> int:
    """Count the separators that stand outside quotes."""
    separator = dialect.separator.encode()
    if not dialect.quote or dialect.quote.encode() not in block:
        return block.count(separator)
    letters = np.frombuffer(block, np.uint8)
    inside = np.bitwise_xor.accumulate(letters == ord(dialect.quote))
    return int(((letters == ord(separator)) & ~inside).sum())


def _last_record_end(block: bytes, quote: str) -> int:
    """Return where the last whole record of `block` ends, 0 where none does: behind a line end outside quotes."""
    place = block.rfind(b"\n")
    if not quote or place < 0:
        return place + 1
    mark = quote.encode()
    quotes = block.count(mark, 0, place)
    while place >= 0 and quotes % 2:
        before = block.rfind(b"\n", 0, place)
        quotes -= block.count(mark, max(before, 0), place)
        place = before
    return place + 1
