"""A contract: what a row must look like before a model may learn from it or answer it.

Pure and light: the server imports it. It is compiled twice, by `decoder.py` for one request row and by `columnar.py`
for a table; both give the same verdict. `toml.py` reads and writes it, `propose.py` makes one from data.

What each rule means, in the order in which a value meets them (a rule marked "stop" ends the value's judgement):

=================  =======  ====================================================================================
rule               action   fails when
=================  =======  ====================================================================================
missing_field      reject   a required column is not there (stop); a table without it is refused as a whole
not_null           reject   the value is missing and the column is not nullable (stop)
type               reject   the value is of another kind: a text or a boolean is never a number (stop)
finite             reject   a number is NaN, infinite or beyond float32 (stop); `nan = "missing"` reads NaN as null
between            reject   a number lies outside `minimum` .. `maximum`
expected_between   warn     a number lies outside `expected_minimum` .. `expected_maximum`, but within the hard range
in_set             warn     a category is none of `levels`; rejected where `other = "reject"`
length             reject   a text has more than `max_length` characters
match_regex        reject   a text does not match `pattern` as a whole
expression:NAME    either   a row rule is false; it holds where a column it reads is missing or failed
unknown_field      warn     the row has a field that the contract does not know
=================  =======  ====================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from functools import lru_cache

import msgspec

from daytwo.contracts.limits import is_number, range_problems
from daytwo.contracts.sorts import expression_problem
from daytwo.contracts.words import KIND_WORDS, levels_words, range_words
from daytwo.core.digest import digest_json
from daytwo.core.errors import NotFound, SettingsError
from daytwo.core.schema import Feature, Kind, Schema, Task

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


class Action(StrEnum):
    """What a broken rule does to its row."""

    REJECT = "reject"
    WARN = "warn"


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


@dataclass(frozen=True, slots=True)
class Rule:
    """A promise between columns of one row: `expression` must be true (`arrival >= departure`)."""

    name: str
    expression: str
    action: Action = Action.REJECT
    evidence: str = ""


class Breach(msgspec.Struct, frozen=True, gc=False):
    """One named failure of one row. `value` is a JSON value, shortened; `action` says whether it rejects the row."""

    column: str
    rule: str
    value: str | int | float | bool | None
    message: str
    action: Action = Action.REJECT


@dataclass(frozen=True, slots=True)
class Contract:
    """The promises of one table. It never changes; a new promise is a new version."""

    name: str
    version: int
    owner: str
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...] = ()

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise SettingsError(f"the contract names {twice[0]!r} twice", hint="Keep one of the two columns")
        for role in (Role.TARGET, Role.TIME, Role.SUBJECT, Role.KEY):
            holders = [column.name for column in self.columns if column.role is role]
            if len(holders) > 1:
                raise SettingsError(f"{holders[0]!r} and {holders[1]!r} both are the {role}", hint="Keep one of them")
        for rule in self.rules:
            _check_rule(self, rule)

    @property
    def digest(self) -> str:
        """The name of this contract by its content."""
        return _digest(self)

    @property
    def features(self) -> Schema:
        """The model's inputs, in the contract's order."""
        return Schema(tuple(Feature(c.name, c.levels) for c in self.columns if c.role is Role.FEATURE))

    @property
    def target(self) -> Column | None:
        """The column that the model predicts."""
        return self._holder(Role.TARGET)

    @property
    def time(self) -> Column | None:
        """The column that says when a row happened."""
        return self._holder(Role.TIME)

    @property
    def subject(self) -> Column | None:
        """The column that says whom a row is about."""
        return self._holder(Role.SUBJECT)

    @property
    def key(self) -> Column | None:
        """The column that names a row, so that a label can find its prediction."""
        return self._holder(Role.KEY)

    @property
    def task(self) -> Task:
        """Binary where the target names its two classes, else regression."""
        return Task.BINARY if self.target is not None and self.target.levels else Task.REGRESSION

    def column(self, name: str) -> Column:
        """Return the column of that name.

        Raises
        ------
        NotFound
            If the contract has no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise NotFound(
            f"the contract {self.name!r} has no column {name!r}",
            hint=f"Its columns are {', '.join(column.name for column in self.columns)}",
        )

    def renewed(self, *, columns: tuple[Column, ...] | None = None, rules: tuple[Rule, ...] | None = None) -> Contract:
        """Return the next version of this contract with other columns or rules."""
        return replace(
            self,
            version=self.version + 1,
            columns=self.columns if columns is None else columns,
            rules=self.rules if rules is None else rules,
        )

    def _holder(self, role: Role) -> Column | None:
        return next((column for column in self.columns if column.role is role), None)


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


@lru_cache(maxsize=32)  # asked for with every row kept aside
def _digest(contract: Contract) -> str:
    return digest_json(asdict(contract))


def _check_rule(contract: Contract, rule: Rule) -> None:
    kinds = {column.name: column.kind for column in contract.columns if column.is_checked}
    problem = expression_problem(rule.expression, kinds)
    if problem:
        raise SettingsError(
            f"rule {rule.name!r} ({rule.expression}): {problem}",
            hint="Compare columns whose role is not 'ignored', such as 'arrival >= departure'",
        )


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
