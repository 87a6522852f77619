"""What a column of texts promises: its levels, how its texts are written, which are mistyped.

Half of `propose.py`, beside `proposed_columns.py`; `levels.py`, `mistyped.py` and `patterns.py` are its parts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from daytwo.contracts.column import Column, Role
from daytwo.contracts.proposing.coded import Coded
from daytwo.contracts.proposing.columns import (
    ignored_column,
    longest_allowed,
    may_be_missing,
    most_missing,
    names_months,
    null_words,
    why_no_category,
)
from daytwo.contracts.proposing.held_out import alarm_rate
from daytwo.contracts.proposing.levels import MOST_LEVELS, propose_levels
from daytwo.contracts.proposing.mistyped import mistyped_values, unexplained
from daytwo.contracts.proposing.patterns import BEARABLE, Pattern, propose_pattern
from daytwo.core.schema import Kind

# Of more distinct texts, every so manyth says as well how they are written.
_MOST_TEXTS = 10_000
_MOST_COMPARED = 4 * MOST_LEVELS
_NUMBER = re.compile(r"[+-]?([1-9][0-9]*|0)(\.[0-9]+)?")
_NUMBER_SHARE = 0.95
# Longer numbers lose digits as such: they are names.
_MOST_DIGITS = 15
# Standard deviations by which two parts' shares of dirt may differ.
_CHANCE = 3.0


@dataclass(frozen=True, slots=True)
class _Seen:
    """One column's distinct texts by number of rows, the most frequent first, in all rows and in the two parts."""

    all: Mapping[str, int]
    early: Mapping[str, int]
    late: Mapping[str, int]


def text_column(
    series: pl.Series,
    *,
    held_out: npt.NDArray[np.int64],
    others: Mapping[str, Coded],
    dirt: frozenset[str],
    ordered: bool,
) -> Column:
    """Return what the texts of `series` promise.

    `others` are the table's columns, which may explain odd values; `dirt` are values that break a dependency.
    """
    reason, role = why_no_category(series)
    if role is Role.IGNORED:
        return ignored_column(series, reason)
    late = np.zeros(series.len(), dtype=bool)
    late[held_out] = True
    seen = _Seen(_often(series), _often(series.filter(~late)), _often(series.filter(late)))
    pattern = None if names_months(series) else _proven_pattern(seen)
    base = Column(
        series.name,
        Kind.TEXT,
        Role.CHECKED,
        required=False,
        nullable=may_be_missing(series),
        max_length=longest_allowed(series),
        max_null_share=most_missing(series, ordered=ordered),
        evidence=f"no input: {reason}{null_words(series)}",
    )
    if pattern is not None:
        words = base.evidence + _misfit_words(pattern)
        base = replace(
            base,
            pattern=pattern.text,
            evidence=words,
            false_alarm_rate=alarm_rate(_late_misfits(pattern, seen), sum(seen.late.values())),
        )
    if role is Role.CHECKED and len(seen.all) > 1:
        return replace(base, evidence=base.evidence + _told(seen.all))
    complete = _complete(series, ordered=ordered)
    category = _category(base, series, seen, pattern, others, dirt, complete)
    if role is Role.CHECKED:
        return replace(category, role=role, required=False, evidence=f"no input: {reason}{null_words(series)}")
    return category


def _category(
    base: Column,
    series: pl.Series,
    seen: _Seen,
    pattern: Pattern | None,
    others: Mapping[str, Coded],
    dirt: frozenset[str],
    complete: float,
) -> Column:
    fits = re.compile(pattern.text).fullmatch if pattern is not None else None
    often = {text: rows for text, rows in seen.all.items() if fits is None or fits(text) is not None}
    compared = dict(list(often.items())[:_MOST_COMPARED])
    mistyped: dict[str, str] = {}
    if len(often) <= _MOST_COMPARED:
        mistyped = unexplained(mistyped_values(compared), others[series.name], list(others.values()))
    found = propose_levels(compared, mistyped | _odd(compared, dirt), frozenset(seen.early), complete)
    first = found.levels[0]
    words = f"{len(often) - len(found.mistyped)} levels, {first!r} most ({often[first] / series.len():.1%})"
    if len(often) - len(found.mistyped) > len(found.levels):
        words += f"; the rarest {len(often) - len(found.mistyped) - len(found.levels)} are not listed"
    if found.mistyped:
        odd, near = next(iter(found.mistyped.items()))
        rows = sum(often[value] for value in found.mistyped)
        words += f"; {len(found.mistyped)} values in {rows} rows look mistyped, such as {odd!r}"
        words += f" for {near!r}" if near else ""
    if found.other == "reject":
        words += "; no other is to be expected: none came in the last two thirds of the rows, or dirt did"
    words += _misfit_words(pattern)
    misfits = 0.0 if pattern is None else _late_misfits(pattern, seen)
    alarms = misfits + (found.false_alarm_rate if found.typo == "reject" else 0.0)
    return replace(
        base,
        kind=Kind.CATEGORY,
        role=Role.FEATURE,
        required=True,
        levels=found.levels,
        other=found.other,
        typo=found.typo,
        evidence=f"{words}{null_words(series)}{_told(seen.all)}",
        false_alarm_rate=alarm_rate(alarms, sum(seen.late.values())),
    )


def _complete(series: pl.Series, *, ordered: bool) -> float:
    """Return the share of the rows in which all texts have come; without an order a random one is as good as any."""
    if not ordered:
        return 0.0
    first = series.is_first_distinct() & series.is_not_null()
    return float(first.arg_true().max() or 0) / series.len()  # type: ignore[arg-type]  # row numbers


def _odd(often: Mapping[str, int], dirt: frozenset[str]) -> dict[str, str]:
    """Return the values that break a dependency wherever they stand; what they should be differs from row to row."""
    return {value: "" for value in often if value in dirt}


def _often(series: pl.Series) -> dict[str, int]:
    counts = series.drop_nulls().alias("text").value_counts().sort(["count", "text"], descending=[True, False])
    return dict(counts.iter_rows())


def _proven_pattern(seen: _Seen) -> Pattern | None:
    """Return a pattern that the held-out texts keep no worse than the others do."""
    pattern = _pattern(seen.early)
    if pattern is None or _late_misfits(pattern, seen) > BEARABLE + pattern.misfits:
        return None
    return _pattern(seen.all)


def _pattern(often: Mapping[str, int]) -> Pattern | None:
    step = max(1, len(often) // _MOST_TEXTS)
    return propose_pattern(list(often)[::step], list(often.values())[::step])


def _late_misfits(pattern: Pattern, seen: _Seen) -> float:
    """Return how much larger a share of the held-out rows does not match than of all, beyond what chance explains."""
    matches = re.compile(pattern.text).fullmatch
    rows = max(sum(seen.late.values()), 1)
    odd = sum(held for text, held in seen.late.items() if matches(text) is None)
    return max(0.0, odd / rows - pattern.misfits - _CHANCE * math.sqrt(pattern.misfits / rows))


def _misfit_words(pattern: Pattern | None) -> str:
    return f"; {pattern.misfits:.2%} do not match the pattern" if pattern is not None and pattern.misfits else ""


def _told(often: Mapping[str, int]) -> str:
    """Say that texts are numbers, where nearly all are: their reader may have meant them so."""
    some = list(often)[:1000]
    numbers = sum(_NUMBER.fullmatch(text.strip()) is not None and len(text) <= _MOST_DIGITS for text in some)
    if numbers < _NUMBER_SHARE * len(some):
        return ""
    return '; its texts are numbers: kind = "number" with repair = ["parse"] would read them as such'
