"""Tables kept as Delta Lake folders by delta-rs: readable by Spark, DuckDB and Polars, written only by daytwo.

The batch id of an append travels as a Delta application transaction in the same commit as the rows, so a batch is
in whole or not at all. Of all columns only `_time` keeps its smallest and largest values in the log: a subject's
value that is erased from the rows must not survive there.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from daytwo.core.errors import Fault, NotFound
from daytwo.tables.types import changed, fitted, retyped

# An append that meets another writer's commit is simply tried again; each try re-reads the log first.
_TRIES = 20
# Every so many commits the small files are made into big ones and the log gets a checkpoint (FOUNDATIONS: ~100).
_COMPACT_EVERY = 100
# Files that no version needs any more are left for whoever began to read them so long ago.
_STILL_READ_HOURS = 24


class DeltaTables:
    """Delta tables in one folder, one subfolder a table."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Open tables, brought up to date at each use: reading a long log anew costs ten times as much.
        self._opened: dict[str, DeltaTable] = {}

    def append(self, table: str, rows: pl.DataFrame, *, batch: str, retype: bool = False) -> int:
        """Append once per batch, as the port says."""
        for attempt in range(_TRIES):
            delta = self._open(table)
            if delta is not None and delta.transaction_version(batch) is not None:
                return delta.version()
            try:
                self._commit(delta, table, rows, batch, retype=retype)
            except CommitFailedError as err:
                if attempt == _TRIES - 1:
                    raise Fault(f"table {table!r} is changed by others without pause", hint="Try again") from err
                continue
            except (DeltaError, OSError) as err:
                raise _fault(table, err) from err
            written = self._must(table)
            if written.version() and written.version() % _COMPACT_EVERY == 0:
                written.optimize.compact()
                written.create_checkpoint()
                written = self._must(table)
            return written.version()
        raise AssertionError("the loop returns or raises")

    def read(
        self,
        table: str,
        *,
        columns: Sequence[str] | None = None,
        where: pl.Expr | None = None,
        version: int | None = None,
    ) -> pl.DataFrame:
        """Return the rows, as the port says."""
        delta = self._open(table)
        if delta is None:
            return pl.DataFrame()
        if version is not None:
            try:
                delta = DeltaTable(self._folder / table, version=version)
            except DeltaError as err:
                raise NotFound(
                    f"table {table!r} has no version {version}", hint=f"The newest is {self._must(table).version()}"
                ) from err
        frame = pl.scan_delta(delta)
        if where is not None:
            frame = frame.filter(where)
        if columns is not None:
            frame = frame.select(columns)
        return frame.collect()

    def schema(self, table: str) -> pl.Schema:
        """Return the columns, as the port says."""
        delta = self._open(table)
        return pl.Schema() if delta is None else pl.scan_delta(delta).collect_schema()

    def version(self, table: str) -> int | None:
        """Return the newest version, or None."""
        delta = self._open(table)
        return None if delta is None else delta.version()

    def forget(self, table: str, column: str, before: datetime) -> int:
        """Remove old rows, as the port says; the log names the moment and no value of theirs."""
        delta = self._open(table)
        if delta is None or column not in pl.scan_delta(delta).collect_schema():
            return 0
        moment = before.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        for attempt in range(_TRIES):
            try:
                told = delta.delete(f"{column} < '{moment}'")
                delta.vacuum(_STILL_READ_HOURS, dry_run=False, enforce_retention_duration=False)
                return int(told.get("num_deleted_rows") or 0)
            except CommitFailedError as err:
                if attempt == _TRIES - 1:
                    raise Fault(f"table {table!r} is changed by others without pause", hint="Try again") from err
                delta = self._must(table)
            except (DeltaError, OSError) as err:
                raise _fault(table, err) from err
        raise AssertionError("the loop returns or raises")

    def has_batch(self, table: str, batch: str) -> bool:
        """Whether this batch is already in the table."""
        delta = self._open(table)
        return delta is not None and delta.transaction_version(batch) is not None

    def _commit(self, delta: DeltaTable | None, table: str, rows: pl.DataFrame, batch: str, *, retype: bool) -> None:
        properties = CommitProperties(app_transactions=[Transaction(batch, 1)])
        if delta is None:
            (self._folder / table).mkdir(parents=True, exist_ok=True)
            write_deltalake(
                self._folder / table,
                rows,
                mode="error",
                configuration=_statistics(rows),
                commit_properties=properties,
            )
            return
        if retype:
            known = pl.scan_delta(delta)
            rows = fitted(known.collect_schema(), rows)
            if changed(known.collect_schema(), rows):
                kept, rows = retyped(known.collect(), rows)
                whole = pl.concat([kept, rows], how="diagonal")
                write_deltalake(delta, whole, mode="overwrite", schema_mode="overwrite", commit_properties=properties)
                return
        write_deltalake(delta, rows, mode="append", schema_mode="merge", commit_properties=properties)

    def _open(self, table: str) -> DeltaTable | None:
        try:
            if table in self._opened:
                self._opened[table].update_incremental()
            else:
                self._opened[table] = DeltaTable(self._folder / table)
            return self._opened[table]
        except TableNotFoundError:
            self._opened.pop(table, None)
            return None
        except (DeltaError, OSError) as err:
            raise _fault(table, err) from err

    def _must(self, table: str) -> DeltaTable:
        delta = self._open(table)
        if delta is None:
            raise Fault(f"table {table!r} vanished while it was written", hint="Is another daytwo removing it?")
        return delta


def _statistics(rows: pl.DataFrame) -> dict[str, str | None]:
    if "_time" in rows.columns:
        return {"delta.dataSkippingStatsColumns": "_time"}
    return {"delta.dataSkippingNumIndexedCols": "0"}


def _fault(table: str, err: Exception) -> Fault:
    return Fault(
        f"table {table!r} cannot be read or written: {err}",
        hint="Check that the folder is writable and the disk has room, then run the same command again",
    )
