"""The door of the room: the rows of a source, whole or in batches of bounded size, and the name of its content.

`source.py` says what a source may be called; each form has a file of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import msgspec
import polars as pl

from daytwo.core.digest import digest_bytes, digest_file
from daytwo.core.errors import DataError, DaytwoError, Fault, NotFound
from daytwo.sources import arrow, delta
from daytwo.sources.delimited import DelimitedReader
from daytwo.sources.dialect import read_written
from daytwo.sources.jsonl import JsonLinesReader
from daytwo.sources.rows import MOST_BROKEN, BrokenLine, Rows
from daytwo.sources.source import Form, Source, parse_source
from daytwo.sources.sql import sql_batches

BATCH_ROWS = 100_000
# What `:since` is before anything was taken in.
_BEGINNING = "0001-01-01 00:00:00"
_MODULO = 1 << 256


def read_rows(
    source: str | Path | Source,
    *,
    numbers: Collection[str] | None = None,
    keep_broken: bool = False,
    since: str = "",
    allow_empty: bool = False,
) -> Rows:
    """Return all rows of a source.

    `numbers` names the columns that hold numbers, where a contract says so: of a CSV file only their cells are read
    as "1.234,5" or "NA". Lines that are no rows are an error, unless `keep_broken` asks for them; so is a source
    without rows, unless `allow_empty`. `since` is what a database's query reads as `:since`.

    Raises
    ------
    NotFound
        If there is no such file or table.
    DataError
        If its form is unknown, it cannot be read, is cut off, or has no rows.
    Fault
        If disk or database cannot be read.
    """
    opened = _Reading(source, numbers=numbers, since=since)
    frame = _together(list(opened.frames(BATCH_ROWS)))
    if opened.broken and (not keep_broken or len(opened.broken) > MOST_BROKEN * (frame.height + len(opened.broken))):
        raise _too_broken(opened.source, opened.broken)
    if frame.is_empty() and not opened.broken and not allow_empty:
        raise DataError(f"{opened.source.name} has no rows", hint="Give a file with a header and rows")
    return Rows(frame, opened.texts, tuple(dict.fromkeys(opened.notes)), tuple(opened.broken))


def read_sample(source: str | Path | Source, *, most: int) -> tuple[Rows, int]:
    """Return rows that lie evenly over a source, at most `most`, and how many rows it has; all are held only if few.

    Every row is kept, or every second, every fourth, ..., in order.

    Raises
    ------
    NotFound, DataError, Fault
        As `read_rows` does.
    """
    opened = _Reading(source, numbers=None, since="")
    held: list[pl.DataFrame] = []
    step, count = 1, 0
    for frame in opened.frames(BATCH_ROWS):
        held.append(frame.gather_every(step, -count % step))
        count += frame.height
        while sum(one.height for one in held) > most:
            held, step = [_together(held).gather_every(2)], 2 * step
    if opened.broken:
        raise _too_broken(opened.source, opened.broken)
    if not count:
        raise DataError(f"{opened.source.name} has no rows", hint="Give a file with a header and rows")
    # What is left of a frame may hold on to all of it.
    return Rows(_together(held).rechunk(), opened.texts, tuple(dict.fromkeys(opened.notes))), count


def batches(
    source: str | Path | Source,
    *,
    rows: int = BATCH_ROWS,
    numbers: Collection[str] | None = None,
    since: str = "",
) -> Iterator[pl.DataFrame]:
    """Yield the rows of a source in order, at most `rows` at a time, in memory that does not grow with the source.

    Raises
    ------
    NotFound, DataError, Fault
        As `read_rows` does; a line that is no row is an error here.
    """
    opened = _Reading(source, numbers=numbers, since=since)
    for frame in _resized(opened.frames(rows), rows):
        if opened.broken:
            raise _too_broken(opened.source, opened.broken)
        yield frame
    if opened.broken:
        raise _too_broken(opened.source, opened.broken)


def content_digest(source: Source, frame: pl.DataFrame | None = None) -> str:
    """Return the name of a source's content (hex, 64 characters), so that the same content is taken in once.

    Of a file its bytes; of a Delta table its id and version; of a database the rows in `frame`, whatever their order.

    Raises
    ------
    NotFound, Fault
        If the file is gone, or cannot be read.
    """
    if source.form is Form.DELTA:
        return digest_bytes(delta.lazy(source.place, source.version)[1].encode())
    if source.form is Form.SQL:
        assert frame is not None
        return _digest_rows(frame)
    assert source.path is not None
    try:
        return digest_file(source.path)
    except FileNotFoundError as err:
        raise NotFound(f"there is no file {source.path}", hint="Check the path you gave") from err
    except OSError as err:
        raise Fault(f"cannot read {source.path}: {err.strerror or err}", hint="Check the file's permissions") from err


class _Reading:
    """One source being read. `notes`, `broken` and `texts` are complete once `frames` has ended."""

    def __init__(self, source: str | Path | Source, *, numbers: Collection[str] | None, since: str) -> None:
        self.source = source if isinstance(source, Source) else parse_source(source)
        self._numbers, self._since = numbers, since
        self.notes: list[str] = []
        self.broken: list[BrokenLine] = []
        self.texts = self.source.has_only_texts

    def frames(self, rows: int) -> Iterator[pl.DataFrame]:
        """Yield the rows; an error names the source."""
        try:
            yield from self._frames(rows)
        except DaytwoError as err:
            if self.source.name in err.message:
                raise
            raise type(err)(f"{self.source.name}: {err.message}", hint=err.hint) from err
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as err:
            raise DataError(
                f"{self.source.name} cannot be read: {str(err).splitlines()[0]}",
                hint="Is the file whole, and of the kind its name says?",
            ) from err

    def _frames(self, rows: int) -> Iterator[pl.DataFrame]:
        source = self.source
        match source.form:
            case Form.CSV:
                assert source.path is not None
                written = read_written(source.written)
                table = DelimitedReader(source.path, source.packed, written=written, numbers=self._numbers)
                self.notes, self.broken = table.notes, table.broken
                yield from table.blocks()
            case Form.JSONL:
                assert source.path is not None
                lines = JsonLinesReader(source.path, source.packed)
                self.notes, self.broken = lines.notes, lines.broken
                for frame in lines.blocks():
                    self.texts = lines.is_mixed
                    yield frame
            case Form.SQL:
                yield from sql_batches(source.place, source.query, rows=rows, since=self._since or _BEGINNING)
            case Form.DELTA:
                yield from delta.lazy(source.place, source.version)[0].collect_batches(chunk_size=rows)
            case _:
                assert source.path is not None
                yield from arrow.lazy(source.path, source.form).collect_batches(chunk_size=rows)


def _together(frames: list[pl.DataFrame]) -> pl.DataFrame:
    """Put batches under one another; a database may have given one of them other types."""
    if not frames:
        return pl.DataFrame()
    if all(frame.schema == frames[0].schema for frame in frames):
        return pl.concat(frames)
    try:
        return pl.concat(frames, how="vertical_relaxed")
    except pl.exceptions.PolarsError:
        return pl.concat([frame.select(pl.all().cast(pl.String)) for frame in frames])


def _resized(frames: Iterable[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    """Yield the same rows in frames of at most `rows`."""
    for frame in frames:
        yield from frame.iter_slices(rows)


def _digest_rows(frame: pl.DataFrame) -> str:
    """Return a digest that does not depend on the order of rows: the sum of the rows' digests, and their number."""
    total = 0
    for row in frame.iter_rows():
        text = msgspec.json.encode(row, enc_hook=str)
        total = (total + int.from_bytes(hashlib.sha256(text).digest(), "big")) % _MODULO
    return digest_bytes(msgspec.json.encode([frame.columns, frame.height, f"{total:x}"]))


def _too_broken(source: Source, broken: list[BrokenLine]) -> DataError:
    first = broken[0]
    more = f", and {len(broken) - 1:,} more lines" if len(broken) > 1 else ""
    return DataError(
        f"{source.name}: {first.words}{more}: {first.text[:80]!r}",
        hint="Mend these lines, or take them out",
    )
