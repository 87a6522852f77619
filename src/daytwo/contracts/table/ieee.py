"""Numbers of a table that compare and divide as Python's floats do: nothing is above, below or equal to NaN.

A frame library orders NaN above everything; a row rule such as `a / b <= 1` must say the same of 0 / 0 at both doors.
It also multiplies by the reciprocal where a column is divided by a constant, which is one bit off in a third of rows.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import polars as pl


class Ieee:
    """A numeric column expression; its comparisons give plain boolean expressions."""

    __hash__ = None  # type: ignore[assignment]  # it is compared, never kept

    def __init__(self, expr: pl.Expr) -> None:
        self.expr = expr

    def __add__(self, other: Any) -> Ieee:
        return Ieee(self.expr + _plain(other))

    def __radd__(self, other: Any) -> Ieee:
        return Ieee(_plain(other) + self.expr)

    def __sub__(self, other: Any) -> Ieee:
        return Ieee(self.expr - _plain(other))

    def __rsub__(self, other: Any) -> Ieee:
        return Ieee(_plain(other) - self.expr)

    def __mul__(self, other: Any) -> Ieee:
        return Ieee(self.expr * _plain(other))

    def __rmul__(self, other: Any) -> Ieee:
        return Ieee(_plain(other) * self.expr)

    def __truediv__(self, other: Any) -> Ieee:
        if isinstance(other, Ieee):
            return Ieee(self.expr / other.expr)
        by_constant = partial(_divided, divisor=float(other))
        return Ieee(self.expr.map_batches(by_constant, return_dtype=pl.Float64, is_elementwise=True))

    def __rtruediv__(self, other: Any) -> Ieee:
        return Ieee(_plain(other) / self.expr)

    def __neg__(self) -> Ieee:
        return Ieee(-self.expr)

    def __lt__(self, other: Any) -> pl.Expr:
        return (self.expr < _plain(other)) & self._ordered(other)

    def __le__(self, other: Any) -> pl.Expr:
        return (self.expr <= _plain(other)) & self._ordered(other)

    def __gt__(self, other: Any) -> pl.Expr:
        return (self.expr > _plain(other)) & self._ordered(other)

    def __ge__(self, other: Any) -> pl.Expr:
        return (self.expr >= _plain(other)) & self._ordered(other)

    def __eq__(self, other: Any) -> pl.Expr:  # type: ignore[override]  # a column answers with a column
        return self._equal(other)

    def __ne__(self, other: Any) -> pl.Expr:  # type: ignore[override]  # a column answers with a column
        return ~self._equal(other)

    def _equal(self, other: Any) -> pl.Expr:
        return self.expr.eq(_plain(other)) & self._ordered(other)

    def _ordered(self, other: Any) -> pl.Expr:
        known: pl.Expr = self.expr.is_not_nan()
        return known & other.expr.is_not_nan() if isinstance(other, Ieee) else known


def _plain(value: Any) -> pl.Expr:
    if isinstance(value, Ieee):
        return value.expr
    return pl.lit(float(value))


def _divided(values: pl.Series, *, divisor: float) -> pl.Series:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        quotients = pl.Series(values.name, values.to_numpy() / divisor, dtype=pl.Float64)
    return quotients.set(values.is_null(), None) if values.null_count() else quotients
