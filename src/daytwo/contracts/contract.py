"""A contract: what a row must look like before a model may learn from it or answer it.

Pure and light: the server imports it. It is compiled twice, by `decoder.py` for one request row and by `columnar.py`
for a table; both give the same verdict. `column.py` is what it says of one column; `toml.py` reads and writes it,
`propose.py` makes one from data.

What each rule of a row means, in the order in which a value meets them (a rule marked "stop" ends the judgement):

=================  =======  ====================================================================================
rule               action   fails when
=================  =======  ====================================================================================
missing_field      reject   a required column is not there (stop); a table without it is refused as a whole
not_null           reject   the value is missing and the column is not nullable (stop)
type               reject   the value is of another kind: a text or a boolean is never a number (stop)
finite             reject   a number is NaN, infinite or beyond float32 (stop); `nan = "missing"` reads NaN as null
between            reject   a number lies outside `minimum` .. `maximum`
expected_between   warn     a number lies outside `expected_minimum` .. `expected_maximum`, but within the hard range
typo               either   a category is none of `levels`, but looks like one (`typo` = "warn" or "reject")
in_set             warn     a category is none of `levels`, and no typo; rejected where `other = "reject"`
length             reject   a text has fewer than `min_length` or more than `max_length` characters
match_regex        reject   a text does not match `pattern` as a whole
expression:NAME    either   a row rule is false; it holds where a column it reads is missing or failed
unknown_field      warn     the row has a field that the contract does not know
=================  =======  ====================================================================================

`between`, `length` and `match_regex` only warn where the column's `warn` names them. A value that breaks a rule is
mended where its column has a `repair` that helps (`repairs.py`): its breach then says "repair". Promises between rows
stand in `relations.py`, those of a batch as a whole in `batch.py`; both are judged for tables only.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from functools import lru_cache

from daytwo.contracts.action import Action
from daytwo.contracts.batch import ANY_BATCH, Batch, Distribution, distribution_problems
from daytwo.contracts.column import Column, Role
from daytwo.contracts.relations import SORTS, Relation, relation_problems
from daytwo.contracts.sorts import expression_problem
from daytwo.core.digest import digest_json
from daytwo.core.errors import NotFound, SettingsError
from daytwo.core.schema import Feature, Schema, Task


@dataclass(frozen=True, slots=True)
class Rule:
    """A promise between columns of one row: `expression` must be true (`arrival >= departure`)."""

    name: str
    expression: str
    action: Action = Action.REJECT
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Contract:
    """The promises of one table. It never changes; a new promise is a new version."""

    name: str
    version: int
    owner: str
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...] = ()
    relations: tuple[Relation, ...] = ()
    distributions: tuple[Distribution, ...] = ()
    batch: Batch = ANY_BATCH

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise SettingsError(f"the contract names {twice[0]!r} twice", hint="Keep one of the two columns")
        for role in (Role.TARGET, Role.TIME, Role.SUBJECT, Role.KEY):
            holders = [column.name for column in self.columns if column.role is role]
            if len(holders) > 1:
                raise SettingsError(f"{holders[0]!r} and {holders[1]!r} both are the {role}", hint="Keep one of them")
        # In the order of the file, so that a contract that was written and read is the same.
        object.__setattr__(self, "relations", tuple(sorted(self.relations, key=lambda one: SORTS.index(type(one)))))
        for rule in self.rules:
            _check_rule(self, rule)
        _check_relations(self)
        _check_distributions(self)
        _check_imputed(self)

    @property
    def digest(self) -> str:
        """The name of this contract by its content."""
        return _digest(self)

    @property
    def features(self) -> Schema:
        """The model's inputs, in the contract's order; after a column with a default, where the default stands."""
        found: list[Feature] = []
        for column in self.columns:
            if column.role is Role.FEATURE:
                found.append(Feature(column.name, column.levels, column.direction))
                if column.imputed_name:
                    found.append(Feature(column.imputed_name))
        return Schema(tuple(found))

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
    if rule.action is Action.REPAIR:
        problem = "a row rule can reject or warn, not repair"
    if problem:
        raise SettingsError(
            f"rule {rule.name!r} ({rule.expression}): {problem}",
            hint="Compare columns whose role is not 'ignored', such as 'arrival >= departure'",
        )


def _check_relations(contract: Contract) -> None:
    kinds = {column.name: column.kind for column in contract.columns if column.is_checked}
    names = [relation.rule for relation in contract.relations]
    for relation in contract.relations:
        problem = next(relation_problems(relation, kinds), "")
        if names.count(relation.rule) > 1:
            problem = "there are two of that name"
        if problem:
            raise SettingsError(f"{relation.rule}: {problem}", hint="Name columns of this contract, each once")


def _check_distributions(contract: Contract) -> None:
    for one in contract.distributions:
        column = contract.column(one.column)
        problem = next(distribution_problems(one), "")
        if not column.is_checked or (one.edges and not column.is_numeric) or (one.levels and column.is_numeric):
            problem = "it has edges for a number and levels for a category, of a column that is checked"
        if problem:
            raise SettingsError(f"the distribution of {one.column!r}: {problem}", hint="Propose the contract anew")


def _check_imputed(contract: Contract) -> None:
    names = {column.name for column in contract.columns}
    for column in contract.columns:
        if column.imputed_name in names:
            raise SettingsError(
                f"{column.imputed_name!r} is a column, and what tells the model of the default of {column.name!r}",
                hint="Rename the column, or leave the default out",
            )


@lru_cache(maxsize=32)  # asked for with every row kept aside
def _digest(contract: Contract) -> str:
    return digest_json(_said(contract))


def _said(value: object) -> object:
    """Return what a contract says, without what it leaves at its default: new kinds of promise change no old digest."""
    if isinstance(value, tuple):
        return [_said(one) for one in value]
    if not is_dataclass(value):
        return value
    held = {one.name: getattr(value, one.name) for one in fields(value)}
    said = {one.name: _said(held[one.name]) for one in fields(value) if held[one.name] != one.default}
    return {type(value).__name__.lower(): said} if isinstance(value, Relation) else said
