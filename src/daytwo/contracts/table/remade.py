"""A table's column with repairs or typing errors: each distinct suspicious value goes through the code of a request.

So both doors mend alike, and a value is judged once however many rows hold it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from daytwo.contracts.action import Action, Breach
from daytwo.contracts.column import Column, Role
from daytwo.contracts.judge import MISSING
from daytwo.contracts.mend import mending_judge
from daytwo.contracts.repairs import Value
from daytwo.contracts.table.lines import LINES, ROW
from daytwo.contracts.table.suspects import suspect
from daytwo.contracts.table.typed import dtype_of, reading
from daytwo.contracts.words import shortened
from daytwo.core.schema import Kind

# A value -> what a row holds from here on (None where it is missing or failed), whether a default stands there.
_Judge = Callable[[Any, list[Breach]], tuple[Any, float]]

# So many different values of a column are remembered before they are forgotten.
_MOST_KNOWN = 1 << 16


@dataclass(frozen=True, slots=True)
class Remade:
    """What became of one column; `lines` names what was broken.

    `usable` are the values, null where one is missing or failed, `imputed` says where a default stands. Both are as
    long as the table that was judged.
    """

    usable: pl.Series
    imputed: pl.Series
    lines: pl.DataFrame


@dataclass(frozen=True, slots=True)
class _Made:
    """What became of a value: what a row holds now, whether that is a default, and what was broken."""

    held: Any
    imputed: float
    breaches: tuple[Breach, ...]


class Judges:
    """Judges values of a contract's columns, each of one type, and remembers them: the same come in every batch."""

    def __init__(self) -> None:
        self._judges: dict[str, _Judge] = {}
        self._known: dict[str, dict[Any, _Made]] = {}

    def judged(self, column: Column, values: Sequence[Any]) -> list[_Made]:
        """Return what becomes of each value."""
        known = self._known.setdefault(column.name, {})
        if len(known) > _MOST_KNOWN:
            known.clear()
        found = []
        for value in values:
            key = repr(value) if value.__class__ is float else value
            made = known.get(key)
            if made is None:
                made = known[key] = self._made(column, value)
            found.append(made)
        return found

    def _made(self, column: Column, value: Any) -> _Made:
        judge = self._judges.get(column.name)
        if judge is None:
            judge = self._judges[column.name] = _judge_of(column)
        breaches: list[Breach] = []
        held, imputed = judge(value, breaches)
        return _Made(held, imputed, tuple(breaches))


def is_remade(column: Column) -> bool:
    """Whether a column's suspicious values are judged one by one."""
    return bool(column.repair) or column.typo != "keep"


def remade(
    column: Column,
    work: pl.DataFrame,
    cell: pl.Expr,
    dtype: pl.DataType,
    told: pl.Expr,
    judges: Judges,
    *,
    parse_text: bool,
    absent: bool,
) -> Remade:
    """Judge and mend the suspicious cells of one column, `told` as texts; `absent` says that the table has it not."""
    read = reading(column, cell, dtype, parse_text=parse_text)
    masks = suspect(column, cell, dtype, parse_text=parse_text)
    parts = work.select(
        ROW,
        read.value.alias("usable"),
        read.raw.alias("raw") if not _is_odd(dtype) else pl.lit(None).alias("raw"),
        cell.alias("cell"),
        told.alias("value"),
        pl.any_horizontal(*masks, pl.lit(False)).fill_null(False).alias("broken"),
    )
    cells = parts.filter("broken")
    firsts, place = _distinct(cells, dtype)
    values = [MISSING] * firsts.height if absent else _as_sent(firsts, dtype, parse_text=parse_text)
    made = judges.judged(column, values)
    broken = parts["broken"].to_numpy()
    index = np.arange(parts.height)
    index[broken] = parts.height + place
    held = pl.Series([one.held for one in made], dtype=dtype_of(column))
    imputed = np.zeros(parts.height, dtype=np.bool_)
    imputed[broken] = np.array([one.imputed for one in made], dtype=np.bool_)[place]
    return Remade(
        pl.concat([parts["usable"].alias(""), held]).gather(pl.Series(index)),
        pl.Series(imputed),
        _lines(column, cells, place, [one.breaches for one in made]),
    )


def _distinct(cells: pl.DataFrame, dtype: pl.DataType) -> tuple[pl.DataFrame, npt.NDArray[np.int64]]:
    """Return the first cell of each that are alike, and for each cell which of these it is."""
    if _is_odd(dtype) or dtype == pl.Null:
        key = cells["cell"].is_null()
    elif dtype.is_float():  # by their bits, so that -0.0 is another than 0.0
        raw = cells["raw"].cast(pl.Float64)
        bits = pl.Series(raw.fill_null(math.nan).to_numpy().view(np.int64), dtype=pl.Int64)
        key = bits.set(raw.is_null(), None)
    else:
        key = cells["cell"] if dtype == pl.String else cells["raw"]
    keys = key.alias("key").to_frame()
    is_first = key.is_first_distinct()
    known = keys.filter(is_first).with_row_index("place")
    place = keys.join(known, on="key", how="left", nulls_equal=True, maintain_order="left").get_column("place")
    return cells.filter(is_first), place.cast(pl.Int64).to_numpy()


def _is_odd(dtype: pl.DataType) -> bool:
    return dtype.is_nested() or dtype.base_type() in {pl.Object, pl.Binary}


def _as_sent(cells: pl.DataFrame, dtype: pl.DataType, *, parse_text: bool) -> list[Any]:
    """Return the cells as the values that a request would bring."""
    if _is_odd(dtype):
        return [None if missing else b"" for missing in cells["cell"].is_null()]
    raw = cells["raw"].cast(pl.Float64) if dtype.is_decimal() else cells["raw"]
    if parse_text and dtype == pl.String:
        return [text if value is None else value for value, text in zip(raw, cells["cell"], strict=True)]
    return raw.to_list()


def _judge_of(column: Column) -> _Judge:
    """Return what judges and mends one value; of a target it also holds that it is one of the two levels."""
    if column.role is not Role.TARGET:
        return mending_judge(column)
    judge = mending_judge(replace(column, other="reject"))
    if not column.levels or column.kind is Kind.CATEGORY:
        return judge
    known = {level == "true" if column.kind is Kind.BOOLEAN else float(level) for level in column.levels}

    def judge_target(value: Any, out: list[Breach]) -> tuple[Any, float]:
        found: list[Breach] = []
        held, imputed = judge(value, found)
        if held is None or held in known:
            out += found
            return held, imputed
        out.append(Breach(column.name, "in_set", shortened(value), column.message("in_set")))
        return None, 0.0

    return judge_target


def _lines(
    column: Column, cells: pl.DataFrame, place: npt.NDArray[np.int64], breaches: list[tuple[Breach, ...]]
) -> pl.DataFrame:
    said = [
        (i, one.rule, one.message, str(one.action), _text(one.repaired) if one.action is Action.REPAIR else None)
        for i, found in enumerate(breaches)
        for one in found
    ]
    schema = {"place": pl.Int64, "rule": pl.String, "message": pl.String, "action": pl.String, "repaired": pl.String}
    told = pl.DataFrame(said, schema=schema, orient="row")
    return (
        cells.select(pl.col(ROW).alias("row"), "value")
        .with_columns(pl.Series("place", place, dtype=pl.Int64), pl.lit(column.name).alias("column"))
        .join(told, on="place", maintain_order="left_right")
        .select(LINES.names())
    )


def _text(value: Value) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)
