"""A contract taken over from another tool, column by column, and what could not be taken over, by name.

Pure. `adopt_gx.py` and `adopt_pandera.py` read the two tools' files into a `Draft`; nothing is dropped in silence:
what another tool promises and a contract cannot is named in `Adopted.left`, what means a little less or more here in
`Adopted.changed`.
"""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from daytwo.contracts.action import Action
from daytwo.contracts.batch import ANY_BATCH, Batch
from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract, Rule
from daytwo.contracts.relations import Relation
from daytwo.core.errors import SettingsError
from daytwo.core.schema import Kind

# More values than this make a row rule that nobody reads.
_MOST_VALUES = 20
_KIND_WORDS: Mapping[Kind, str] = {
    Kind.INTEGER: "int uint integer bigint smallint tinyint long short byte",
    Kind.NUMBER: "float double decimal numeric number real double_precision",
    Kind.BOOLEAN: "bool boolean",
    Kind.TIME: "date datetime timestamp timestamptz",
    Kind.CATEGORY: "category categorical enum",
    Kind.TEXT: "str string object varchar nvarchar char text utf",
}
_KINDS = {word: kind for kind, words in _KIND_WORDS.items() for word in words.split()}


@dataclass(frozen=True, slots=True)
class Note:
    """One promise of the other tool that is not, or not quite, in the contract, and why."""

    promise: str
    why: str

    @property
    def words(self) -> str:
        """Say it in a line."""
        return f"{self.promise}: {self.why}"


@dataclass(frozen=True, slots=True)
class Adopted:
    """What was taken over. `carried` counts the promises that mean the same here."""

    contract: Contract
    carried: int
    changed: tuple[Note, ...]
    left: tuple[Note, ...]


def kind_named(text: str) -> Kind | None:
    """Return the kind that another tool's name of a type means, None where it means none.

    Examples
    --------
    >>> [kind_named(name) for name in ("Int64", "DOUBLE_PRECISION", "datetime64[ns]", "string[python]", "list")]
    [<Kind.INTEGER: 'integer'>, <Kind.NUMBER: 'number'>, <Kind.TIME: 'time'>, <Kind.TEXT: 'text'>, None]
    """
    name = re.match("[a-z_]*", text.strip().rpartition(".")[2].lower())
    return _KINDS.get(name.group().removesuffix("type").rstrip("_")) if name else None


def whole_pattern(regex: str, *, at_start: bool = False) -> str:
    r"""Return the pattern that a text matches as a whole where `regex` is found in it.

    With `at_start`, where `regex` is found at its beginning.

    Examples
    --------
    >>> whole_pattern("^N[0-9]+$")
    'N[0-9]+'
    >>> print(whole_pattern("^a|b$"))
    [\s\S]*(?:^a|b$)[\s\S]*
    """
    anything = r"[\s\S]*"  # read alike by Python, JSON Schema and other tools
    if "|" in regex:
        return f"{'' if at_start else anything}(?:{regex}){anything}"
    begins = regex.startswith("^")
    ends = regex.endswith("$") and not regex.endswith("\\$")
    inner = regex[1 if begins else 0 : -1 if ends else None]
    return f"{'' if begins or at_start else anything}{inner}{'' if ends else anything}"


def read_by_rule(column: str) -> str:
    """Return how a row rule names this column.

    Examples
    --------
    >>> read_by_rule("km"), read_by_rule("trip km")
    ('km', "col('trip km')")
    """
    return column if column.isidentifier() and not keyword.iskeyword(column) else f"col({column!r})"


def one_of(column: str, values: Iterable[object]) -> str:
    """Return the row rule "`column` is one of `values`".

    Examples
    --------
    >>> one_of("month", [1, 2])
    'month == 1 or month == 2'
    """
    return " or ".join(f"{read_by_rule(column)} == {value!r}" for value in values)


def none_of(column: str, values: Iterable[object]) -> str:
    """Return the row rule "`column` is none of `values`"."""
    return " and ".join(f"{read_by_rule(column)} != {value!r}" for value in values)


