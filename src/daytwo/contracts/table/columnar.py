"""A table through its contract: which rows may pass, and every failing cell by row, column and rule.

The other compilation of the same contract is `decoder.py`; the meaning of each rule stands in `contract.py`. One
fused mask finds the rows to look at (`suspects.py`), and only those are judged rule by rule (`cells.py`). Promises
between rows are judged after that (`across.py`), those of the table as a whole beside it (`whole.py`).
`stream.py` judges what is larger than memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import polars as pl

from daytwo.contracts.action import Action
from daytwo.contracts.batch import BatchBreach
from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.table.across import Others, across, rejected_rows
from daytwo.contracts.table.cells import Named, name_cells
from daytwo.contracts.table.lines import ROW
from daytwo.contracts.table.plan import Plan, plan
from daytwo.contracts.table.texts import Texts, read_texts
from daytwo.contracts.table.typed import dtype_of, reading
from daytwo.contracts.table.whole import Tally, breaches, tally
from daytwo.core.errors import DataError

__all__ = ["ROW", "Checked", "check"]

_CELL = ("row", "column", "rule", "value", "message")
_NONE: Mapping[str, pl.DataFrame] = {}


@dataclass(frozen=True, slots=True)
class Checked:
    """A table's verdict.

    `accepted` holds the rows that may pass, mended, with all of the contract's columns in its order and types; an
    ignored value of another type is null there, and after a feature with a default stands whether it was imputed.
    `failures` has one line for each failing cell: `row` (0-based, in the table that was checked), `column`, `rule`,
    `value`, `message`; `warnings` the same for cells that only warn, and `repairs` for cells that were mended, with
    `repaired`, the new value as a text. `rejected` holds the original rows that failed, `_row` first. `unknown` names
    the table's columns that the contract does not know. `batch` are the promises that the table as a whole broke.
    """

    accepted: pl.DataFrame
    failures: pl.DataFrame
    warnings: pl.DataFrame
    rejected: pl.DataFrame
    unknown: tuple[str, ...]
    repairs: pl.DataFrame
    batch: tuple[BatchBreach, ...] = ()

    @property
    def refusals(self) -> tuple[BatchBreach, ...]:
        """The broken promises for which the table is refused as a whole."""
        return tuple(one for one in self.batch if one.action is Action.REJECT)


def check(
    contract: Contract,
    frame: pl.DataFrame,
    *,
    labels: bool = True,
    parse_text: bool = False,
    others: Mapping[str, pl.DataFrame] = _NONE,
    seen: Mapping[str, pl.DataFrame] = _NONE,
    now: datetime | None = None,
) -> Checked:
    """Judge every row of `frame`.

    With `labels` the target must be there and hold (rows to learn from); without, it is not looked at (rows to
    predict), as at the server. With `parse_text` texts are read as numbers and booleans first, for sources that
    know only texts, such as CSV; otherwise a text is never a number. `others` are the tables that references name,
    `seen`, by the name of a unique promise, the keys of rows taken in earlier. Freshness is judged at `now`; without
    it, it is not.

    Raises
    ------
    DataError
        If a required column is not in the table, or a table that a reference names is not given; the message names
        it and the next step.
    """
    refuse_own_names(frame.columns)
    held = plan(contract, frame.schema, labels=labels, parse_text=parse_text)
    judged = judge_rows(held, frame, None)
    own, typed = judged.lines, judged.typed
    between = across(contract, held.relations, typed, own, Others(others, seen))
    lines = pl.concat([own, between]).sort("row", maintain_order=True)
    bad = _no(frame.height).scatter(rejected_rows(lines), True)
    return Checked(
        accepted=typed.filter(~bad) if bad.any() else typed,
        failures=lines.filter(pl.col("action") == "reject").select(_CELL),
        warnings=lines.filter(pl.col("action") == "warn").select(_CELL),
        rejected=frame.with_row_index(ROW).cast({ROW: pl.Int64}).filter(bad),
        unknown=held.unknown,
        repairs=lines.filter(pl.col("action") == "repair").select(*_CELL, "repaired"),
        batch=breaches(contract, judged.tally(), now),
    )


@dataclass(frozen=True, slots=True)
class Judged:
    """Rows, each judged by itself.

    `texts` are the judged columns with their texts read, `lines` those of all broken rules, `typed` all rows in the
    contract's types, mended.
    """

    texts: Texts
    lines: pl.DataFrame
    typed: pl.DataFrame

    def tally(self) -> Tally:
        """Count what the promises of the table as a whole need; a text that could not be read is not missing."""
        counts = tally(self.texts.plan, self.texts.frame.lazy())
        unread = self.texts.unread
        return replace(counts, missing={name: many - unread.get(name, 0) for name, many in counts.missing.items()})


def judge_rows(held: Plan, frame: pl.DataFrame, wanted: frozenset[str] | None) -> Judged:
    """Judge each row by itself; of the rows in the contract's types only `wanted` columns where they are named."""
    texts = read_texts(held, held.judged(frame))
    suspicious = texts.frame.lazy().select(ROW, suspicious=texts.plan.suspicious()).collect().get_column("suspicious")
    found = texts.frame.filter(suspicious if texts.odd is None else suspicious | texts.odd)
    named = name_cells(texts.cells, found)
    return Judged(texts, named.lines, _typed_rows(texts, frame, named, found.get_column(ROW), wanted))


