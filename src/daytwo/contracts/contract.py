"""A contract: what a row must look like before a model may learn from it or answer it.

Pure and light: the server imports it. It is compiled twice, by `decoder.py` for one request row and by `columnar.py`
for a table; both give the same verdict. `column.py` is what it says of one column; `toml.py` reads and writes it,
`propose.py` makes one from data.

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

from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from functools import lru_cache

import msgspec

from daytwo.contracts.column import Column, Role
from daytwo.contracts.sorts import expression_problem
from daytwo.core.digest import digest_json
from daytwo.core.errors import NotFound, SettingsError
from daytwo.core.schema import Feature, Schema, Task


class Action(StrEnum):
    """What a broken rule does to its row."""

    REJECT = "reject"
    WARN = "warn"


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


def _check_rule(contract: Contract, rule: Rule) -> None:
    kinds = {column.name: column.kind for column in contract.columns if column.is_checked}
    problem = expression_problem(rule.expression, kinds)
    if problem:
        raise SettingsError(
            f"rule {rule.name!r} ({rule.expression}): {problem}",
            hint="Compare columns whose role is not 'ignored', such as 'arrival >= departure'",
        )


@lru_cache(maxsize=32)  # asked for with every row kept aside
def _digest(contract: Contract) -> str:
    return digest_json(asdict(contract))