@dataclass(slots=True)
class Draft:
    """A contract being taken over.

    `facts` holds what is known of each column, by the names of `Column`'s fields; of a column of which nothing is
    said, `nullable` says whether a value may be missing.
    """

    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    nullable: bool = True
    rules: list[tuple[Rule, str]] = field(default_factory=list)
    relations: list[tuple[Relation, str]] = field(default_factory=list)
    batch: Batch = ANY_BATCH
    carried: int = 0
    changed: list[Note] = field(default_factory=list)
    left: list[Note] = field(default_factory=list)

    def column(self, name: str) -> dict[str, Any]:
        """Return what is known of a column."""
        return self.facts.setdefault(name, {"nullable": self.nullable})

    def leave(self, promise: str, why: str) -> None:
        """Name a promise that is not taken over."""
        self.left.append(Note(promise, why))

    def change(self, promise: str, why: str) -> None:
        """Name a promise that means something a little else here."""
        self.changed.append(Note(promise, why))

    def add_rule(self, name: str, expression: str, promise: str, *, warns: bool = False) -> None:
        """Add a row rule, under a name of its own."""
        taken = {rule.name for rule, _ in self.rules}
        unique = next(one for one in (name, *(f"{name}_{i}" for i in range(2, 1000))) if one not in taken)
        self.rules.append((Rule(unique, expression, Action.WARN if warns else Action.REJECT), promise))

    def add_relation(self, relation: Relation, promise: str) -> None:
        """Add a promise between rows, unless it is there already."""
        if relation not in [one for one, _ in self.relations]:
            self.relations.append((relation, promise))

    def narrow(self, name: str, low: float | None, high: float | None, *, warns: bool = False) -> None:
        """Narrow a column's range: the expected one where it only warns."""
        facts, before = self.column(name), "expected_" if warns else ""
        for key, bound, pick in ((f"{before}minimum", low, max), (f"{before}maximum", high, min)):
            if bound is not None:
                facts[key] = float(bound) if key not in facts else pick(facts[key], float(bound))

    def bound(self, name: str, low: Any, high: Any, promise: str, *, ends: tuple[bool, bool], warns: bool) -> bool:
        """Take a range over; `ends` says whether its lower and its upper end belong to it. False where it was left."""
        held = [bound for bound in (low, high) if bound is not None]
        if not held or not all(_is_number(bound) for bound in held):
            self.leave(promise, "a range here is one of numbers")
            return False
        whole = self.column(name).get("kind") is Kind.INTEGER
        lower = low if ends[0] or low is None else _next_whole(low) if whole else None
        upper = high if ends[1] or high is None else -_next_whole(-high) if whole else None
        self.narrow(name, lower, upper, warns=warns)
        for bound, kept, sign, words in ((low, lower, ">", "above"), (high, upper, "<", "below")):
            if bound is not None and kept is None:
                self.add_rule(f"{name}_{words}", f"{read_by_rule(name)} {sign} {bound!r}", promise, warns=warns)
        return True

    def allow(self, name: str, values: list[Any], promise: str, *, warns: bool = False) -> bool:
        """Take a set of allowed values over: levels where they are texts, a row rule where numbers."""
        facts = self.column(name)
        if values and all(isinstance(value, str) for value in values):
            kept = [value for value in facts.get("levels", values) if value in values]
            facts |= {"levels": tuple(dict.fromkeys(kept)), "kind": Kind.CATEGORY}
            facts["other"] = "keep" if warns else "reject"
            return True
        if not values or not all(_is_number(value) for value in values) or len(values) > _MOST_VALUES:
            self.leave(promise, f"a set here is one of texts, or of up to {_MOST_VALUES} numbers")
            return False
        facts.setdefault("kind", Kind.NUMBER)
        self.add_rule(f"{name}_set", one_of(name, values), promise, warns=warns)
        return True

    def finish(self, *, name: str, owner: str, roles: Mapping[str, Role], kinds: Mapping[str, Kind]) -> Adopted:
        """Return the contract; `kinds` are those of real rows, for columns of which the other tool names no type."""
        columns = [self._column(column, facts, roles, kinds) for column, facts in self.facts.items()]
        contract = Contract(name=name, version=1, owner=owner, columns=tuple(columns), batch=self.batch)
        for rule, promise in self.rules:
            contract = self._tried(contract, promise, rules=(*contract.rules, rule))
        for relation, promise in self.relations:
            contract = self._tried(contract, promise, relations=(*contract.relations, relation))
        return Adopted(contract, self.carried, tuple(self.changed), tuple(self.left))

    def _tried(self, contract: Contract, promise: str, **change: Any) -> Contract:
        try:
            return replace(contract, **change)
        except SettingsError as err:
            self.carried -= 1
            self.leave(promise, err.message)
            return contract

    def _column(self, name: str, facts: dict[str, Any], roles: Mapping[str, Role], kinds: Mapping[str, Kind]) -> Column:
        kind = facts.get("kind") or _implied(facts) or kinds.get(name)
        if kind is None:
            self.leave(name, "its type is not said; give rows with --rows, or set kind and role yourself")
            return Column(name, Kind.TEXT, Role.IGNORED, evidence="its type was not said")
        if kind is Kind.NUMBER and kinds.get(name) is Kind.INTEGER:
            kind = Kind.INTEGER
        if kind is Kind.CATEGORY and not facts.get("levels"):
            kind = Kind.TEXT
        role = roles.get(name) or (Role.CHECKED if kind in {Kind.TEXT, Kind.TIME} else Role.FEATURE)
        try:
            return Column(name, **(facts | {"kind": kind, "role": role}))
        except SettingsError as err:
            self.leave(f"the promises of {name}", err.message)
            return Column(name, kind, role if role is not Role.TARGET else Role.CHECKED)


def _implied(facts: Mapping[str, Any]) -> Kind | None:
    if facts.keys() & {"minimum", "maximum", "expected_minimum", "expected_maximum"}:
        return Kind.NUMBER
    return Kind.TEXT if facts.keys() & {"pattern", "min_length", "max_length"} else None


def _next_whole(bound: float) -> int:
    return math.floor(bound) + 1


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
