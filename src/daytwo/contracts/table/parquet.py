"""A Parquet file through its contract without holding it in memory: only rows that look suspicious are ever gathered.

The fused mask of `suspects.py` goes down into the reading of the file. Promises between rows read their own columns
once more, in batches. Where a repair may change what they read, all rows go through `stream.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from daytwo.contracts.contract import Contract
from daytwo.contracts.table.across import Others
from daytwo.contracts.table.cells import name_cells
from daytwo.contracts.table.columnar import refuse_own_names
from daytwo.contracts.table.counting import Counting, Marks, Sink
from daytwo.contracts.table.lines import ROW
from daytwo.contracts.table.plan import Plan, plan
from daytwo.contracts.table.remade import is_remade
from daytwo.contracts.table.report import Report
from daytwo.contracts.table.steps import Steps, steps_of
from daytwo.contracts.table.stream import check_batches
from daytwo.contracts.table.whole import breaches, tally

# So many rows are named at once.
_ENOUGH = 1 << 16
# So few different values are looked for one by one.
_FEW = 8
_NONE: Mapping[str, pl.DataFrame] = {}


def check_file(
    contract: Contract,
    path: Path,
    *,
    labels: bool = True,
    others: Mapping[str, pl.DataFrame] = _NONE,
    seen: Mapping[str, pl.DataFrame] = _NONE,
    now: datetime | None = None,
    sink: Sink | None = None,
    folder: Path | None = None,
) -> Report:
    """Judge the rows of a Parquet file; the arguments of `stream.check_batches` mean the same here.

    Raises
    ------
    DataError
        If a required column is not in the file, or a table that a reference names is not given.
    """
    rows = pl.scan_parquet(path, glob=False)
    schema = rows.collect_schema()
    refuse_own_names(schema.names())
    held = plan(contract, schema, labels=labels, parse_text=False)
    outside = Others(others, seen)
    if not held.is_plain or _mends_keys(held):
        batches = _whole_batches(rows, schema)
        return check_batches(
            contract, batches, labels=labels, others=others, seen=seen, now=now, sink=sink, folder=folder
        )
    with TemporaryDirectory(prefix="daytwo-", dir=folder) as aside:
        steps = steps_of(held, outside, Path(aside))
        counting = Counting(sink)
        counting.rows = rows.select(pl.len()).collect().item()
        _judge_rows(held, rows, counting)
        own = counting.rejected_so_far()
        for one in steps:
            _judge_relation(held, one, rows, own, counting)
        return counting.report(breaches(contract, tally(held, rows), now), held.unknown)


def _mends_keys(held: Plan) -> bool:
    """Whether a repair may change what a promise between rows reads; a value that came missing it reads as missing."""
    reads = {name for relation in held.contract.relations for name in relation.reads}
    read = [column for column in held.columns if column.name in reads and is_remade(column)]
    return any(column.typo != "keep" or any(one.name != "default" for one in column.repairs) for column in read)


def _whole_batches(rows: pl.LazyFrame, schema: pl.Schema) -> Iterator[pl.DataFrame]:
    yield pl.DataFrame(schema=schema)
    yield from rows.collect_batches(maintain_order=True, engine="streaming")


def _judge_rows(held: Plan, rows: pl.LazyFrame, counting: Counting) -> None:
    """Judge each column apart: so alone its dictionary and the file's own statistics can answer for its rows."""
    for part in held.parts():
        mask = _narrowed(part, rows)
        if mask is None:
            continue
        suspicious = rows.with_row_index(ROW).filter(mask).select(pl.col(ROW).cast(pl.Int64), *part.cells)
        for batch in _gathered(suspicious.collect_batches(maintain_order=True, engine="streaming")):
            counting.take(name_cells(part, batch).lines)


def _narrowed(part: Plan, rows: pl.LazyFrame) -> pl.Expr | None:
    """Return the part's mask, or a cheaper one for the same rows; None where it finds none.

    Numbered rows must all be read and tested, so it pays to ask first whether there are any. It does not for floats,
    of which all are read anyhow: a file's statistics know nothing of NaN.
    """
    mask, dtype = part.suspicious(), part.dtypes[0]
    if len(part.columns) > 1 or dtype.is_float():
        return mask
    found = rows.filter(mask)
    count = found.select(pl.len()).collect(engine="streaming").item()
    if count and count < _ENOUGH and (dtype == pl.String or dtype.is_integer()):
        values = found.select(part.cells[0]).collect(engine="streaming").to_series().unique()
        return _among(values) if values.len() <= _FEW else mask
    return mask if count else None


def _among(values: pl.Series) -> pl.Expr:
    """Return which cells are one of these values."""
    cell = pl.col(values.name)
    same = [cell == pl.lit(value, values.dtype) for value in values.drop_nulls()]
    return pl.any_horizontal(cell.is_null(), *same) if values.null_count() else pl.any_horizontal(same)


def _gathered(batches: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Put small batches together."""
    held: list[pl.DataFrame] = []
    for batch in batches:
        held.append(batch)
        if sum(one.height for one in held) >= _ENOUGH:
            yield pl.concat(held)
            held = []
    if any(one.height for one in held):
        yield pl.concat(held)


def _judge_relation(held: Plan, steps: Steps, rows: pl.LazyFrame, own: Marks, counting: Counting) -> None:
    """Judge one relation of the rows that are not in `own`, those rejected for themselves."""
    names = [column.name for column in held.columns]
    keys = [held.read(names.index(name)).value.alias(f"key {i}") for i, name in enumerate(steps.relation.reads)]
    offset = 0
    for batch in rows.select(keys).collect_batches(maintain_order=True, engine="streaming"):
        numbered = batch.with_columns(pl.int_range(offset, offset + batch.height, dtype=pl.Int64).alias(ROW))
        bad = own.within(offset, offset + batch.height)
        clean = numbered if bad is None else numbered.filter(~bad)
        counting.take(steps.take(clean.drop_nulls()))
        offset += batch.height
    for lines in steps.rest():
        counting.take(lines)
