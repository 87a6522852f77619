"""Frames of any library as feature matrices, for use without a project: `watching.py` is the door.

In a project the contract encodes rows (`contracts/encoder.py`); here the reference's own values say what a column is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from daytwo.core.errors import DataError
from daytwo.core.schema import Feature, Schema
from daytwo.monitoring.profiles.bins import Floats

_TEXTS = (pl.String, pl.Categorical, pl.Enum)


def as_polars(frame: Any) -> pl.DataFrame:
    """Return a Polars or pandas frame, or what hands out Arrow (`__arrow_c_stream__`), as a Polars frame.

    Raises
    ------
    DataError
        If it is no table.
    """
    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if type(frame).__module__.partition(".")[0] == "pandas" and hasattr(frame, "columns"):
        return pl.DataFrame([_from_pandas(str(name), frame.iloc[:, i]) for i, name in enumerate(frame.columns)])
    if hasattr(frame, "__arrow_c_stream__"):
        try:
            return pl.DataFrame(frame)
        except (pl.exceptions.PolarsError, TypeError, ValueError) as err:
            raise DataError(f"a {type(frame).__name__} is no table: {err}", hint="Give a frame of columns") from err
    raise DataError(f"a {type(frame).__name__} is no table", hint="Give a Polars or pandas frame, or an Arrow table")


def schema_of(frame: pl.DataFrame, features: Sequence[str]) -> Schema:
    """Say of each feature whether it is a number or a category, and which levels it has.

    Raises
    ------
    DataError
        If a feature is not in the frame, or is neither number, truth nor text.
    """
    found = []
    for name in features:
        column = _column(frame, name)
        if isinstance(column.dtype, _TEXTS):
            found.append(Feature(name, tuple(column.cast(pl.String).drop_nulls().unique().sort().to_list())))
        elif column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null):
            found.append(Feature(name))
        else:
            raise DataError(
                f"feature {name} holds {column.dtype}, which cannot be watched as it stands",
                hint="Give numbers, truths or texts; of a moment, give its hour or weekday",
            )
    return Schema(tuple(found))


def together(frames: Sequence[pl.DataFrame], features: Sequence[str]) -> pl.DataFrame:
    """Put the features of all frames under each other.

    Raises
    ------
    DataError
        If a frame lacks a feature, or its columns do not fit those of the others.
    """
    try:
        return pl.concat(
            [pl.DataFrame([_column(frame, name) for name in features]) for frame in frames], how="vertical_relaxed"
        )
    except pl.exceptions.PolarsError as err:
        raise DataError(f"the reference's windows do not fit together: {err}", hint="Give one type a column") from err


def encode(frame: pl.DataFrame, schema: Schema) -> NDArray[np.float32]:
    """Return the feature matrix of a frame; a column that is not there, or a value that cannot be read, is missing."""
    matrix = np.full((frame.height, len(schema.features)), np.nan, dtype=np.float32, order="F")
    for i, feature in enumerate(schema.features):
        if feature.name in frame.columns:
            matrix[:, i] = _codes(frame[feature.name], feature)
    return matrix


def scores_of(frame: pl.DataFrame, score: str) -> Floats:
    """Return the scores as float64, NaN where missing.

    Raises
    ------
    DataError
        If the column is not there or holds no numbers.
    """
    column = _column(frame, score)
    if not (column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null)):
        raise DataError(f"the score {score} holds {column.dtype}", hint="Give what the model answered, as numbers")
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _column(frame: pl.DataFrame, name: str) -> pl.Series:
    if name not in frame.columns:
        raise DataError(f"there is no column {name}", hint=f"The frame has {', '.join(frame.columns[:20])}")
    return frame[name]


def _codes(column: pl.Series, feature: Feature) -> NDArray[np.float32]:
    if not feature.is_category:
        return column.cast(pl.Float32, strict=False).fill_null(float("nan")).to_numpy()
    texts = column.cast(pl.String)
    # Only where some value is not in the dictionary are missing and unknown ones told apart.
    codes = texts.cast(pl.Enum(feature.levels), strict=False).to_physical().cast(pl.Float32)
    if codes.null_count() > texts.null_count():
        codes = codes.zip_with(
            codes.is_not_null() | texts.is_null(), pl.Series([float(len(feature.levels))], dtype=pl.Float32)
        )
    return codes.fill_null(float("nan")).to_numpy()


def _from_pandas(name: str, series: Any) -> pl.Series:
    kind = series.dtype.kind if type(series.dtype).__module__.partition(".")[0] == "numpy" else "O"
    if kind in "iufbM":
        found = pl.Series(name, series.to_numpy())
        return found.fill_nan(None) if kind == "f" else found
    gone = series.isna().to_numpy()
    values = [None if missing else value for value, missing in zip(series.tolist(), gone, strict=True)]
    try:
        return pl.Series(name, values)
    except (TypeError, pl.exceptions.PolarsError):  # a column of mixed things: each as its text
        return pl.Series(name, [None if value is None else str(value) for value in values], pl.String)
