"""What one column promises, proposed from its values: its kind and role, whether it may be missing, how far it goes.

Half of `propose.py`; texts are in `proposed_texts.py`, `ranges.py` says how far numbers may go.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from daytwo.contracts.column import FLOAT32_MAX, Column, Role
from daytwo.contracts.labels import level_text, positive_level
from daytwo.contracts.proposing.held_out import alarm_rate
from daytwo.contracts.proposing.ranges import Range, propose_range
from daytwo.core.errors import DataError
from daytwo.core.schema import Kind

# Seen this often without a missing value, a missing value is news and not chance.
_ENOUGH_ROWS = 1_000
# Half of the values or more occur once: names, ids, free text.
_NEAR_UNIQUE = 0.5
_FEW_TEXTS = 50
# A dense run of distinct whole numbers this long is a row number.
_ROW_NUMBERS = 100
_HELD_OUT = 0.2
_LARGEST = 2**63 - 1
# More infinite numbers than this are no errors, but a way of writing something.
_MOST_ENDLESS = 0.01
_BEARABLE = 1e-4
_WIDENINGS = 6
# A text may be four times as long as the longest seen, and never less than this.
_SHORTEST_LIMIT = 64
_DATE_LIKE = r"^\s*[0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{1,4}([ T].*)?$"
_MONTH_NAMED = (
    r"^\s*([0-9]{1,2}[ .-]+)?(?i:jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?|"
    r"oct(ober)?|nov(ember)?|dec(ember)?)[ .,-]+[0-9]{1,4}\b"
)
_DATE_SHARE = 0.9
# A block of this share of the rows may have this much more missing values than the worst block seen, or so much more.
_BLOCKS, _MORE_NULLS, _FEW_NULLS = 20, 2.0, 0.05


def named_column(series: pl.Series, role: Role) -> Column:
    """Return the column that the caller gave a role: the target, the time, the subject or the key."""
    if role is Role.TARGET:
        return _target(series)
    if role is Role.TIME:
        evidence = f"{str(series.min())[:10]} to {str(series.max())[:10]}, {series.n_unique()} distinct times"
        return Column(series.name, Kind.TIME, Role.TIME, evidence=evidence)
    return _name_column(series, role)


def ignored_column(series: pl.Series, reason: str) -> Column:
    """Return a column that is not judged."""
    kind = Kind.TIME if _is_time(series) else _kind_of(series)
    kind = Kind.TEXT if kind is Kind.CATEGORY else kind
    return Column(series.name, kind, Role.IGNORED, required=False, nullable=True, evidence=f"ignored: {reason}")


def plain_column(series: pl.Series, *, ordered: bool) -> Column:
    """Return a column that no caller gave a role and that holds no texts: an input of the model where it can be one."""
    reason, use = _why_not(series, ordered=ordered)
    if use is Role.IGNORED:
        return ignored_column(series, reason)
    if use is Role.CHECKED:
        return _checked(series, reason)
    if series.dtype == pl.Boolean:
        evidence = f"true in {series.sum() / series.len():.1%}{null_words(series)}"
        return Column(
            series.name,
            Kind.BOOLEAN,
            nullable=may_be_missing(series),
            max_null_share=most_missing(series, ordered=ordered),
            evidence=evidence,
        )
    return _number(series, ordered=ordered)


def why_no_category(series: pl.Series) -> tuple[str, Role]:
    """Return why a column of texts cannot be an input of the model, and what it is instead; "" where it can."""
    values = series.drop_nulls()
    if values.is_empty():
        return "every value is missing", Role.IGNORED
    distinct = values.n_unique()
    if distinct == 1 and not series.null_count():
        return f"always {values.first()!r}", Role.CHECKED
    if values.str.contains(_DATE_LIKE).mean() >= _DATE_SHARE or names_months(values):  # type: ignore[operator]
        return "a time other than the model's; derive what matters from it (an hour, an age)", Role.CHECKED
    if distinct > _FEW_TEXTS and distinct >= _NEAR_UNIQUE * values.len():
        return f"free text or ids: {distinct} different in {values.len()} values", Role.CHECKED
    return "", Role.FEATURE


def names_months(texts: pl.Series) -> bool:
    """Whether texts, of which one at least is not missing, are dates with a month's name: the next has another name."""
    return bool(texts.drop_nulls().str.contains(_MONTH_NAMED).mean() >= _DATE_SHARE)  # type: ignore[operator]


