"""Rows of keys that are too many for memory, put aside: in order, or in parts that hold all rows of a key.

Small amounts stay in memory; larger ones go to files of a temporary folder. `steps.py` reads them back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import polars as pl

# Pieces of a part, in order: frames in memory, or files.
Part = Sequence[pl.DataFrame | Path]
Merge = Callable[[pl.DataFrame], pl.DataFrame]

_PARTS = 64
# So much is held in memory before it is written.
_MOST_BYTES = 16 << 20


class Log:
    """Frames put aside in the order of adding; all have the same columns."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._held: list[pl.DataFrame] = []
        self._bytes = 0
        self._written = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Put a frame aside."""
        self._held.append(frame)
        self._bytes += int(frame.estimated_size())
        if self._bytes > _MOST_BYTES:
            pl.concat(self._held).write_ipc(self._file(self._written))
            self._held, self._bytes, self._written = [], 0, self._written + 1

    def pieces(self) -> Iterator[pl.DataFrame]:
        """Yield all rows in order."""
        for number in range(self._written):
            yield read_part(self._file(number))
        yield from self._held

    def _file(self, number: int) -> Path:
        return self._folder / f"{self._name}-{number}.arrow"


class Spill:
    """Frames put aside by the hash of the columns `by`, to be read back part by part, each in the order of adding.

    `merge` makes one of two rows with the same key, where that is possible: where keys are few, nothing is written.
    """

    def __init__(self, folder: Path, name: str, by: Sequence[str], merge: Merge | None = None) -> None:
        self._folder, self._name, self._by, self._merge = folder, name, list(by), merge
        self._held: list[pl.DataFrame] = []
        self._bytes = 0
        self._written = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Put a frame aside; all have the same columns."""
        self._held.append(frame)
        self._bytes += int(frame.estimated_size())
        if self._bytes > _MOST_BYTES and not self._is_merged():
            self._write()

    def parts(self) -> Iterator[Part]:
        """Yield each part, as frames in memory or files."""
        if not self._written:
            if self._held:
                yield [pl.concat(self._held)]
            return
        self._write()
        for part in range(_PARTS):
            files = (self._file(part, number) for number in range(self._written))
            if pieces := [file for file in files if file.exists()]:
                yield pieces

    def _is_merged(self) -> bool:
        """Merge what is held, and say whether that made it much less."""
        if self._merge is None:
            return False
        self._held = [self._merge(pl.concat(self._held))]
        self._bytes = int(self._held[0].estimated_size())
        return 2 * self._bytes < _MOST_BYTES

    def _write(self) -> None:
        if not self._held:
            return
        key = pl.struct(self._by) if len(self._by) > 1 else pl.col(self._by[0])
        frame = pl.concat(self._held).with_columns((key.hash(0) % _PARTS).cast(pl.UInt8).alias("part"))
        for (part,), rows in frame.partition_by("part", include_key=False, as_dict=True).items():
            rows.write_ipc(self._file(int(part), self._written), compression="lz4")
        self._held, self._bytes, self._written = [], 0, self._written + 1

    def _file(self, part: int, number: int) -> Path:
        return self._folder / f"{self._name}-{part}-{number}.arrow"


def read_part(part: pl.DataFrame | Path) -> pl.DataFrame:
    """Return a piece of a part as a frame."""
    return part if isinstance(part, pl.DataFrame) else pl.read_ipc(part)
