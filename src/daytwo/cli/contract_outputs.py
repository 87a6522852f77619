"""The files that `daytwo contract check` writes besides what it says: cells, rows, a page, JUnit XML.

What is wrong with a name is told before any work is done for it, and no folder is made that nobody asked for.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import polars as pl

from daytwo.cli.contract_stream import CELL
from daytwo.contracts.action import Action
from daytwo.contracts.reporting.export_table import require_form, table_bytes
from daytwo.contracts.validation import Validation
from daytwo.core.errors import NotFound, SettingsError
from daytwo.core.files import write_whole


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where each goes; None where it was not asked for."""

    failures: Path | None
    warnings: Path | None
    accepted: Path | None
    rejected: Path | None
    page: Path | None
    junit: Path | None

    @property
    def asked(self) -> list[Path]:
        """Those that were asked for."""
        return [path for path in (*self._tables, self.page, self.junit) if path is not None]

    @property
    def of_rows(self) -> list[Path]:
        """Those that need the rows in memory."""
        return [path for path in (self.accepted, self.rejected, self.page) if path is not None]

    @property
    def _tables(self) -> tuple[Path | None, ...]:
        return self.failures, self.warnings, self.accepted, self.rejected

    def require(self, sources: Sequence[str]) -> None:
        """Refuse what cannot be written.

        Raises
        ------
        UsageError
            If several sources would write one file.
        DataError, NotFound, SettingsError
            If a name says no form, its folder is not there, or it is a folder itself.
        """
        if len(sources) > 1 and self.asked:
            raise click.UsageError(f"{self.asked[0]} is for one file; check the files one by one.")
        for path in self._tables:
            if path is not None:
                require_form(path)
        for path in self.asked:
            require_folder(path)

    def require_streamable(self) -> None:
        """Refuse what only a check that holds the rows can write; raises a UsageError."""
        if self.of_rows:
            raise click.UsageError(f"--stream keeps no rows, so it cannot write {self.of_rows[0]}.")

    def write(self, found: Validation, *, source: str, contract_file: Path) -> None:
        """Write the tables and the page of a source whose rows were kept."""
        if self.failures is not None:
            _write_table(self.failures, _failing_cells(found))
        if self.warnings is not None:
            _write_table(self.warnings, _cells(found.warnings, Action.WARN).select(CELL))
        if self.accepted is not None:
            _write_table(self.accepted, found.accepted)
        if self.rejected is not None:
            _write_table(self.rejected, found.rejected)
        if self.page is not None:
            write_whole(self.page, found.page(source=source, contract_file=str(contract_file)).encode())


def require_folder(path: Path) -> None:
    """Refuse a file that could only be written by making a folder first: it may be a slip of the pen.

    Raises
    ------
    NotFound
        If its folder is not there.
    SettingsError
        If it is a folder itself.
    """
    if path.is_dir():
        raise SettingsError(f"{path} is a folder", hint="Name a file in it")
    if not path.absolute().parent.is_dir():
        raise NotFound(
            f"there is no folder {path.parent} to write {path.name} in",
            hint=f"Make it first: mkdir -p {shlex.quote(str(path.parent))}",
        )


def _write_table(path: Path, frame: pl.DataFrame) -> None:
    write_whole(path, table_bytes(frame, path))


def _failing_cells(found: Validation) -> pl.DataFrame:
    """Return a line for each rejected or mended cell: `row`, `column`, `rule`, `value`, `action`."""
    both = [_cells(found.failures, Action.REJECT), _cells(found.repairs, Action.REPAIR)]
    return pl.concat([cells.select(CELL) for cells in both]).sort("row", maintain_order=True)


def _cells(cells: pl.DataFrame, action: Action) -> pl.DataFrame:
    return cells.with_columns(action=pl.lit(str(action)))
