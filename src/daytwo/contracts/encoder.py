"""Checked values as a feature matrix: the only place where a table or a row becomes float32.

Both ways give the same bits: a number goes to float64 and then once to float32, a category to the index of its
level, an unknown level to `len(levels)`, a missing value to NaN; where a default stands, the feature after it is 1.
Light: a table is handled by its own methods, so
the server does not pay for a frame library.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.frame import Frame
from daytwo.core.errors import DataError
from daytwo.core.schema import Kind, Schema


class Encoder:
    """Encodes what a contract accepts. `schema` names the matrix's columns."""

    def __init__(self, contract: Contract) -> None:
        self.schema: Schema = contract.features
        self._columns = tuple(column for column in contract.columns if column.role is Role.FEATURE)
        self._codes = {
            column.name: {level: float(code) for code, level in enumerate(column.levels)} for column in self._columns
        }
        self._float32 = struct.Struct(f"={len(self.schema.features)}f")

    def row(self, values: Mapping[str, object]) -> list[float]:
        """Return one checked row as features, shape (d,): Python floats that float32 holds exactly.

        A column's default stands where the row says True for its `imputed_name`, as a checked table's rows do.

        Raises
        ------
        DataError
            If a value is none that the contract accepts; the decoder names every such value.
        """
        encoded: list[float] = []
        for column in self._columns:
            encoded.append(self._one(column, values.get(column.name)))
            if column.imputed_name:
                encoded.append(float(values.get(column.imputed_name) is True))
        try:
            return list(self._float32.unpack(self._float32.pack(*encoded)))
        except OverflowError as err:
            raise DataError(
                "a number of the row is beyond float32", hint="Check the row with its contract before encoding it"
            ) from err

    def matrix(self, frame: Frame) -> npt.NDArray[np.float32]:
        """Return a checked table as features, shape (n, d), float32.

        A Boolean column of a column's `imputed_name` says where its default stands; without it, it stands nowhere.

        Raises
        ------
        DataError
            If a required column is not there or holds another kind.
        """
        matrix = np.empty((frame.height, len(self.schema.features)), dtype=np.float32)
        places = {name: place for place, name in enumerate(self.schema.names)}
        for column in self._columns:
            position = places[column.name]
            if column.name in frame.columns:
                matrix[:, position] = self._many(column, frame.get_column(column.name))
            elif column.required:
                raise DataError(
                    f"the data has no column {column.name!r}",
                    hint="Check the data with its contract before encoding it",
                )
            else:
                matrix[:, position] = math.nan
            if column.imputed_name:
                matrix[:, position + 1] = _flags(frame, column.imputed_name)
        return matrix

    def _one(self, column: Column, value: object) -> float:
        if value is None:
            return math.nan
        if column.kind is Kind.CATEGORY and isinstance(value, str):
            return self._codes[column.name].get(value, float(len(column.levels)))
        if column.kind is Kind.BOOLEAN and isinstance(value, bool):
            return float(value)
        if column.is_numeric and isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        raise DataError(
            f"{value!r:.80} is no {column.kind} for {column.name!r}",
            hint="Check the row with its contract before encoding it",
        )

    def _many(self, column: Column, series: Any) -> npt.NDArray[np.float64]:
        """Encode a series of a frame library that is never imported here: its own methods do the work."""
        if series.null_count() == len(series):
            return np.full(len(series), math.nan)
        if column.kind not in _FITTING.get(_family(series), ()):
            raise DataError(
                f"the column {column.name!r} holds {series.dtype}, not a {column.kind}",
                hint="Check the data with its contract before encoding it",
            )
        missing = series.is_null().to_numpy() if series.null_count() else None
        if column.kind is Kind.CATEGORY:
            codes = self._codes[column.name]
            series = series.cast(str).replace_strict(
                list(codes), list(codes.values()), default=float(len(codes)), return_dtype=float
            )
        numbers: npt.NDArray[np.float64] = series.cast(float).to_numpy().astype(np.float64)
        if missing is not None:
            numbers[missing] = math.nan
        return numbers


def _flags(frame: Frame, name: str) -> npt.NDArray[np.float64]:
    if name not in frame.columns:
        return np.zeros(frame.height)
    flags: npt.NDArray[np.float64] = frame.get_column(name).fill_null(value=False).cast(float).to_numpy()
    return flags


_FITTING: Mapping[str, tuple[Kind, ...]] = {
    "number": (Kind.NUMBER, Kind.INTEGER),
    "boolean": (Kind.BOOLEAN,),
    "text": (Kind.CATEGORY,),
}


def _family(series: Any) -> str:
    if series.dtype.is_numeric():
        return "number"
    name = str(series.dtype)
    if name == "Boolean":
        return "boolean"
    return "text" if name.startswith(("String", "Categorical", "Enum")) else name
