"""Tables kept in memory: the twin of `delta.py` for tests and for work that leaves nothing behind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from daytwo.tables.types import retyped


class MemoryTables:
    """Every version of every table as one frame in memory."""

    def __init__(self) -> None:
        self._versions: dict[str, list[pl.DataFrame]] = {}
        self._batches: dict[str, dict[str, int]] = {}

    def append(self, table: str, rows: pl.DataFrame, *, batch: str, retype: bool = False) -> int:
        """Append once per batch, as the port says."""
        batches = self._batches.setdefault(table, {})
        if batch in batches:
            return batches[batch]
        versions = self._versions.setdefault(table, [])
        old = versions[-1:]
        if retype and old:
            kept, rows = retyped(old[0], rows)
            old = [kept]
        versions.append(pl.concat([*old, rows], how="diagonal"))
        batches[batch] = len(versions) - 1
        return batches[batch]

    def read(
        self,
        table: str,
        *,
        columns: Sequence[str] | None = None,
        where: pl.Expr | None = None,
        version: int | None = None,
    ) -> pl.DataFrame:
        """Return the rows, as the port says."""
        versions = self._versions.get(table)
        if not versions:
            return pl.DataFrame()
        frame = versions[-1 if version is None else version].lazy()
        if where is not None:
            frame = frame.filter(where)
        if columns is not None:
            frame = frame.select(columns)
        return frame.collect()

    def schema(self, table: str) -> pl.Schema:
        """Return the columns of the newest version."""
        versions = self._versions.get(table)
        return versions[-1].schema if versions else pl.Schema()

    def version(self, table: str) -> int | None:
        """Return the newest version, or None."""
        versions = self._versions.get(table)
        return len(versions) - 1 if versions else None

    def forget(self, table: str, column: str, before: datetime) -> int:
        """Remove old rows, as the port says."""
        versions = self._versions.get(table)
        if not versions or column not in versions[-1].columns:
            return 0
        kept = versions[-1].filter((pl.col(column) >= before).fill_null(value=True))
        gone = versions[-1].height - kept.height
        if gone:
            versions.append(kept)
        return gone

    def has_batch(self, table: str, batch: str) -> bool:
        """Whether this batch is already in the table."""
        return batch in self._batches.get(table, {})
