"""A contract proposed from rows: what each column, row and batch promises, each with its evidence.

It is a draft that its owner reads and edits. The rows may be dirty themselves. Every rule is proved on a held-out
part (`held_out.py`): the last fifth by time, else a fifth drawn by a fixed rule.

proposed_columns.py   kinds, roles, missing values, ranges (ranges.py); leaks.py: columns that look like the answer
proposed_texts.py     levels (levels.py, mistyped.py) and patterns (patterns.py)
keys.py               columns that name a row, and what grows from row to row
dependencies.py       columns that others decide
arithmetic.py         sums, products and orders within a row; bins.py: categories that are bins of a number
spreads.py            how a batch's values are spread; volumes.py: how many rows come, how fresh
repeated.py           how many rows of a batch may repeat another
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, count
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from daytwo.contracts.batch import ANY_BATCH, Batch, Distribution
from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract, Rule
from daytwo.contracts.proposing.arithmetic import propose_arithmetic, propose_orders
from daytwo.contracts.proposing.bins import MOST_LEVELS as MOST_BINS
from daytwo.contracts.proposing.bins import propose_bins
from daytwo.contracts.proposing.coded import Coded, coded
from daytwo.contracts.proposing.columns import ignored_column, named_column, plain_column
from daytwo.contracts.proposing.dependencies import Dependencies, propose_dependencies
from daytwo.contracts.proposing.held_out import held_out_rows
from daytwo.contracts.proposing.keys import propose_keys, propose_monotone
from daytwo.contracts.proposing.repeated import most_repeated
from daytwo.contracts.proposing.spreads import propose_spread
from daytwo.contracts.proposing.texts import text_column
from daytwo.contracts.proposing.volumes import propose_batch
from daytwo.contracts.relations import Dependency, Unique
from daytwo.contracts.table.columnar import refuse_own_names
from daytwo.contracts.table.moments import read_moments, require_moments
from daytwo.core.errors import DataError
from daytwo.core.expression import parse
from daytwo.core.schema import Kind

# Measured numbers with more distinct values than this share of a sample's rows neither decide nor are decided.
_MEASURED = 0.2
_SAMPLE = 20_000


def propose(
    frame: pl.DataFrame,
    *,
    name: str,
    owner: str = "",
    target: str = "",
    time: str = "",
    subject: str = "",
    key: str = "",
    exclude: Collection[str] = (),
) -> Contract:
    """Propose version 1 of a contract for rows like those of `frame`.

    Columns that cannot be inputs of a model are only checked, with the reason as evidence; those named in `exclude`
    are ignored. Without a target the contract serves to check tables.

    Raises
    ------
    DataError
        If the frame is empty, a named column is not in it, the time column holds no times, or the target is no
        number and has not exactly two values.
    """
    if frame.is_empty():
        raise DataError("the data holds no rows", hint="Name a file or table with rows in it")
    _refuse_patterns(frame)
    refuse_own_names(frame.columns)
    roles = {time: Role.TIME, subject: Role.SUBJECT, key: Role.KEY, target: Role.TARGET}
    for column, role in roles.items():
        if column:
            _require(frame, column, role)
    for column in exclude:
        _require(frame, column, "excluded")
    as_came = frame
    if time:
        when = require_moments(frame.get_column(time))
        order = np.argsort(when.to_numpy(), kind="stable")
        as_came = frame.with_columns(when.alias(time))
        frame = as_came[order]
    held_out = held_out_rows(frame.height, ordered=bool(time))
    named = [label for label in frame.columns if label and not label.startswith("_")]
    in_codes = coded(
        frame, [label for label in named if label not in exclude and _is_discrete(frame.get_column(label))]
    )
    depends = _dependencies(in_codes, held_out, target=target)
    seen = _Seen(in_codes, held_out, depends.dirt, bool(time))
    columns = tuple(
        ignored_column(frame.get_column(label), "excluded by name")
        if label in exclude
        else _column(frame.get_column(label), roles.get(label), seen)
        for label in named
    )
    checked = [column for column in columns if column.is_checked]
    names = {column.name for column in checked}
    keys = _told_apart(propose_keys({name: in_codes[name] for name in _may_name(checked, in_codes)}, named=key))
    rules = _told_apart(_rules(frame, checked, held_out))
    columns = _without_defaults(columns, rules)
    batch = propose_batch(frame.get_column(time).drop_nulls()) if time else ANY_BATCH
    return Contract(
        name=name,
        version=1,
        owner=owner,
        columns=columns,
        rules=rules,
        relations=(
            *keys,
            *propose_monotone(as_came, checked),
            *_told_apart(tuple(one for one in depends.proposed if names.issuperset(one.reads))),
        ),
        distributions=_spreads(frame, checked, ordered=bool(time)),
        batch=batch if keys else _repeating(batch, frame.select(column.name for column in checked), ordered=bool(time)),
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the proposal of a column knows of the whole table."""

    in_codes: Mapping[str, Coded]
    held_out: npt.NDArray[np.int64]
    dirt: Mapping[str, frozenset[str]]
    ordered: bool


