"""The bytes of a text file in pieces, unpacked where it is packed (.gz, .zst). Nothing here knows what they mean."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from daytwo.core.errors import DataError, Fault

# Large enough that all cores have work on a piece, small enough that a few of them are nothing to a small machine.
PIECE_BYTES = 8 << 20
_LINES = 100_000


def pieces(path: Path, packed: str, *, size: int = PIECE_BYTES) -> Iterator[bytes]:
    """Yield the unpacked content, piece by piece.

    Raises
    ------
    DataError
        If the packing is damaged or ends too early.
    Fault
        If the file cannot be read.
    """
    try:
        if packed == ".zst":
            yield from _zstd(path)
            return
        with gzip.open(path) if packed == ".gz" else path.open("rb") as stream:
            while piece := stream.read(size):
                yield piece
    except (EOFError, gzip.BadGzipFile, zlib.error, pl.exceptions.PolarsError) as err:
        raise DataError(
            f"{path} cannot be unpacked: {str(err).splitlines()[0]}", hint="Is the file whole? Copy it anew"
        ) from err
    except OSError as err:
        raise Fault(f"cannot read {path}: {err.strerror or err}", hint="Check the file's permissions") from err


def _zstd(path: Path) -> Iterator[bytes]:
    """Yield the lines of a zstd file: the frame library unpacks it, as the standard library of Python 3.11 cannot."""
    for lines in pl.scan_lines(path, glob=False).collect_batches(chunk_size=_LINES):
        texts = lines.get_column("line").drop_nulls()
        if texts.len():
            yield ("\n".join(texts.to_list()) + "\n").encode()
