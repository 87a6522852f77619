"""A table's column as moments in UTC, whatever type it came in. One value at a time: `times.py`."""

from __future__ import annotations

import re

import polars as pl

from daytwo.contracts.times import parse_time
from daytwo.core.errors import DataError

MOMENT = pl.Datetime("us", "UTC")
# How a text is written of which the frame library reads a whole column as `times.py` would.
_WAY = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:(?P<between>[T ])[0-9]{2}:[0-9]{2}(?P<second>:[0-9]{2}(?P<fraction>\.[0-9]{1,6})?)?"
    r"(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?)?"
)
# Far from the ends of the calendar, where a shift would lead out of it.
_DAY = "[12][0-9]{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_HOUR = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_SHIFT = "[+-](?:0[0-9]|1[0-4]):[0-5][0-9]"


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
    """Read all texts at once that are written as the first one is, and each other distinct text by itself."""
    first = series.drop_nulls().head(1).to_list()
    way = _WAY.fullmatch(first[0]) if first else None
    if way is None:
        return _one_by_one(series)
    pattern, form = _written(way)
    plain = series.str.contains(pattern)
    read = _at_once(series if plain.all() else series.set(~plain, None), form)
    others = (read.is_null() & series.is_not_null()).arg_true()
    return read.scatter(others, _one_by_one(series.gather(others))) if others.len() else read


def _written(way: re.Match[str]) -> tuple[str, str]:
    """Return the pattern of all texts that are written this way, and the frame library's name for it."""
    pattern, form = _DAY, "%Y-%m-%d"
    if way["between"]:
        pattern, form = f"{pattern}{way['between']}{_HOUR}", f"{form}{way['between']}%H:%M"
    if way["second"]:
        pattern, form = f"{pattern}:[0-5][0-9]", f"{form}:%S"
    if way["fraction"]:
        pattern, form = rf"{pattern}\.[0-9]{{1,6}}", f"{form}%.f"
    if way["zone"]:
        is_utc = way["zone"] == "Z"
        pattern, form = f"{pattern}{'Z' if is_utc else _SHIFT}", f"{form}{'Z' if is_utc else '%z'}"
    return f"^{pattern}$", form


def _at_once(series: pl.Series, form: str) -> pl.Series:
    if form == "%Y-%m-%d":
        return series.str.to_date(form, strict=False).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    read = series.str.to_datetime(form, strict=False, time_unit="us")
    return read.cast(MOMENT) if form.endswith("%z") else read.dt.replace_time_zone("UTC")


def _one_by_one(series: pl.Series) -> pl.Series:
    texts = series.unique().drop_nulls()
    read = pl.Series([parse_time(text) for text in texts.to_list()], dtype=MOMENT)
    return series.replace_strict(texts, read, default=None, return_dtype=MOMENT)
