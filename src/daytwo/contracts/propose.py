"""A contract proposed from rows: types, nullability, levels and ranges, each with its evidence.

It is a draft that its owner reads and edits. `ranges.py` says how far numbers may go, `leaks.py` which columns look
like the answer, `toml.py` writes the draft down.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from daytwo.contracts.column import FLOAT32_MAX, Column, Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.labels import level_text, positive_level
from daytwo.contracts.moments import require_moments
from daytwo.contracts.ranges import Range, propose_range
from daytwo.core.errors import DataError
from daytwo.core.schema import Kind

# Seen this often without a missing value, a missing value is news and not chance.
_ENOUGH_ROWS = 1_000
_MOST_LEVELS = 1_000
# Half of the values or more occur once: names, ids, free text.
_NEAR_UNIQUE = 0.5
_FEW_TEXTS = 50
# A dense run of distinct whole numbers this long is a row number.
_ROW_NUMBERS = 100
_HELD_OUT = 0.2
_BEARABLE = 1e-4
_WIDENINGS = 6
# A level may be four times as long as the longest seen, and never less than this.
_SHORTEST_LIMIT = 64
_DATE_LIKE = r"^\s*[0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{1,4}([ T].*)?$"


def propose(
    frame: pl.DataFrame,
    *,
    name: str,
    owner: str = "",
    target: str,
    time: str = "",
    subject: str = "",
    key: str = "",
    exclude: Collection[str] = (),
) -> Contract:
    """Propose version 1 of a contract for rows like those of `frame`.

    Columns that cannot be features are ignored, with the reason as evidence; so are those named in `exclude`.

    Raises
    ------
    DataError
        If the frame is empty, a named column is not in it, the time column holds no times, or the target is no
        number and has not exactly two values.
    """
    if frame.is_empty():
        raise DataError("the data holds no rows", hint="Name a file or table with rows in it")
    _refuse_patterns(frame)
    roles = {time: Role.TIME, subject: Role.SUBJECT, key: Role.KEY, target: Role.TARGET}
    for column, role in roles.items():
        if column or role is Role.TARGET:
            _require(frame, column, role)
    for column in exclude:
        _require(frame, column, "excluded")
    if time:
        when = require_moments(frame.get_column(time))
        order = np.argsort(when.to_numpy(), kind="stable")
        frame = frame.with_columns(when.alias(time))[order]
    columns = [
        _column(frame.get_column(label), roles.get(label, Role.FEATURE), ordered=bool(time), excluded=label in exclude)
        for label in frame.columns
        if label and not label.startswith("_")
    ]
    return Contract(name=name, version=1, owner=owner, columns=tuple(columns))


def _column(series: pl.Series, role: Role, *, ordered: bool, excluded: bool) -> Column:
    match role:
        case Role.TARGET:
            return _target(series)
        case Role.TIME:
            evidence = f"{str(series.min())[:10]} to {str(series.max())[:10]}, {series.n_unique()} distinct times"
            return Column(series.name, Kind.TIME, Role.TIME, evidence=evidence)
        case Role.SUBJECT | Role.KEY:
            return _name_column(series, role)
    return _ignored(series, "excluded by name") if excluded else _feature(series, ordered=ordered)


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
    nullable = _nullable(series)
    if series.dtype.is_integer():
        return Column(series.name, Kind.INTEGER, role, nullable=nullable, evidence=evidence)
    longest = series.cast(pl.String).str.len_chars().max()
    limit = max(_SHORTEST_LIMIT, 4 * longest) if isinstance(longest, int) else _SHORTEST_LIMIT
    return Column(series.name, Kind.TEXT, role, nullable=nullable, max_length=limit, evidence=evidence)


def _ignored(series: pl.Series, reason: str) -> Column:
    kind = Kind.TIME if series.dtype in {pl.Date, pl.Datetime} else _kind_of(series)
    kind = Kind.TEXT if kind is Kind.CATEGORY else kind
    return Column(series.name, kind, Role.IGNORED, required=False, nullable=True, evidence=f"ignored: {reason}")


def _nullable(series: pl.Series) -> bool:
    return series.null_count() > 0 or series.len() < _ENOUGH_ROWS


def _feature(series: pl.Series, *, ordered: bool) -> Column:
    if series.dtype.base_type() in {pl.Categorical, pl.Enum}:
        series = series.cast(pl.String)
    reason = _why_not(series, ordered=ordered)
    if reason:
        return _ignored(series, reason)
    if series.dtype == pl.Boolean:
        evidence = f"true in {series.sum() / series.len():.1%}{_null_words(series)}"
        return Column(series.name, Kind.BOOLEAN, nullable=_nullable(series), evidence=evidence)
    return _category(series) if series.dtype == pl.String else _number(series, ordered=ordered)


def _why_not(series: pl.Series, *, ordered: bool) -> str:
    """Return why this column cannot be a feature, or nothing."""
    values = series.drop_nulls()
    distinct = values.n_unique() if not series.dtype.is_nested() else -1
    if values.is_empty():
        return "every value is missing"
    if series.dtype == pl.String:
        return _why_no_category(values, distinct, series)
    if series.dtype.is_temporal():
        return "a time other than the model's; derive what matters from it (an hour, an age)"
    if not (series.dtype.is_numeric() or series.dtype == pl.Boolean):
        return f"values of type {series.dtype} are no kind of feature"
    if distinct == 1 and not series.null_count():
        return f"always {values.first()!s}"
    if series.dtype.is_integer() and _is_row_number(values, distinct):
        return "a row number: all different, without gaps"
    if ordered and distinct >= 3 and series.dtype.is_numeric() and _is_clock(values):
        return "it only ever grows (or falls) with time: the rows to come lie beyond what was seen"
    return ""


def _why_no_category(values: pl.Series, distinct: int, series: pl.Series) -> str:
    if distinct == 1 and not series.null_count():
        return f"always {values.first()!r}"
    if values.str.contains(_DATE_LIKE).all():
        return "a time other than the model's; derive what matters from it (an hour, an age)"
    if distinct > _FEW_TEXTS and distinct >= _NEAR_UNIQUE * values.len():
        return f"free text or ids: {distinct} different in {values.len()} values"
    return ""


def _is_row_number(values: pl.Series, distinct: int) -> bool:
    span = int(values.max()) - int(values.min()) + 1  # type: ignore[arg-type]  # an integer series is not empty
    return values.len() >= _ROW_NUMBERS and distinct == values.len() and span <= 1.5 * distinct


def _is_clock(values: pl.Series) -> bool:
    steps = values.cast(pl.Float64).diff().drop_nulls()
    return bool((steps >= 0).all() or (steps <= 0).all())


def _category(series: pl.Series) -> Column:
    counts = series.drop_nulls().alias("level").value_counts().sort(["count", "level"], descending=[True, False])
    levels = tuple(counts.get_column("level").head(_MOST_LEVELS).to_list())
    longest = max(len(level) for level in levels)
    kept = int(counts.get_column("count").head(_MOST_LEVELS).sum()) / int(counts.get_column("count").sum())
    dropped = f"; the rarest {counts.height - len(levels)} are not listed" if kept < 1.0 else ""
    words = f"{counts.height} levels, {levels[0]!r} most ({counts.item(0, 1) / series.len():.1%})"
    return Column(
        series.name,
        Kind.CATEGORY,
        nullable=_nullable(series),
        levels=levels,
        max_length=max(_SHORTEST_LIMIT, 4 * longest),
        evidence=f"{words}{dropped}{_null_words(series)}",
    )


def _null_words(series: pl.Series) -> str:
    share = series.null_count() / series.len()
    return f", {share:.2%} missing" if share else f", none of {series.len()} missing"


@dataclass(frozen=True, slots=True)
class _Widened:
    range: Range
    false_alarms: float


def _number(series: pl.Series, *, ordered: bool) -> Column:
    numbers = series.cast(pl.Float64)
    missing_nan = bool(numbers.is_nan().any())
    usable = numbers.filter(numbers.is_finite() & (numbers.abs() <= FLOAT32_MAX)).to_numpy()
    nullable = _nullable(series) or missing_nan
    nan = "missing" if missing_nan else "reject"
    whole = series.dtype.is_integer()
    kind = Kind.INTEGER if whole else Kind.NUMBER
    if usable.size == 0 or usable.min() == usable.max():
        words = f"one value only{_null_words(series)}"
        return Column(series.name, kind, nullable=nullable, nan=nan, evidence=words)
    widened = _proven_range(usable, name=series.name, whole=whole, ordered=ordered)
    found = widened.range
    low, high = usable.min(), usable.max()
    words = f"seen {low:g} to {high:g}, median {np.median(usable):g}{_null_words(series)}"
    return Column(
        series.name,
        kind,
        nullable=nullable,
        minimum=found.minimum,
        maximum=found.maximum,
        expected_minimum=found.expected_minimum,
        expected_maximum=found.expected_maximum,
        nan=nan,
        evidence=words,
        false_alarm_rate=round(widened.false_alarms, 8),
    )


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
