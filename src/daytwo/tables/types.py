"""How rows and a table agree where a column came in another type. Pure; both kinds of tables use it."""

from __future__ import annotations

import polars as pl


def fitted(schema: pl.Schema, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with whole numbers as the table's numbers, where it holds numbers.

    Examples
    --------
    >>> fitted(pl.Schema({"a": pl.Float64()}), pl.DataFrame({"a": [1]})).schema["a"]
    Float64
    """
    whole = [
        name for name, dtype in rows.schema.items() if dtype.is_integer() and schema.get(name, dtype) == pl.Float64()
    ]
    return rows.with_columns(rows.get_column(name).cast(pl.Float64) for name in whole)


def changed(schema: pl.Schema, rows: pl.DataFrame) -> dict[str, pl.DataType]:
    """Return the columns whose type in a table with `schema` is another than in `rows`, with the rows' type."""
    return {name: dtype for name, dtype in rows.schema.items() if schema.get(name, dtype) != dtype}


def retyped(old: pl.DataFrame, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return both with the same types; an older value that cannot take the new one becomes null."""
    rows = fitted(old.schema, rows)
    taken = [old.get_column(name).cast(dtype, strict=False) for name, dtype in changed(old.schema, rows).items()]
    return old.with_columns(taken), rows
