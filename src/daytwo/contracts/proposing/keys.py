"""Columns whose values name a row: no two rows agree in all of them, and that is no accident. And what only grows.

Values that are all different prove nothing when so many are possible that they would be different anyway, as measured
numbers are. So a key is proposed only where rows would agree by chance: of one column, where as many values were drawn
from its range; of two or three, where their values were combined at random. Half of `propose.py`.

Source: A. Heise et al. (2013), Scalable discovery of unique column combinations (DUCC), PVLDB 7(4), 301-312: smallest
combinations only; the test against chance is the birthday problem, R. von Mises (1939).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from daytwo.contracts.action import Action
from daytwo.contracts.column import Column, Role
from daytwo.contracts.proposing.coded import MISSING, Coded, joined, sampled_rows
from daytwo.contracts.proposing.held_out import alarm_rate
from daytwo.contracts.relations import Monotone, Unique

_LEAST_ROWS = 100
# Rows that must agree by chance before it means something that none does.
_LEAST_CHANCE = 50.0
_SAMPLE = 20_000
_MOST_COLUMNS = 12
_MOST = 3
# Longer texts are sentences: nothing keeps two from being equal.
_LONGEST = 64
# Texts that are times, or numbers with a fraction.
_MEASURED = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ]|$)|^[0-9]{1,4}[./][0-9]{1,2}[./][0-9]{1,4}$|"
    r"^[-+]?[0-9]*[.,][0-9]+([eE][-+]?[0-9]+)?[^0-9.,]*$"
)
# Whole numbers that grow from row to row are a counter of rows where this share of the steps is the least one; else
# they may be a meter, which may stand still.
_LEAST_COUNTED = 0.2
# 2001 to 2100, in seconds.
_EPOCH = 978_307_200.0, 4_102_444_800.0


def propose_keys(columns: Mapping[str, Coded], *, named: str = "") -> tuple[Unique, ...]:
    """Return the smallest sets of up to three columns that name a row, at most three of the smallest size found.

    `named` is the column that its owner calls the key: it is one where all its values are different, whatever chance
    would do.
    """
    height = next((one.codes.size for one in columns.values()), 0)
    if height < _LEAST_ROWS:
        return ()
    single = [
        _unique((name,), f"all {height} rows have another {name}", height)
        for name, one in columns.items()
        if one.distinct == height and (name == named or _may_name_alone(one.series))
    ]
    if single:
        return tuple(single[:_MOST])
    usable = [one for one in columns.values() if _may_name(one)]
    usable = sorted(usable, key=lambda one: -one.distinct)[:_MOST_COLUMNS]
    for size in (2, 3):
        found = tuple(_combined(usable, size, height, columns))[:_MOST]
        if found:
            return found
    return ()


def propose_monotone(frame: pl.DataFrame, columns: Sequence[Column]) -> tuple[Monotone, ...]:
    """Return which times and row numbers never fall from row to row of `frame`, in the order in which it came.

    They only warn: how rows come is a matter of their delivery, and late rows are no wrong ones.
    """
    found = []
    for column in columns:
        counts = column.role is Role.CHECKED and column.is_numeric
        series = frame.get_column(column.name)
        if frame.height < _LEAST_ROWS or not (column.role is Role.TIME or counts):
            continue
        values = series.to_physical().drop_nulls()
        if column.role is not Role.TIME and values.n_unique() < _LEAST_COUNTED * values.len():
            continue  # a year, a campaign: it says when, and time says it better
        if values.n_unique() > 1 and bool((values.diff().drop_nulls() >= 0).all()):
            words = f"never fell in {frame.height} rows"
            found.append(Monotone(column.name, column.name, action=Action.WARN, evidence=words))
    return tuple(found)


def _unique(names: tuple[str, ...], evidence: str, height: int) -> Unique:
    return Unique("_".join(names), names, evidence=evidence, false_alarm_rate=alarm_rate(0.0, height))


def _may_name(one: Coded) -> bool:
    measured = one.series.dtype.is_float()
    return not measured and one.distinct > 1 and MISSING not in one.codes[:_SAMPLE] and MISSING not in one.codes


def _combined(usable: list[Coded], size: int, height: int, order: Collection[str]) -> Iterator[Unique]:
    few = sampled_rows(height, _SAMPLE)
    glanced = [one.part(few) for one in usable]
    for chosen in combinations(range(len(usable)), size):
        if any(one.distinct == height for one in (usable[i] for i in chosen)):
            continue
        agreeing = height * (height - 1) / 2
        for i in chosen:
            agreeing *= _agreement(usable[i])
        if agreeing < _LEAST_CHANCE or _together(glanced, chosen) < few.size:
            continue
        if _together(usable, chosen) == height:
            together = {usable[i].name for i in chosen}
            names = tuple(name for name in order if name in together)
            words = f"no two of {height} rows agree in {', '.join(names)}; {agreeing:.0f} pairs would by chance"
            yield _unique(names, words, height)


def _together(columns: list[Coded], chosen: tuple[int, ...]) -> int:
    whole = columns[chosen[0]]
    for i in chosen[1:]:
        whole = joined(whole, columns[i])
    return whole.distinct


def _agreement(one: Coded) -> float:
    """Return how probably two rows agree in this column."""
    shares = np.bincount(one.codes) / one.codes.size
    return float((shares**2).sum())


def _may_name_alone(series: pl.Series) -> bool:
    """Whether values that are all different are names: not times, and not what is measured.

    Two rows may happen at the same time, and nothing keeps two measured values apart.
    """
    if series.dtype == pl.String:
        return _is_code(series)
    if not series.dtype.is_integer():
        return False
    values = np.sort(series.to_numpy())
    steps = np.diff(values)
    step = int(np.gcd.reduce(steps))
    if series.is_sorted() and (_is_epoch(values) or np.mean(steps == step) < _LEAST_COUNTED):
        return False
    # How many pairs of rows would agree, were each value drawn from the column's range.
    possible = (float(values[-1]) - float(values[0])) / max(step, 1) + 1
    return bool(series.len() * (series.len() - 1) / 2 / possible >= _LEAST_CHANCE)


def _is_epoch(values: npt.NDArray[Any]) -> bool:
    """Whether whole numbers are seconds, or thousandths, millionths ... of one, since 1970."""
    low, high = float(values[0]), float(values[-1])
    return any(_EPOCH[0] * unit <= low and high <= _EPOCH[1] * unit for unit in (1, 1e3, 1e6, 1e9))


def _is_code(series: pl.Series) -> bool:
    """Whether texts are written by a machine: short, without spaces, with digits in nearly all."""
    texts = series.str
    return bool(
        texts.len_chars().max() <= _LONGEST  # type: ignore[operator]  # a series that is all different is not empty
        and not texts.contains(" ", literal=True).any()
        and texts.contains("[0-9]").mean() > 0.9  # type: ignore[operator]
        and texts.contains(_MEASURED).mean() < 0.5  # type: ignore[operator]
    )
