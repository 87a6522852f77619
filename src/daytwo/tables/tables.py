"""What a versioned table store does for the rest of the house.

A table grows by batches; each batch has an id and is appended exactly once however often it is tried, so whoever
was killed in the middle simply tries again. `delta.py` keeps tables in Delta Lake, `memory.py` is the twin for tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import polars as pl


class Tables(Protocol):
    """Named tables of rows, each with versions counted from 0."""

    def append(self, table: str, rows: pl.DataFrame, *, batch: str, retype: bool = False) -> int:
        """Append `rows` unless this `batch` is already in; return the table's version that holds it.

        The first append creates the table; a column that is new to the table is added, with nulls before. With
        `retype` a column may come in another type than it has in the table: whole numbers become the table's
        numbers; else the table's older values take the new type in the same commit, null where they cannot.
        """
        ...

    def read(
        self,
        table: str,
        *,
        columns: Sequence[str] | None = None,
        where: pl.Expr | None = None,
        version: int | None = None,
    ) -> pl.DataFrame:
        """Return the rows (all, or where `where` holds) as of `version` (default: the newest).

        A table that does not exist yet reads as an empty frame with no columns.
        """
        ...

    def schema(self, table: str) -> pl.Schema:
        """Return the columns of the newest version with their types; empty where there is no such table."""
        ...

    def version(self, table: str) -> int | None:
        """Return the newest version, or None where there is no such table."""
        ...

    def forget(self, table: str, column: str, before: datetime) -> int:
        """Remove the rows whose moment in `column` lies before `before`, for good; return how many those were.

        Batches stay known, so none of them comes in again. Older versions of the table end with it: their files are
        removed too, those of the last day excepted, which somebody may be reading. The same again does nothing.
        """
        ...

    def has_batch(self, table: str, batch: str) -> bool:
        """Whether this batch is already in the table."""
        ...
