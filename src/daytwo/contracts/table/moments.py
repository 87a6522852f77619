"""A table's column as moments in UTC, whatever type it came in. One value at a time: `times.py`."""

from __future__ import annotations

import polars as pl

from daytwo.contracts.times import parse_time
from daytwo.core.errors import DataError

MOMENT = pl.Datetime("us", "UTC")


def moments(cell: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Return each cell of a column of type `dtype` as a moment, null where it names none."""
    if dtype == MOMENT:
        return cell
    if dtype == pl.String:
        return cell.map_batches(_from_texts, return_dtype=MOMENT, is_elementwise=True)
    if dtype == pl.Date or (isinstance(dtype, pl.Datetime) and dtype.time_zone is None):
        return cell.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    if isinstance(dtype, pl.Datetime):
        return cell.dt.convert_time_zone("UTC").cast(MOMENT)
    return pl.lit(None, MOMENT)


def read_moments(series: pl.Series) -> pl.Series:
    """Return each value as a moment, null where it names none; each distinct text is read once."""
    read = moments(pl.col("cell"), series.dtype).alias("read")
    return series.alias("cell").to_frame().with_columns(read).get_column("read").alias(series.name)


def require_moments(series: pl.Series) -> pl.Series:
    """Return a time column as moments.

    Raises
    ------
    DataError
        If a value is no time, or none is given at all.
    """
    read = read_moments(series)
    if read.null_count() == series.null_count() < len(series):
        return read
    odd = series.filter(read.is_null() & series.is_not_null()).head(1).to_list()
    held = f"it holds {series.dtype} values such as {odd[0]!r}" if odd else "it holds no values"
    raise DataError(
        f"the time column {series.name!r} is no time: {held}",
        hint="Name a column of dates, datetimes or ISO 8601 texts such as 2013-04-01T17:30:00Z, or leave time empty",
    )


def _from_texts(series: pl.Series) -> pl.Series:
    texts = series.unique().drop_nulls()
    read = pl.Series([parse_time(text) for text in texts.to_list()], dtype=MOMENT)
    return series.replace_strict(texts, read, default=None, return_dtype=MOMENT)
