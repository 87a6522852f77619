"""One promised column: what it is to the model, which values it may hold, and what is wrong with such a promise.

Pure and light; `contract.py` is all of a table's columns and the rules between them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from daytwo.contracts.limits import is_number, range_problems
from daytwo.contracts.repairs import Repair, read_repair
from daytwo.contracts.words import KIND_WORDS, length_words, levels_words, range_words
from daytwo.core.errors import SettingsError
from daytwo.core.schema import Kind

# The largest finite float32: what lies beyond would become infinite at the border.
FLOAT32_MAX = 3.4028234663852886e38
_NUMERIC = (Kind.NUMBER, Kind.INTEGER)
_ORDERED = (*_NUMERIC, Kind.BOOLEAN)
_TEXTUAL = (Kind.CATEGORY, Kind.TEXT)
_POLICIES = ("keep", "warn", "reject")
# What `score` says, by how the score goes with the value.
_DIRECTIONS = {"": 0, "rises": 1, "falls": -1}
# Rules that may be asked only to warn; what breaks one of the others leaves nothing that a model could read.
_SOFT = ("between", "length", "match_regex")


class Role(StrEnum):
    """What a column is to the model. A `checked` one is judged but no input of it; an `ignored` one is not judged."""

    FEATURE = "feature"
    TARGET = "target"
    TIME = "time"
    SUBJECT = "subject"
    KEY = "key"
    CHECKED = "checked"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Column:
    """One promised column.

    `minimum` .. `maximum` is the hard range (outside is rejected), `expected_minimum` .. `expected_maximum` the
    range seen so far (outside warns); both include their ends, in the column's own unit. `levels` are the known
    categories, in the order of their codes; on a target they are the two classes, the positive one last.
    `other` says what an unknown level is: "keep" (its code is `len(levels)`) or "reject"; `typo` what an unknown level
    is that looks like a known one: "keep" (as any other), "warn" or "reject". `nan` says what NaN is: "reject" or
    "missing". `max_null_share` is the share of missing values, in [0, 1], that a batch may have. `warn` names rules of
    the column that only warn, `repair` how a value that breaks a rule may be mended, in order (`repairs.py`).
    `score` binds what is learned: with a higher value the model's score "rises" (never falls) or "falls" (never rises).
    `evidence` is what the column was proposed from, `false_alarm_rate` the share of clean rows, in [0, 1], that its
    hard rules rejected on a held-out part of n; where they rejected none, its 95 % upper limit 3 / n.
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
    typo: str = "keep"
    nan: str = "reject"
    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    max_null_share: float | None = None
    warn: tuple[str, ...] = ()
    repair: tuple[str, ...] = ()
    score: str = ""
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

    @property
    def repairs(self) -> tuple[Repair, ...]:
        """The column's repairs, in order."""
        return tuple(read_repair(text, self.kind) for text in self.repair)

    @property
    def direction(self) -> int:
        """How the model's score goes with the value: 1 never down, -1 never up, 0 either way."""
        return _DIRECTIONS[self.score]

    @property
    def imputed_name(self) -> str:
        """The feature that tells the model where this column's default stands for a missing value; "" for none."""
        defaults = any(repair.name == "default" for repair in self.repairs)
        return f"{self.name}_imputed" if defaults and self.role is Role.FEATURE else ""

    def message(self, rule: str) -> str:
        """Return in plain words what `rule` demands of this column; the same at both doors."""
        return _MESSAGES[rule](self)


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
    yield from _policy_problems(column)


def _role_problems(column: Column) -> Iterator[str]:
    if column.role is Role.FEATURE and column.kind in {Kind.TEXT, Kind.TIME}:
        yield f"a {column.kind} cannot be a feature; make its role 'checked', or its kind 'category'"
    if column.role is Role.FEATURE and column.kind is Kind.CATEGORY and not column.levels:
        yield "a category that is a feature needs its levels"
    if column.role is Role.TIME and column.kind is not Kind.TIME:
        yield f"the time column must be of kind 'time', not {str(column.kind)!r}"
    if column.role is Role.TARGET and (len(column.levels) not in {0, 2} or column.kind in {Kind.TEXT, Kind.TIME}):
        yield "a target is a number, or names exactly two levels, the positive one last"
    if column.role is Role.TARGET and column.kind is Kind.CATEGORY and not column.levels:
        yield "a target of kind 'category' needs its two levels, the positive one last"
    if column.score not in _DIRECTIONS:
        yield f"score is 'rises' or 'falls' with the value, not {column.score!r}"
    if column.score and (column.role is not Role.FEATURE or column.kind not in _ORDERED):
        yield "only a feature that is a number, an integer or a boolean has a score that rises or falls with it"


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
    lengths = [length for length in (column.min_length, column.max_length) if length is not None]
    if (column.pattern is not None or lengths) and column.kind not in _TEXTUAL:
        yield f"a {column.kind} has neither pattern nor length"
    if lengths != sorted(lengths) or any(length < 0 for length in lengths):
        yield "lengths are at least 0, min_length no more than max_length"
    if column.pattern is not None:
        try:
            re.compile(column.pattern)
        except re.error as err:
            yield f"{column.pattern!r} is no regular expression: {err}"


def _policy_problems(column: Column) -> Iterator[str]:
    if column.typo not in _POLICIES:
        yield f"typo is 'keep', 'warn' or 'reject', not {column.typo!r}"
    if column.typo != "keep" and not (column.kind is Kind.CATEGORY and column.levels):
        yield "only a category with levels has typos"
    if column.max_null_share is not None and not 0 <= column.max_null_share <= 1:
        yield f"max_null_share is a share between 0 and 1, not {column.max_null_share}"
    hard = [rule for rule in column.warn if rule not in _SOFT]
    if hard:
        yield f"the rule {hard[0]!r} cannot only warn; {', '.join(_SOFT)} can"
    try:
        names = [repair.name for repair in column.repairs]
    except ValueError as err:
        yield str(err)
        return
    if "default" in names and column.nullable:
        yield "a column with a default is not nullable: its missing values become the default"
    if "clip" in names and column.minimum is None and column.maximum is None:
        yield "the repair 'clip' needs a minimum or a maximum"
    if "nearest" in names and not column.levels:
        yield "the repair 'nearest' needs levels"


_MESSAGES: Mapping[str, Callable[[Column], str]] = {
    "missing_field": lambda c: f"{c.name} is required",
    "not_null": lambda c: f"{c.name} must not be missing",
    "type": lambda c: f"{c.name} must be {KIND_WORDS[c.kind]}",
    "finite": lambda c: f"{c.name} must be a finite number that float32 can hold",
    "between": lambda c: f"{c.name} must {range_words(c.minimum, c.maximum)}",
    "expected_between": lambda c: f"{c.name} is expected to {range_words(c.expected_minimum, c.expected_maximum)}",
    "typo": lambda c: f"{c.name} looks like a mistyped one of {levels_words(c.levels)}",
    "in_set": lambda c: f"{c.name} is none of {levels_words(c.levels)}",
    "length": lambda c: f"{c.name} must have {length_words(c.min_length, c.max_length)}",
    "match_regex": lambda c: f"{c.name} must match {c.pattern}",
}
