"""Promises between the rows of a table, and between two tables: keys, dependencies, order.

Pure and light. A row of a request stands alone, so these are judged at the door for tables only (`across.py`); a row
is judged by them among the rows that broke no rule of their own, in the table's order.

=====================  ==========================================================================================
rule                   a row fails when
=====================  ==========================================================================================
unique:NAME            another row before it, or one taken in earlier, has the same values in all `columns`
dependency:NAME        among the rows with its values of `determinant`, more than half have another `dependent`
reference:NAME         its values of `columns` are not a row of `key` in the other table
monotone:NAME          its value is less than that of a row before it (of the same `within`); with `strict`, or equal
=====================  ==========================================================================================

A row whose value in one of the columns is missing keeps the promise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from daytwo.contracts.action import Action
from daytwo.core.schema import Kind

_ORDERED = (Kind.NUMBER, Kind.INTEGER, Kind.TIME)


@dataclass(frozen=True, slots=True)
class Unique:
    """No two rows agree in all `columns`."""

    name: str
    columns: tuple[str, ...]
    action: Action = Action.REJECT
    evidence: str = ""
    false_alarm_rate: float | None = None

    @property
    def rule(self) -> str:
        """The name under which a broken promise is reported."""
        return f"unique:{self.name}"

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns it reads."""
        return self.columns

    @property
    def words(self) -> str:
        """What it demands, in plain words."""
        return f"no two rows may have the same {_listed(self.columns)}"


@dataclass(frozen=True, slots=True)
class Dependency:
    """Rows that agree in all of `determinant` agree in `dependent`."""

    name: str
    determinant: tuple[str, ...]
    dependent: str
    action: Action = Action.REJECT
    evidence: str = ""
    false_alarm_rate: float | None = None

    @property
    def rule(self) -> str:
        """The name under which a broken promise is reported."""
        return f"dependency:{self.name}"

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns it reads."""
        return (*self.determinant, self.dependent)

    @property
    def words(self) -> str:
        """What it demands, in plain words."""
        return f"rows with the same {_listed(self.determinant)} have the same {self.dependent}"


@dataclass(frozen=True, slots=True)
class Reference:
    """The values of `columns` are found as `key` in the table called `table`."""

    name: str
    columns: tuple[str, ...]
    table: str
    key: tuple[str, ...]
    action: Action = Action.REJECT
    evidence: str = ""
    false_alarm_rate: float | None = None

    @property
    def rule(self) -> str:
        """The name under which a broken promise is reported."""
        return f"reference:{self.name}"

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns it reads."""
        return self.columns

    @property
    def words(self) -> str:
        """What it demands, in plain words."""
        return f"{_listed(self.columns)} must be a {_listed(self.key)} of {self.table}"


@dataclass(frozen=True, slots=True)
class Monotone:
    """`column` never falls from row to row (of the same `within`); with `strict` it always grows."""

    name: str
    column: str
    within: tuple[str, ...] = ()
    strict: bool = False
    action: Action = Action.REJECT
    evidence: str = ""
    false_alarm_rate: float | None = None

    @property
    def rule(self) -> str:
        """The name under which a broken promise is reported."""
        return f"monotone:{self.name}"

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns it reads."""
        return (self.column, *self.within)

    @property
    def words(self) -> str:
        """What it demands, in plain words."""
        among = f" among rows of the same {_listed(self.within)}" if self.within else ""
        return f"{self.column} {'always grows' if self.strict else 'never falls'} from row to row{among}"


Relation = Unique | Dependency | Reference | Monotone
# The order in which a contract holds them, and its file names them.
SORTS: tuple[type[Relation], ...] = (Unique, Dependency, Reference, Monotone)


def relation_problems(relation: Relation, kinds: dict[str, Kind]) -> Iterator[str]:
    """Say what is wrong with a relation over checked columns of these kinds."""
    reads = relation.reads
    unknown = [name for name in reads if name not in kinds]
    if unknown:
        yield f"it reads {unknown[0]!r}, which the contract does not check"
    if len(set(reads)) != len(reads):
        yield "it names a column twice"
    if relation.action is Action.REPAIR:
        yield "it can reject or warn, not repair"
    match relation:
        case Unique(columns=()) | Reference(columns=()):
            yield "it names no columns"
        case Dependency(determinant=()):
            yield "it names no determinant"
        case Reference() if len(relation.columns) != len(relation.key):
            yield "columns and key must be equally many"
        case Monotone() if kinds.get(relation.column, Kind.NUMBER) not in _ORDERED:
            yield f"{relation.column!r} has no order; name a number or a time"


def _listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
