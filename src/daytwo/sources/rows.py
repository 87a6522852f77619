"""What a source gives: its rows, what was assumed to read them, and lines that are no rows. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

# Above this share of broken lines a file is refused: it was not read as it is meant, or it is no such file.
MOST_BROKEN = 0.1


@dataclass(frozen=True, slots=True)
class BrokenLine:
    """A line that is no row: its number (from 1), its text, cut to a length safe to store, and what is wrong."""

    number: int
    text: str
    reason: str

    @property
    def words(self) -> str:
        """Say it in a line."""
        return f"line {self.number} {self.reason}"


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one source.

    `texts` says that the source knows only texts, as CSV does, so that whoever checks the rows must parse. `notes`
    are what was assumed and what is odd, each a line of plain words. `broken` are lines that are no rows; they are
    only kept where they were asked for.
    """

    frame: pl.DataFrame
    texts: bool = False
    notes: tuple[str, ...] = ()
    broken: tuple[BrokenLine, ...] = ()
