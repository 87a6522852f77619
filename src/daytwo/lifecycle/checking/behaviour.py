"""Rows with one value changed, and how a model's answers move: what `[[ci.expect]]` asks of a candidate.

`expectations.py` judges the moves.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from daytwo.contracts.column import Column, Role
from daytwo.core.changes import Change, read_change
from daytwo.core.errors import SettingsError
from daytwo.core.schema import Kind
from daytwo.core.settings import ExpectSettings
from daytwo.lifecycle.checking.expectations import Behaved, behaved
from daytwo.scoring.model import Model

Matrix = NDArray[np.float32]


def behave(model: Model, rows: Matrix, expected: ExpectSettings) -> Behaved:
    """Change rows as the expectation says, ask the model before and after, and judge.

    Rows whose value is missing, is what it would become, or would break the contract are not asked.

    Parameters
    ----------
    rows : shape (n, d)
        Encoded by the model's own contract.

    Raises
    ------
    SettingsError
        If the column is none of the model's inputs, or the change means nothing for it.
    """
    column = _column(model, expected.column)
    place = model.schema.names.index(column.name)
    before: list[Matrix] = []
    after: list[Matrix] = []
    for asked, values in _changed(column, read_change(expected.change), rows[:, place]):
        changed = rows[asked].copy()
        changed[:, place] = values
        before.append(rows[asked])
        after.append(changed)
    old = model.score_many(np.concatenate(before))
    new = model.score_many(np.concatenate(after))
    return behaved(expected, old, new)


def _column(model: Model, name: str) -> Column:
    features = {column.name: column for column in model.contract.columns if column.role is Role.FEATURE}
    if name not in features:
        raise SettingsError(
            f"ci.expect names the column {name!r}, which is no input of the model",
            hint=f"Its inputs are {', '.join(list(features)[:30])}",
        )
    return features[name]


def _changed(
    column: Column, change: Change, values: NDArray[np.float32]
) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.float32]]]:
    """Yield which rows are asked, and what their values become."""
    there = ~np.isnan(values)
    if column.is_numeric:
        numbers = _number(column, change, values.astype(np.float64))
        low = -np.inf if column.minimum is None else column.minimum
        high = np.inf if column.maximum is None else column.maximum
        asked = there & (numbers != values) & (numbers >= low) & (numbers <= high)
        if column.kind is Kind.INTEGER:
            asked &= numbers == np.round(numbers)
        yield asked, numbers[asked].astype(np.float32)
        return
    for code in _codes(column, change):
        asked = there & (values != code)
        yield asked, np.full(int(asked.sum()), code, dtype=np.float32)


def _number(column: Column, change: Change, values: NDArray[np.float64]) -> NDArray[np.float64]:
    if change.kind == "add":
        return values + change.number
    if change.kind == "times":
        return values * change.number
    try:
        return np.full_like(values, float(change.text))
    except ValueError as err:
        raise SettingsError(
            f"ci.expect sets {column.name}, a number, to {change.text!r}" if change.text else _no_levels(column),
            hint="Write '+10', '-10', '*1.5' or '=NUMBER'",
        ) from err


def _no_levels(column: Column) -> str:
    return f"ci.expect asks for any level of {column.name}, which is a number"


def _codes(column: Column, change: Change) -> tuple[float, ...]:
    """Return the codes that a category or a truth takes one after the other."""
    levels = ("false", "true") if column.kind is Kind.BOOLEAN else column.levels
    if change.kind == "any":
        return tuple(float(code) for code in range(len(levels)))
    if change.kind == "set" and change.text in levels:
        return (float(levels.index(change.text)),)
    raise SettingsError(
        f"ci.expect: {column.name} cannot become what was asked for: it has {len(levels)} levels",
        hint=f"Write 'any', or '=' and one of {', '.join(levels[:20])}",
    )
