"""What the fast doors (`typed.py`, `rows_c.py`) take of a column; the rest goes to the decoder."""

from __future__ import annotations

from dataclasses import dataclass

from daytwo.contracts.column import Column, Role
from daytwo.contracts.decoder import usual_range
from daytwo.contracts.judge import sound_levels


@dataclass(frozen=True, slots=True)
class Narrow:
    """What a fast door takes of one feature, where that is less than the contract allows.

    Numbers in [`low`, `high`] (None: any), no level of `without`, and nothing missing unless `missing`.
    """

    low: float | None = None
    high: float | None = None
    without: frozenset[str] = frozenset()
    missing: bool = True


def is_judged(column: Column) -> bool:
    """Whether a row's value in the column is looked at: the label never is."""
    return column.is_checked and column.role is not Role.TARGET


def taken_range(column: Column, narrow: Narrow) -> tuple[float, float]:
    """Return the least and the largest number that are taken."""
    low, high = usual_range(column)
    return (
        low if narrow.low is None else max(low, narrow.low),
        high if narrow.high is None else min(high, narrow.high),
    )


def taken_levels(column: Column, narrow: Narrow) -> dict[str, float]:
    """Return the levels that are taken, each with its code; one with half a character in it is in no JSON text."""
    codes = {level: float(code) for code, level in enumerate(column.levels)}
    sound = [level for level in sound_levels(column) if level not in narrow.without]
    return {level: codes[level] for level in sound if level.encode("utf-8", "replace").decode() == level}