def most_missing(series: pl.Series, *, ordered: bool) -> float | None:
    """Return the share of missing values that a batch may have; None where nothing can be said of it."""
    missing = series.is_null() | series.is_nan() if series.dtype.is_float() else series.is_null()
    size = series.len() // _BLOCKS
    if not missing.any() or series.len() < _ENOUGH_ROWS:
        return None
    held = missing.to_numpy()[: size * _BLOCKS].astype(np.float64)
    blocks = held.reshape(_BLOCKS, size) if ordered else held.reshape(size, _BLOCKS).T
    worst = float(blocks.mean(axis=1).max())
    return min(1.0, math.ceil(100 * max(_MORE_NULLS * worst, worst + _FEW_NULLS)) / 100)


def longest_allowed(series: pl.Series) -> int:
    """Return the limit of a text's length."""
    longest = series.cast(pl.String).str.len_chars().max()
    return max(_SHORTEST_LIMIT, 4 * longest) if isinstance(longest, int) else _SHORTEST_LIMIT


def may_be_missing(series: pl.Series) -> bool:
    """Whether a missing value is nothing new."""
    return series.null_count() > 0 or series.len() < _ENOUGH_ROWS


def null_words(series: pl.Series) -> str:
    """Say how many values are missing."""
    share = series.null_count() / series.len()
    return f", {share:.2%} missing" if share else f", none of {series.len()} missing"


def _why_not(series: pl.Series, *, ordered: bool) -> tuple[str, Role]:
    """Return why this column cannot be a feature, or nothing, and its role."""
    values = series.drop_nulls()
    distinct = values.n_unique() if not series.dtype.is_nested() else -1
    if values.is_empty():
        return "every value is missing", Role.IGNORED
    if _is_time(series):
        return "a time other than the model's; derive what matters from it (an hour, an age)", Role.CHECKED
    if not (series.dtype.is_numeric() or series.dtype == pl.Boolean):
        return f"values of type {series.dtype} are no kind of feature", Role.IGNORED
    if series.dtype == pl.UInt64 and int(values.max()) > _LARGEST:  # type: ignore[arg-type]  # it is not empty
        return "whole numbers beyond 2^63 - 1, which no rule reads: make texts of them", Role.IGNORED
    if distinct == 1 and not series.null_count():
        return f"always {values.first()!s}", Role.CHECKED
    endless = float(values.is_infinite().mean()) if series.dtype.is_float() else 0.0  # type: ignore[arg-type]
    if endless > _MOST_ENDLESS:
        return f"infinite in {endless:.1%}: put a number or nothing there", Role.IGNORED
    if series.dtype.is_integer() and _is_row_number(values, distinct):
        return "a row number: all different, without gaps", Role.CHECKED
    if ordered and distinct >= 3 and series.dtype.is_numeric() and _is_clock(values):
        return "it only ever grows (or falls) with time: the rows to come lie beyond what was seen", Role.CHECKED
    return "", Role.FEATURE


def _checked(series: pl.Series, reason: str) -> Column:
    kind = Kind.TIME if _is_time(series) else _kind_of(series)
    nan = "missing" if series.dtype.is_float() and series.is_nan().any() else "reject"
    return Column(
        series.name,
        kind,
        Role.CHECKED,
        required=False,
        nullable=may_be_missing(series) or nan == "missing",
        nan=nan,
        evidence=f"no input: {reason}",
    )


def _is_time(series: pl.Series) -> bool:
    return series.dtype == pl.Date or isinstance(series.dtype, pl.Datetime)


def _target(series: pl.Series) -> Column:
    values = series.drop_nulls()
    counts = {level_text(value): int(count) for value, count in values.alias("value").value_counts().iter_rows()}
    number = series.dtype.is_numeric()
    kind = _kind_of(series)
    if len(counts) < 2:
        raise DataError(
            f"the target {series.name!r} has only the value {next(iter(counts), 'null')!r}: there is nothing to learn",
            hint="Bring rows of both outcomes, or name another target",
        )
    shares = ", ".join(f"{level} {count / values.len():.1%}" for level, count in sorted(counts.items()))
    if len(counts) == 2:
        positive = positive_level(counts)
        negative = next(level for level in counts if level != positive)
        return Column(series.name, kind, Role.TARGET, levels=(negative, positive), evidence=f"two classes: {shares}")
    if not number:
        raise DataError(
            f"the target {series.name!r} has {len(counts)} different texts",
            hint="daytwo predicts two classes or a number: make one column of two values, or of numbers, of it",
        )
    numbers = values.cast(pl.Float64).to_numpy()
    evidence = f"a number, mean {numbers.mean():.4g}, {numbers.min():g} to {numbers.max():g}"
    return Column(series.name, kind, Role.TARGET, evidence=evidence)


