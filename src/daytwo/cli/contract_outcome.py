"""One source of `daytwo contract check`, judged: with its rows in memory, or batch by batch where it is large.

`contract_check.py` tells the outcome, `contract_stream.py` streams.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import click
import polars as pl

from daytwo.cli.contract_outputs import Outputs
from daytwo.cli.contract_stream import check_stream
from daytwo.cli.personal import hiding
from daytwo.contracts.action import Action
from daytwo.contracts.contract import Contract
from daytwo.contracts.reporting.page import About
from daytwo.contracts.table.plan import LostColumns
from daytwo.contracts.table.report import BrokenRule, Report
from daytwo.contracts.validation import Validation, check
from daytwo.core.errors import DataError
from daytwo.sources.files import batches, content_digest, read_rows
from daytwo.sources.personal import hidden_rows
from daytwo.sources.rows import BrokenLine, Rows
from daytwo.sources.source import Form, Source, parse_source

# Read whole, a file takes up to ten times its size, and a packed one ten times that again. Above these sizes it is
# judged batch by batch, whose memory does not grow: 256 MiB of Parquet or CSV, and 32 MiB packed.
BIG_BYTES = 256 << 20
BIG_PACKED_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """One source, checked. `source` is what to type again, without secrets; a stream keeps no rows.

    `hint` is the next step where no row could be judged.
    """

    source: str
    contract: Contract
    about: About
    found: Report
    rows: Rows | None = None
    validation: Validation | None = None
    hint: str = ""

    @property
    def broken(self) -> tuple[BrokenLine, ...]:
        """The lines that are no rows."""
        return () if self.rows is None else self.rows.broken

    @property
    def batch(self) -> tuple[BrokenRule, ...]:
        """The promises that the batch as a whole broke."""
        return tuple(one for one in self.found.rules if not one.rows)

    @property
    def passed(self) -> bool:
        """Whether nothing was rejected: no row, no line, not the batch."""
        refused = any(one.action is Action.REJECT for one in self.batch)
        return not (self.found.rejected or refused or self.broken)


def judged(
    source: str,
    contract: Contract,
    others: Mapping[str, pl.DataFrame],
    at: datetime,
    outputs: Outputs,
    *,
    stream: bool,
) -> Outcome:
    """Check one source; a large file is streamed unless a file of its rows was asked for.

    Raises
    ------
    NotFound, DataError, Fault
        If it cannot be read; the message names the source.
    """
    opened = parse_source(source)
    shown = opened.name if opened.form is Form.SQL else source
    # What is personal is hidden in a file that is held; a stream goes past that.
    streamed = (stream or (is_big(opened) and not outputs.of_rows)) and hiding() is None
    if streamed and not stream:
        click.echo(f"{opened.name} is large: judged batch by batch, as --stream does.", err=True)
    try:
        if streamed:
            return _streamed(opened, shown, contract, others, at, outputs)
        return _held(opened, shown, contract, others, at)
    except DataError as err:
        if opened.name in err.message:
            raise
        raise DataError(f"{opened.name}: {err.message}", hint=err.hint) from err


def is_big(opened: Source) -> bool:
    """Whether a file is too large to be held without being asked for."""
    if opened.path is None or not opened.is_file:
        return False
    return opened.path.stat().st_size > (BIG_PACKED_BYTES if opened.packed else BIG_BYTES)


def _held(opened: Source, shown: str, contract: Contract, others: Mapping[str, pl.DataFrame], at: datetime) -> Outcome:
    numbers = [column.name for column in contract.columns if column.is_numeric]
    rows = hidden_rows(read_rows(opened, numbers=numbers, keep_broken=True), hiding())
    about = About(opened.name, content_digest(opened, rows.frame), at)
    try:
        validation = check(
            rows.frame, contract, tables=others, now=at, name=about.name, digest=about.digest, parse_text=rows.texts
        )
    except LostColumns as err:
        return Outcome(shown, contract, about, _all_lost(err, contract, rows.frame.height), rows, hint=err.hint)
    return Outcome(shown, contract, validation.about, validation.report(), rows, validation)


def _streamed(
    opened: Source,
    shown: str,
    contract: Contract,
    others: Mapping[str, pl.DataFrame],
    at: datetime,
    outputs: Outputs,
) -> Outcome:
    hint = ""
    try:
        found = check_stream(
            opened, contract, others=others, now=at, failures=outputs.failures, warnings=outputs.warnings
        )
    except LostColumns as err:
        found, hint = _all_lost(err, contract, sum(batch.height for batch in batches(opened))), err.hint
    digest = content_digest(opened) if opened.is_file else ""
    return Outcome(shown, contract, About(opened.name, digest, at), found, hint=hint)


def _all_lost(err: LostColumns, contract: Contract, rows: int) -> Report:
    """Return the verdict on rows that lack columns: none passes, and the batch as a whole broke a promise a column."""
    words = {name: LostColumns([name], contract.name).message for name in err.columns}
    lost = [BrokenRule("missing_field", name, Action.REJECT, 0, (), message) for name, message in words.items()]
    return Report(rows, 0, 0, rows, tuple(lost), ())
