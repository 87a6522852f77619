"""Pseudonyms in place of what is personal in the rows of a source, before anybody else sees them.

The same as for requests (`core/pseudonyms.py`): a value of a file and the same value in a request have one pseudonym,
so the dataset, the predictions and the labels still join. A line that is no row may hold anything, so all its text
becomes one pseudonym. Pure.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from daytwo.core.pseudonyms import Pseudonyms
from daytwo.sources.rows import BrokenLine, Rows


def hidden_rows(rows: Rows, pseudonyms: Pseudonyms | None) -> Rows:
    """Return the rows of a source with pseudonyms for what is personal; as they are where nothing is.

    What was noted about a personal column may show a value of it, and is left out.
    """
    if pseudonyms is None:
        return rows
    names = [name for name in rows.frame.columns if pseudonyms.hides(name)]
    return replace(
        rows,
        frame=hidden_frame(rows.frame, pseudonyms),
        notes=tuple(note for note in rows.notes if not any(name in note for name in names)),
        broken=tuple(BrokenLine(one.number, pseudonyms.of(one.text), one.reason) for one in rows.broken),
    )


def hidden_frame(frame: pl.DataFrame, pseudonyms: Pseudonyms) -> pl.DataFrame:
    """Return the frame with pseudonyms in its personal columns, which become texts; missing stays missing.

    Examples
    --------
    >>> hidden = Pseudonyms(["name"], "a key of many characters")
    >>> hidden_frame(pl.DataFrame({"name": ["Ana", None], "seats": [1, 2]}), hidden)["name"].to_list()
    ['p-6cf469-9d98f3a985f31fd046e611bba512cb', None]
    """
    hidden = [_hidden(column, pseudonyms) for column in frame if pseudonyms.hides(column.name)]
    within = [
        _hidden_within(one, pseudonyms) for one in frame if one.dtype.is_nested() and not pseudonyms.hides(one.name)
    ]
    return frame.with_columns(hidden + within)


def _hidden(column: pl.Series, pseudonyms: Pseudonyms) -> pl.Series:
    made: dict[object, str] = {}
    values: list[str | None] = []
    for value in _plain(column).to_list():
        if value is None:
            values.append(None)
            continue
        kept = value if isinstance(value, str) else (type(value), str(value))
        if kept not in made:
            made[kept] = pseudonyms.of(value)
        values.append(made[kept])
    return pl.Series(column.name, values, dtype=pl.String())


def _hidden_within(column: pl.Series, pseudonyms: Pseudonyms) -> pl.Series:
    """Return a column of rows within rows, each hidden as a row is."""
    return pl.Series(column.name, [pseudonyms.row(value) for value in column.to_list()], strict=False)


def _plain(column: pl.Series) -> pl.Series:
    """Return the values as JSON would bring them: moments as texts, NaN as missing."""
    if column.dtype.is_temporal():
        form = "iso:strict" if isinstance(column.dtype, pl.Datetime) else "iso"
        return column.dt.to_string(form) if not isinstance(column.dtype, pl.Duration) else column.cast(pl.String)
    if isinstance(column.dtype, pl.Categorical | pl.Enum | pl.Decimal):
        return column.cast(pl.String)
    return column.fill_nan(None) if column.dtype.is_float() else column