def _column(series: pl.Series, role: Role | None, seen: _Seen) -> Column:
    if role is not None:
        return named_column(series, role)
    texts = series.cast(pl.String) if series.dtype.base_type() in {pl.Categorical, pl.Enum} else series
    if texts.dtype != pl.String:
        return plain_column(texts, ordered=seen.ordered)
    dirt = seen.dirt.get(series.name, frozenset())
    return text_column(texts, held_out=seen.held_out, others=seen.in_codes, dirt=dirt, ordered=seen.ordered)


def _is_discrete(series: pl.Series) -> bool:
    """Whether values come again often enough to name or decide something."""
    dtype = series.dtype
    if dtype.is_nested() or dtype in {pl.Object, pl.Binary}:
        return False
    some = series.head(_SAMPLE).drop_nulls()
    return not dtype.is_float() or some.n_unique() <= max(2, _MEASURED * some.len())


_Named = TypeVar("_Named", Rule, Unique, Dependency)


def _told_apart(proposed: tuple[_Named, ...]) -> tuple[_Named, ...]:
    """Return the same with a number behind each name that another has."""
    taken: set[str] = set()
    apart = []
    for one in proposed:
        name = next(name for name in _numbered(one.name) if name not in taken)
        taken.add(name)
        apart.append(replace(one, name=name))
    return tuple(apart)


def _numbered(name: str) -> Iterator[str]:
    return chain([name], (f"{name}_{number}" for number in count(2)))


def _may_name(checked: list[Column], in_codes: Mapping[str, Coded]) -> list[str]:
    return [column.name for column in checked if column.name in in_codes and column.role is not Role.TARGET]


def _rules(frame: pl.DataFrame, checked: list[Column], held_out: npt.NDArray[np.int64]) -> tuple[Rule, ...]:
    numbers, times = {}, {}
    target = next((column.name for column in checked if column.role is Role.TARGET), "")
    for column in checked:
        series = frame.get_column(column.name)
        if column.is_numeric and series.dtype.is_numeric():
            held = series.cast(pl.Float64).fill_null(np.nan).to_numpy()
            numbers[column.name] = np.where(np.isfinite(held), held, np.nan)
        elif column.kind is Kind.TIME:
            times[column.name] = read_moments(series).to_physical().cast(pl.Float64).fill_null(np.nan).to_numpy()
    rules = propose_arithmetic(numbers, held_out, target=target)
    inputs = [column for column in checked if column.role is Role.FEATURE]
    measured = {column.name: numbers[column.name] for column in inputs if column.name in numbers}
    levels = {
        column.name: frame.get_column(column.name).cast(pl.String).to_numpy().astype(object)
        for column in inputs
        if column.kind is Kind.CATEGORY and len(column.levels) <= MOST_BINS
    }
    return (
        *rules,
        *propose_orders(numbers, held_out),
        *propose_orders(times, held_out),
        *propose_bins(levels, measured, held_out),
    )


def _dependencies(in_codes: Mapping[str, Coded], held_out: npt.NDArray[np.int64], *, target: str) -> Dependencies:
    usable = {name: one for name, one in in_codes.items() if name != target}
    deciders = [name for name, one in usable.items() if not one.series.dtype.is_float()]
    return propose_dependencies(usable, held_out, determinants=deciders)


def _spreads(frame: pl.DataFrame, checked: list[Column], *, ordered: bool) -> tuple[Distribution, ...]:
    found = (
        propose_spread(frame.get_column(column.name), ordered=ordered)
        for column in checked
        if column.role is Role.FEATURE and (column.is_numeric or column.levels)
    )
    return tuple(spread for spread in found if spread is not None)


def _without_defaults(columns: tuple[Column, ...], rules: tuple[Rule, ...]) -> tuple[Column, ...]:
    """Return the columns, those without a default that a rule ties to others: what stands in would break it."""
    tied = {name for rule in rules if not rule.name.startswith("order_") for name in parse(rule.expression).columns}
    return tuple(
        replace(column, repair=(), max_null_share=None) if column.repair and column.name in tied else column
        for column in columns
    )


def _repeating(batch: Batch, frame: pl.DataFrame, *, ordered: bool) -> Batch:
    found = most_repeated(frame, ordered=ordered)
    if found is None:
        return batch
    evidence = "; ".join(part for part in (batch.evidence, found[1]) if part)
    return replace(batch, max_repeat_share=found[0], evidence=evidence)


def _refuse_patterns(frame: pl.DataFrame) -> None:
    for name in frame.columns:
        if name == "*" or (name.startswith("^") and name.endswith("$")):
            raise DataError(
                f"the data has a column named {name!r}, which frame libraries read as a pattern over column names",
                hint="Rename the column where the file is made",
            )


def _require(frame: pl.DataFrame, name: str, what: str) -> None:
    if name in frame.columns:
        return
    near = difflib.get_close_matches(name, frame.columns, n=1, cutoff=0.4)
    listed = ", ".join(frame.columns[:20]) + (", ..." if frame.width > 20 else "")
    raise DataError(
        f"the data has no {what} column {name!r}",
        hint=f"Did you mean {near[0]!r}? Its columns are {listed}" if near else f"Its columns are {listed}",
    )
