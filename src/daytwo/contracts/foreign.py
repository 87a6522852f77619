"""Tables of other libraries as Polars frames. None of them is imported here: a frame brings its library with it."""

from __future__ import annotations

from typing import Any

import polars as pl

from daytwo.contracts.contract import Contract
from daytwo.core.errors import DataError


def as_polars(frame: Any) -> pl.DataFrame:
    """Return a Polars or pandas frame, or what hands out Arrow (`__arrow_c_stream__`), as a Polars frame.

    Of pandas the columns are taken, not the index; there NaN, NaT, None and NA all mean a missing value.

    Raises
    ------
    DataError
        If it is no table.

    Examples
    --------
    >>> as_polars(pl.LazyFrame({"km": [1.0]})).height
    1
    """
    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if type(frame).__module__.partition(".")[0] == "pandas" and hasattr(frame, "columns"):
        series = [_from_pandas(str(name), frame.iloc[:, i]) for i, name in enumerate(frame.columns)]
        _refuse_doubles([one.name for one in series])
        return pl.DataFrame(series)
    if hasattr(frame, "__arrow_c_stream__"):
        try:
            return pl.DataFrame(frame)
        except (pl.exceptions.PolarsError, TypeError, ValueError) as err:
            raise DataError(f"a {type(frame).__name__} is no table: {err}", hint="Give a frame of columns") from err
    hint = "Give a Polars or pandas frame, or an Arrow table"
    if isinstance(frame, Contract):
        hint = "The rows come first, then the contract: check(rows, contract)"
    raise DataError(f"a {type(frame).__name__} is no table", hint=hint)


def _refuse_doubles(names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"the table has two columns named {twice[0]!r}", hint="Rename one of them")


def _from_pandas(name: str, series: Any) -> pl.Series:
    kind = series.dtype.kind if hasattr(series.dtype, "kind") else "O"
    if kind == "M":
        if getattr(series.dtype, "tz", None) is None:
            return pl.Series(name, series.to_numpy())
        moments = series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
        return pl.Series(name, moments).dt.replace_time_zone("UTC")
    if kind in "iufbm" and type(series.dtype).__module__.partition(".")[0] == "numpy":
        return pl.Series(name, series.to_numpy()).fill_nan(None) if kind == "f" else pl.Series(name, series.to_numpy())
    missing = series.isna().to_numpy()
    values = [None if gone else value for value, gone in zip(series.tolist(), missing, strict=True)]
    try:
        return pl.Series(name, values)
    except (TypeError, pl.exceptions.PolarsError):  # a column of mixed things: each as its text
        return pl.Series(name, [None if value is None else str(value) for value in values], pl.String)