def _kind_of(series: pl.Series) -> Kind:
    if series.dtype == pl.Boolean:
        return Kind.BOOLEAN
    if series.dtype.is_integer():
        return Kind.INTEGER
    return Kind.NUMBER if series.dtype.is_numeric() else Kind.CATEGORY


def _name_column(series: pl.Series, role: Role) -> Column:
    evidence = f"{series.n_unique()} different in {series.len()} rows"
    nullable = may_be_missing(series)
    if series.dtype.is_integer():
        return Column(series.name, Kind.INTEGER, role, nullable=nullable, evidence=evidence)
    return Column(
        series.name, Kind.TEXT, role, nullable=nullable, max_length=longest_allowed(series), evidence=evidence
    )


def _is_row_number(values: pl.Series, distinct: int) -> bool:
    span = int(values.max()) - int(values.min()) + 1  # type: ignore[arg-type]  # an integer series is not empty
    return values.len() >= _ROW_NUMBERS and distinct == values.len() and span <= 1.5 * distinct


def _is_clock(values: pl.Series) -> bool:
    steps = values.cast(pl.Float64).diff().drop_nulls()
    return bool((steps >= 0).all() or (steps <= 0).all())


@dataclass(frozen=True, slots=True)
class _Widened:
    range: Range
    false_alarms: float


def _number(series: pl.Series, *, ordered: bool) -> Column:
    numbers = series.cast(pl.Float64)
    missing_nan = bool(numbers.is_nan().any())
    usable = numbers.filter(numbers.is_finite() & (numbers.abs() <= FLOAT32_MAX)).to_numpy()
    nullable = may_be_missing(series) or missing_nan
    nan = "missing" if missing_nan else "reject"
    whole = series.dtype.is_integer()
    kind = Kind.INTEGER if whole else Kind.NUMBER
    if usable.size == 0 or usable.min() == usable.max():
        words = f"one value only{null_words(series)}"
        return Column(series.name, kind, nullable=nullable, nan=nan, evidence=words)
    widened = _proven_range(usable, name=series.name, whole=whole, ordered=ordered)
    found = widened.range
    low, high = usable.min(), usable.max()
    words = f"seen {low:g} to {high:g}, median {np.median(usable):g}{null_words(series)}"
    default = "" if nullable or whole else _middle(series)
    return Column(
        series.name,
        kind,
        nullable=nullable,
        max_null_share=_FEW_NULLS if default else most_missing(series, ordered=ordered),
        minimum=found.minimum,
        maximum=found.maximum,
        expected_minimum=found.expected_minimum,
        expected_maximum=found.expected_maximum,
        nan=nan,
        repair=(f"default {default}",) if default else (),
        evidence=words,
        false_alarm_rate=alarm_rate(widened.false_alarms, int(usable.size * _HELD_OUT)),
    )


def _middle(series: pl.Series) -> str:
    """Return the value that stands in for one that is missing where none ever was: one that was seen, in the middle.

    The lower median of two columns of which one is never more than the other keeps that order.
    """
    middle = series.filter(series.is_finite()).quantile(0.5, interpolation="lower")
    return str(np.float32(middle)) if series.dtype == pl.Float32 else repr(middle)


def _proven_range(values: npt.NDArray[np.float64], *, name: str, whole: bool, ordered: bool) -> _Widened:
    """Propose a range that holds on a held-out part, the last fifth; an end that will not hold is left open."""
    cut = int(values.size * (1 - _HELD_OUT))
    early, late = values[:cut], values[cut:]
    if cut < 2 or early.min() == early.max():
        return _Widened(propose_range(values, name=name, whole=whole, ordered=ordered), 0.0)
    low = high = 1.0
    for attempt in range(_WIDENINGS + 1):
        tried = propose_range(early, name=name, whole=whole, ordered=ordered, low_widening=low, high_widening=high)
        below, above = tried.rejected_share(late)
        if below <= _BEARABLE and above <= _BEARABLE:
            break
        last = attempt == _WIDENINGS - 1
        low = low if below <= _BEARABLE else (math.inf if last else 2 * low)
        high = high if above <= _BEARABLE else (math.inf if last else 2 * high)
    final = propose_range(values, name=name, whole=whole, ordered=ordered, low_widening=low, high_widening=high)
    return _Widened(final, below + above)
