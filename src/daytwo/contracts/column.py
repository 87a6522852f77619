"""One promised column: what it is to the model, which values it may hold, and what is wrong with such a promise.

Pure and light; `contract.py` is all of a table's columns and the rules between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from daytwo.contracts.limits import is_number, range_problems
from daytwo.contracts.words import KIND_WORDS, levels_words, range_words
from daytwo.core.errors import SettingsError
from daytwo.core.schema import Kind

# The largest finite float32: what lies beyond would become infinite at the border.
FLOAT32_MAX = 3.4028234663852886e38
_NUMERIC = (Kind.NUMBER, Kind.INTEGER)
_TEXTUAL = (Kind.CATEGORY, Kind.TEXT)


class Role(StrEnum):
    """What a column is to the model."""

    FEATURE = "feature"
    TARGET = "target"
    TIME = "time"
    SUBJECT = "subject"
    KEY = "key"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Column:
    """One promised column.

    `minimum` .. `maximum` is the hard range (outside is rejected), `expected_minimum` .. `expected_maximum` the
    range seen so far (outside warns); both include their ends, in the column's own unit. `levels` are the known
    categories, in the order of their codes; on a target they are the two classes, the positive one last.
    `other` says what an unknown level is: "keep" (its code is `len(levels)`) or "reject". `nan` says what NaN is:
    "reject" or "missing". `evidence` is what the column was proposed from, `false_alarm_rate` the share of clean
    rows, in [0, 1], that its hard rules rejected on a held-out part.
    """

    name: str
    kind: Kind
    role: Role = Role.FEATURE
    required: bool = True
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    expected_minimum: float | None = None
    expected_maximum: float | None = None
    levels: tuple[str, ...] = ()
    other: str = "keep"
    nan: str = "reject"
    pattern: str | None = None
    max_length: int | None = None
    owner: str = ""
    evidence: str = ""
    false_alarm_rate: float | None = None

    def __post_init__(self) -> None:
        problem = next(_problems(self), "")
        if problem:
            raise SettingsError(f"column {self.name!r}: {problem}", hint="Correct this column in the contract")

    @property
    def is_numeric(self) -> bool:
        """Whether values are numbers with a range."""
        return self.kind in _NUMERIC

    @property
    def is_checked(self) -> bool:
        """Whether the column's values are judged at all."""
        return self.role is not Role.IGNORED

    def message(self, rule: str) -> str:
        """Return in plain words what `rule` demands of this column; the same at both doors."""
        return _message(self, rule)


def _problems(column: Column) -> Iterator[str]:
    if not column.name or column.name.startswith("_"):
        yield "a name may be neither empty nor start with '_', which daytwo keeps for its own columns"
    yield from _role_problems(column)
    yield from _level_problems(column)
    yield from range_problems(
        column.kind,
        (column.minimum, column.maximum),
        (column.expected_minimum, column.expected_maximum),
    )
    if column.nan not in {"reject", "missing"}:
        yield f"nan is 'reject' or 'missing', not {column.nan!r}"
    yield from _text_problems(column)


def _role_problems(column: Column) -> Iterator[str]:
    if column.role is Role.FEATURE and column.kind in {Kind.TEXT, Kind.TIME}:
        yield f"a {column.kind} cannot be a feature; make its role 'ignored', or its kind 'category'"
    if column.role is Role.FEATURE and column.kind is Kind.CATEGORY and not column.levels:
        yield "a category that is a feature needs its levels"
    if column.role is Role.TIME and column.kind is not Kind.TIME:
        yield f"the time column must be of kind 'time', not {str(column.kind)!r}"
    if column.role is Role.TARGET and (len(column.levels) not in {0, 2} or column.kind in {Kind.TEXT, Kind.TIME}):
        yield "a target is a number, or names exactly two levels, the positive one last"
    if column.role is Role.TARGET and column.kind is Kind.CATEGORY and not column.levels:
        yield "a target of kind 'category' needs its two levels, the positive one last"


def _level_problems(column: Column) -> Iterator[str]:
    if len(set(column.levels)) != len(column.levels):
        yield "a level is named twice"
    if column.levels and column.kind is not Kind.CATEGORY and column.role is not Role.TARGET:
        yield f"a {column.kind} has no levels"
    if column.is_numeric and not all(is_number(level) for level in column.levels):
        yield f"the levels of a {column.kind} must be numbers"
    if column.other not in {"keep", "reject"}:
        yield f"other is 'keep' or 'reject', not {column.other!r}"


def _text_problems(column: Column) -> Iterator[str]:
    if (column.pattern is not None or column.max_length is not None) and column.kind not in _TEXTUAL:
        yield f"a {column.kind} has neither pattern nor length"
    if column.pattern is not None:
        try:
            re.compile(column.pattern)
        except re.error as err:
            yield f"{column.pattern!r} is no regular expression: {err}"


def _message(column: Column, rule: str) -> str:
    match rule:
        case "missing_field":
            return f"{column.name} is required"
        case "not_null":
            return f"{column.name} must not be missing"
        case "type":
            return f"{column.name} must be {KIND_WORDS[column.kind]}"
        case "finite":
            return f"{column.name} must be a finite number that float32 can hold"
        case "between":
            return f"{column.name} must {range_words(column.minimum, column.maximum)}"
        case "expected_between":
            return f"{column.name} is expected to {range_words(column.expected_minimum, column.expected_maximum)}"
        case "in_set":
            return f"{column.name} is none of {levels_words(column.levels)}"
        case "length":
            return f"{column.name} must have at most {column.max_length} characters"
        case "match_regex":
            return f"{column.name} must match {column.pattern}"
    raise ValueError(f"a column has no rule {rule!r}")
