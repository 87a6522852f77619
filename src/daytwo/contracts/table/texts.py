"""Columns of texts read once as what they promise to be, so that no test of theirs reads a text again.

Most texts are written the plain way, which the frame library reads by itself; `typed.py` reads the others. A column
with a text that cannot be read at all is named cell by cell as it came (`cells.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl

from daytwo.contracts.column import Column
from daytwo.contracts.table.moments import read_moments
from daytwo.contracts.table.plan import Plan
from daytwo.contracts.table.typed import FROM_TEXT, reading
from daytwo.core.schema import Kind


@dataclass(frozen=True, slots=True)
class Texts:
    """A table whose texts are read: `plan` and `frame` have the types that they were read as, to find and count rows.

    `cells` is the plan to name their cells by, of columns of the same frame. `odd` says which rows hold a text that
    could not be read, None where all could; `unread` how many in which column.
    """

    plan: Plan
    cells: Plan
    frame: pl.DataFrame
    odd: pl.Series | None
    unread: Mapping[str, int]


def read_texts(held: Plan, judged: pl.DataFrame) -> Texts:
    """Read the texts of a table, given under the plan's names, of columns that promise no texts."""
    dtypes, cells = list(held.dtypes), list(held.cells)
    kept_dtypes, kept_cells = list(held.dtypes), list(held.cells)
    came: dict[str, str] = {}
    made: list[pl.Series] = []
    odd: pl.Series | None = None
    unread: dict[str, int] = {}
    for i, column in enumerate(held.columns):
        if dtypes[i] != pl.String or not _is_read(column, parse_text=held.parse_text):
            continue
        texts = judged.get_column(cells[i])
        values = _read(column, texts)
        dtypes[i] = values.dtype
        made += [values, texts.alias(_came(i))]
        if values.null_count() > texts.null_count():
            lost = values.is_null() & texts.is_not_null()
            odd = lost if odd is None else odd | lost
            unread[column.name] = int(lost.sum())
            kept_cells[i] = _came(i)
        else:
            kept_dtypes[i] = values.dtype
            came[column.name] = _came(i)
    if not made:
        return Texts(held, held, judged, None, {})
    plan = replace(held, dtypes=tuple(dtypes))
    named = replace(held, dtypes=tuple(kept_dtypes), cells=tuple(kept_cells), came=came)
    return Texts(plan, named, judged.with_columns(made), odd, unread)


def _came(position: int) -> str:
    return f"_came {position}"


def _is_read(column: Column, *, parse_text: bool) -> bool:
    return column.kind is Kind.TIME or (parse_text and column.kind in FROM_TEXT)


def _read(column: Column, texts: pl.Series) -> pl.Series:
    """Return the texts as values, null where one is missing or none."""
    match column.kind:
        case Kind.TIME:
            return read_moments(texts)
        case Kind.NUMBER:
            # A text that gives a finite number here is one that `typed.py` takes, and gives the same number there.
            found = texts.cast(pl.Float64, strict=False)
            return _others(column, texts, found, found.is_finite())
        case Kind.INTEGER:
            found = texts.cast(pl.Int64, strict=False)
            return _others(column, texts, found, found.is_not_null())
        case _:
            truth = texts == "true"
            return _others(column, texts, truth, truth | (texts == "false"))


def _others(column: Column, texts: pl.Series, found: pl.Series, plain: pl.Series) -> pl.Series:
    """Return what was found where texts are plain, and read the others as `typed.py` does."""
    places = (texts.is_not_null() & ~plain.fill_null(False)).arg_true()
    if not places.len():
        return found
    cells = texts.gather(places).alias("cell")
    read = reading(column, pl.col("cell"), pl.String(), parse_text=True).raw
    return found.scatter(places, cells.to_frame().select(read.alias("read")).to_series())
