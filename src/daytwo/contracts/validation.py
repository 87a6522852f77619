"""Contracts as a library, without a project: propose one from a table, check a table against one, keep nothing on disk.

A table is a Polars or pandas frame, or anything that hands out Arrow (`foreign.py`). `daytwo.contracts` itself hands
on `propose`, `check` and `Validation`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from daytwo.contracts.batch import BatchBreach
from daytwo.contracts.contract import Contract
from daytwo.contracts.foreign import as_polars
from daytwo.contracts.proposing.propose import propose as propose_from
from daytwo.contracts.reporting.page import About, page
from daytwo.contracts.reporting.sheet import sheet
from daytwo.contracts.table.columnar import Checked
from daytwo.contracts.table.columnar import check as check_frame
from daytwo.contracts.table.report import Report, report
from daytwo.contracts.toml import read_contract

_NONE: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Validation:
    """The outcome of a contract on a table. `about` says what was checked, and when."""

    contract: Contract
    checked: Checked
    about: About

    @property
    def passed(self) -> bool:
        """Whether no row was rejected, and no promise of the table as a whole broken that rejects it."""
        return not self.checked.rejected.height and not self.checked.refusals

    @property
    def accepted(self) -> pl.DataFrame:
        """The rows that may pass, mended, in the contract's columns and types."""
        return self.checked.accepted

    @property
    def rejected(self) -> pl.DataFrame:
        """The rows that failed as they came, `_row` first: their number, from 0."""
        return self.checked.rejected

    @property
    def failures(self) -> pl.DataFrame:
        """One line for each cell that failed: `row`, `column`, `rule`, `value`, `message`."""
        return self.checked.failures

    @property
    def warnings(self) -> pl.DataFrame:
        """One line for each cell that only warns."""
        return self.checked.warnings

    @property
    def repairs(self) -> pl.DataFrame:
        """One line for each cell that was mended, with `repaired`: what stands there now."""
        return self.checked.repairs

    @property
    def batch(self) -> tuple[BatchBreach, ...]:
        """The promises that the table as a whole broke."""
        return self.checked.batch

    def report(self) -> Report:
        """Return the counts, by rule."""
        return report(self.checked)

    def page(self, *, source: str = "", contract_file: str = "contract.toml") -> str:
        """Return it as one HTML file that needs nothing else; the two names stand in the commands that it shows."""
        found = self.report()
        told = sheet(self.contract, self.checked, found, source=source, contract_file=contract_file)
        return page(self.contract, found, told, self.about)


def propose(
    frame: Any,
    *,
    name: str = "rows",
    owner: str = "",
    target: str = "",
    time: str = "",
    subject: str = "",
    key: str = "",
    exclude: Collection[str] = (),
) -> Contract:
    """Propose version 1 of a contract for rows like those of `frame`.

    Raises
    ------
    DataError
        If it is no table, is empty, or a named column is not in it.
    """
    rows = as_polars(frame)
    return propose_from(
        rows, name=name, owner=owner, target=target, time=time, subject=subject, key=key, exclude=exclude
    )


def check(
    frame: Any,
    contract: Contract | str | Path,
    *,
    labels: bool | None = None,
    tables: Mapping[str, Any] = _NONE,
    now: datetime | None = None,
    name: str = "rows",
    digest: str = "",
    parse_text: bool = False,
) -> Validation:
    """Judge every row of `frame` by `contract`, a contract or the path of its TOML file.

    The target is judged where the frame has it, unless `labels` says otherwise. `tables` are those that references
    name; freshness is judged at `now`, and without it is not. `name` and `digest` say in reports what was checked.
    With `parse_text` texts are read as numbers first, for rows of a source that knows only texts.

    Raises
    ------
    DataError
        If `frame` is no table, or lacks a column that the contract requires.
    NotFound, SettingsError
        If the contract's file is not there, or is none.

    Examples
    --------
    >>> from daytwo.contracts.column import Column
    >>> from daytwo.core.schema import Kind
    >>> trips = Contract("trips", 1, "ana", (Column("km", Kind.NUMBER, minimum=0.0),))
    >>> check(pl.DataFrame({"km": [1.0, -1.0]}), trips).failures["row"].to_list()
    [1]
    """
    rows = as_polars(frame)
    kept = contract if isinstance(contract, Contract) else read_contract(Path(contract))
    target = kept.target
    checked = check_frame(
        kept,
        rows,
        labels=(target is not None and target.name in rows.columns) if labels is None else labels,
        parse_text=parse_text,
        others={table: as_polars(held) for table, held in tables.items()},
        now=now,
    )
    return Validation(kept, checked, About(name, digest, now))
