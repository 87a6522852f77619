"""What is judged of a table, and which of its rows must be looked at closer: all tests as one fused mask.

So a good table costs one pass that compares and counts nothing else. `suspects.py` has the tests of one column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from daytwo.contracts.action import Action, Breach
from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.judge import MISSING
from daytwo.contracts.mend import mending_judge
from daytwo.contracts.relations import Relation
from daytwo.contracts.rules import RowRule, row_rules
from daytwo.contracts.table.lines import ROW
from daytwo.contracts.table.remade import Judges
from daytwo.contracts.table.suspects import evaluated, suspect
from daytwo.contracts.table.typed import Reading, dtype_of, reading, shown
from daytwo.core.errors import DataError


class LostColumns(DataError):
    """A table lacks columns that its contract requires; no row of it can be judged."""

    def __init__(self, columns: Sequence[str], contract: str) -> None:
        named = f"column{'s' if len(columns) > 1 else ''} {', '.join(map(repr, columns))}"
        super().__init__(
            f"the data has no {named}, which the contract {contract!r} requires",
            hint="Bring the column back, or renew the contract with required = false for it",
        )
        self.columns = tuple(columns)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is judged of a table: columns, each with the type that the table holds, and the rules between them.

    `absent` names columns that the table does not have and that a default stands in for. `cells` are what expressions
    call the columns: their own names, unless the frame library would read one ("*", "^a$") as a pattern. `came` names,
    by column, where its cells stand as they came, if they were read since then (`texts.py`).
    """

    contract: Contract
    columns: tuple[Column, ...]
    dtypes: tuple[pl.DataType, ...]
    cells: tuple[str, ...]
    absent: frozenset[str]
    rules: tuple[RowRule, ...]
    unknown: tuple[str, ...]
    parse_text: bool
    came: Mapping[str, str] = field(default_factory=dict)
    judges: Judges = field(default_factory=Judges, compare=False)

    def judged(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the numbers of a table's rows, `_row`, and the judged columns under the plan's names."""
        held = [
            frame.get_column(column.name) if column.name not in self.absent else _nothing(frame.height, dtype)
            for column, dtype in zip(self.columns, self.dtypes, strict=True)
        ]
        series = [one.alias(cell) for one, cell in zip(held, self.cells, strict=True)]
        return pl.DataFrame([pl.int_range(frame.height, dtype=pl.Int64, eager=True).alias(ROW), *series])

    @property
    def is_plain(self) -> bool:
        """Whether the table has all columns, under the plan's names."""
        return not self.absent and all(one.name == cell for one, cell in zip(self.columns, self.cells, strict=True))

    @property
    def relations(self) -> tuple[Relation, ...]:
        """The promises between rows whose columns are all there; a row that misses a value keeps the others."""
        names = {column.name for column in self.columns}
        return tuple(one for one in self.contract.relations if names.issuperset(one.reads))

    def read(self, position: int) -> Reading:
        """Return the column at `position` read as the contract's kind."""
        column, cell = self.columns[position], pl.col(self.cells[position])
        return reading(column, cell, self.dtypes[position], parse_text=self.parse_text)

    def told(self, position: int) -> pl.Expr:
        """Return the cells of the column at `position` as texts that are safe to store, as they came."""
        came = self.came.get(self.columns[position].name)
        if came is not None:
            return shown(pl.col(came), pl.String())
        return shown(pl.col(self.cells[position]), self.dtypes[position])

    def parts(self) -> tuple[Plan, ...]:
        """Return the plan in parts that can be judged apart: each column alone, or with those that rules tie it to."""
        tied = [{column.name} for column in self.columns]
        for rule in self.rules:
            together = [group for group in tied if group & set(rule.columns)]
            tied = [group for group in tied if not group & set(rule.columns)] + [set().union(*together)]
        return tuple(self._part(group) for group in tied)

    def _part(self, names: set[str]) -> Plan:
        places = [i for i, column in enumerate(self.columns) if column.name in names]
        return replace(
            self,
            columns=tuple(self.columns[i] for i in places),
            dtypes=tuple(self.dtypes[i] for i in places),
            cells=tuple(self.cells[i] for i in places),
            rules=tuple(rule for rule in self.rules if set(rule.columns) & names),
        )

    def suspicious(self) -> pl.Expr:
        """Return which rows may break a rule."""
        masks = [pl.lit(False)]
        for column, dtype, cell in zip(self.columns, self.dtypes, self.cells, strict=True):
            masks += suspect(column, pl.col(cell), dtype, parse_text=self.parse_text)
        names = [column.name for column in self.columns]
        for rule in self.rules:
            masks.append(~evaluated(rule, {name: self.read(names.index(name)).value for name in rule.columns}))
        return pl.any_horizontal(masks)


def plan(contract: Contract, schema: pl.Schema, *, labels: bool, parse_text: bool) -> Plan:
    """Return what is judged of a table of these columns.

    Raises
    ------
    LostColumns
        If a required column is not there, and no default stands in for it.
    """
    wanted = [c for c in contract.columns if c.is_checked and (labels or c.role is not Role.TARGET)]
    absent = _stood_in_for([c for c in wanted if c.name not in schema], contract)
    columns = tuple(c for c in wanted if c.name in schema or c.name in absent)
    names = [column.name for column in columns]
    plain = not any(name == "*" or name.startswith("^") for name in names)
    known = {column.name for column in contract.columns}
    return Plan(
        contract,
        columns,
        tuple(dtype_of(c) if c.name in absent else schema[c.name] for c in columns),
        tuple(names) if plain else tuple(f"_value {i}" for i in range(len(names))),
        absent,
        row_rules(contract, names),
        tuple(name for name in schema if name not in known),
        parse_text,
    )


def _stood_in_for(missing: Sequence[Column], contract: Contract) -> frozenset[str]:
    """Return for which missing columns a default stands in; none does for more values than may be missing."""
    mended, lost = [], []
    for column in missing:
        found: list[Breach] = []
        mending_judge(column)(MISSING, found)
        too_many = bool(found) and column.max_null_share is not None and column.max_null_share < 1.0
        if too_many or any(breach.action is Action.REJECT for breach in found):
            lost.append(column.name)
        elif found:
            mended.append(column.name)
    if lost:
        raise LostColumns(lost, contract.name)
    return frozenset(mended)


def _nothing(height: int, dtype: pl.DataType) -> pl.Series:
    return pl.repeat(None, height, dtype=dtype, eager=True)
