"""`daytwo contract check --stream`: a source larger than memory, batch by batch, its cells written as they come.

Lines are put aside in a temporary folder and joined into each file at the end, so that a file is there whole or not
at all. Those of promises between rows come after all others.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from daytwo.contracts.action import Action
from daytwo.contracts.contract import Contract
from daytwo.contracts.reporting.export_table import without_formulas
from daytwo.contracts.table.counting import Sink
from daytwo.contracts.table.parquet import check_file
from daytwo.contracts.table.report import Report
from daytwo.contracts.table.stream import check_batches
from daytwo.core.errors import DataError, Fault
from daytwo.core.files import sync_folder
from daytwo.sources.files import batches
from daytwo.sources.source import Form, Source

CELL = ("row", "column", "rule", "value", "action")
# A block of a text file, which is bounded in bytes, has fewer rows than this where it has a few columns.
_BATCH_ROWS = 250_000
_EMPTY = pl.Schema({"row": pl.Int64, "column": pl.String, "rule": pl.String, "value": pl.String, "action": pl.String})


def check_stream(
    source: Source,
    contract: Contract,
    *,
    others: Mapping[str, pl.DataFrame],
    now: datetime,
    failures: Path | None,
    warnings: Path | None,
) -> Report:
    """Check a source in batches, and write its cells: rejected and mended ones to `failures`, others to `warnings`.

    Raises
    ------
    DataError
        If it has no rows, or lacks a column that the contract requires.
    """
    with TemporaryDirectory(prefix=".daytwo-", dir=_room_of(failures or warnings)) as aside:
        failing = _Aside(Path(aside) / "failing", (Action.REJECT, Action.REPAIR), failures)
        warned = _Aside(Path(aside) / "warned", (Action.WARN,), warnings)

        def sink(lines: pl.DataFrame) -> None:
            for part in (failing, warned):
                part.take(lines)

        found = _judged(source, contract, others, now, sink)
        for part in (failing, warned):
            part.join()
    return found


def _judged(
    source: Source, contract: Contract, others: Mapping[str, pl.DataFrame], now: datetime, sink: Sink
) -> Report:
    """Judge a Parquet file by its dictionaries and statistics, and anything else batch by batch."""
    is_parquet = source.form is Form.PARQUET and source.path is not None
    numbers = [column.name for column in contract.columns if column.is_numeric]
    frames = batches(source, rows=1 if is_parquet else _BATCH_ROWS, numbers=numbers)
    first = next(frames, None)
    if first is None:
        raise DataError(f"{source.name} has no rows", hint="Give a file with rows")
    labels = contract.target is not None and contract.target.name in first.columns
    if is_parquet and source.path is not None:
        try:
            return check_file(contract, source.path, labels=labels, others=others, now=now, sink=sink)
        except pl.exceptions.PolarsError as err:
            raise DataError(f"{source.name} cannot be read: {err}", hint="Is the file whole? Copy it anew") from err
    return check_batches(
        contract,
        itertools.chain([first], frames),
        labels=labels,
        parse_text=source.has_only_texts,
        others=others,
        now=now,
        sink=sink,
    )


def _room_of(path: Path | None) -> Path | None:
    return None if path is None else path.resolve().parent


class _Aside:
    """Lines of some actions, put aside in parts on their way to one file; without a file nothing is kept."""

    def __init__(self, folder: Path, actions: Collection[Action], path: Path | None) -> None:
        self._folder, self._actions, self._path = folder, [str(action) for action in actions], path
        self._parts: list[Path] = []
        folder.mkdir()

    def take(self, lines: pl.DataFrame) -> None:
        """Put the lines that belong here aside."""
        kept = lines.filter(pl.col("action").is_in(self._actions)).select(CELL) if self._path is not None else None
        if kept is None or not kept.height:
            return
        if self._path is not None and self._path.suffix.lower() == ".csv":
            kept = without_formulas(kept)
        part = self._folder / f"{len(self._parts):09}.arrow"
        kept.write_ipc(part)
        self._parts.append(part)

    def join(self) -> None:
        """Join the parts into the file, and move it to its place."""
        if self._path is None:
            return
        lines = pl.scan_ipc(self._parts) if self._parts else pl.LazyFrame(schema=_EMPTY)
        whole = self._folder / "whole"
        try:
            match self._path.suffix.lower():
                case ".csv":
                    lines.sink_csv(whole)
                case ".parquet":
                    lines.sink_parquet(whole)
                case _:
                    lines.sink_ndjson(whole)
            with whole.open("rb") as stream:
                os.fsync(stream.fileno())
            whole.replace(self._path)
            sync_folder(self._path.resolve().parent)
        except (OSError, pl.exceptions.PolarsError) as err:
            raise Fault(f"cannot write {self._path}: {err}", hint="Free some disk space, then run it again") from err