def refuse_own_names(columns: list[str]) -> None:
    """Refuse a table that has a column of daytwo's own.

    Raises
    ------
    DataError
        If it has.
    """
    if ROW in columns:
        raise DataError(f"the data has a column {ROW!r}, a name of daytwo's own", hint="Rename the column")


def _typed_rows(
    texts: Texts, frame: pl.DataFrame, named: Named, places: pl.Series, wanted: frozenset[str] | None
) -> pl.DataFrame:
    """Return all rows in the contract's columns and types, mended, so that every batch fits the same table."""
    held = texts.plan
    positions = {column.name: position for position, column in enumerate(held.columns)}
    series: list[pl.Series] = []
    for column in held.contract.columns:
        if wanted is not None and column.name not in wanted:
            continue
        made = named.remade.get(column.name)
        if column.name in positions:
            i = positions[column.name]
            values = _read(column, texts.frame.get_column(held.cells[i]), parse_text=held.parse_text)
            series.append((values if made is None else _put(values, places, made.usable)).alias(column.name))
        elif not column.is_checked and column.name in frame.columns:
            values = _read(column, frame.get_column(column.name), parse_text=held.parse_text)
            series.append(values.alias(column.name))
        elif column.role is not Role.TARGET:
            series.append(pl.repeat(None, frame.height, dtype=dtype_of(column), eager=True).alias(column.name))
        if column.imputed_name:
            none = _no(frame.height)
            series.append((none if made is None else _put(none, places, made.imputed)).alias(column.imputed_name))
    return pl.DataFrame(series, height=frame.height if series else None)


def _read(column: Column, series: pl.Series, *, parse_text: bool) -> pl.Series:
    if series.dtype == dtype_of(column):  # a row with an infinite number is rejected anyhow
        return series.fill_nan(None) if column.nan == "missing" and series.dtype.is_float() else series
    value = reading(column, pl.col("cell"), series.dtype, parse_text=parse_text).value
    return series.alias("cell").to_frame().with_columns(value.alias("value")).get_column("value")


def _put(series: pl.Series, places: pl.Series, values: pl.Series) -> pl.Series:
    """Return the series with other values at some places."""
    if not places.len():
        return series
    index = np.arange(series.len())
    index[places.to_numpy()] = np.arange(series.len(), series.len() + values.len())
    return pl.concat([series.alias(""), values.alias("")]).gather(pl.Series(index))


def _no(height: int) -> pl.Series:
    return pl.repeat(False, height, dtype=pl.Boolean, eager=True)
