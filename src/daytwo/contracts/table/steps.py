"""One promise between rows, judged batch by batch: what is known at once, and what only the end can tell.

`across.py` has the steps themselves, `spill.py` the keys put aside until the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from daytwo.contracts.relations import Dependency, Monotone, Reference, Relation, Unique
from daytwo.contracts.table.across import (
    Others,
    acquainted,
    counted,
    fallen,
    greatest,
    minority,
    outer_keys,
    relation_lines,
    repeated,
    strangers,
    summed,
)
from daytwo.contracts.table.lines import ROW
from daytwo.contracts.table.plan import Plan
from daytwo.contracts.table.spill import Part, Spill, read_part
from daytwo.core.errors import DataError

# The greatest value of so many groups is held in memory.
_MOST_GROUPS = 4_000_000


def steps_of(held: Plan, others: Others, folder: Path) -> list[Steps]:
    """Return what judges each promise between rows of a table.

    Raises
    ------
    DataError
        If a table that a reference names is not given, or has not its key.
    """
    whole = held.contract
    names = [one.rule for one in whole.relations]
    return [Steps(one, outer_keys(whole, one, others), folder, str(names.index(one.rule))) for one in held.relations]


class Steps:
    """Judges one relation; `outer` are the keys outside of the table that it goes by."""

    def __init__(self, relation: Relation, outer: pl.DataFrame | None, folder: Path, name: str) -> None:
        self.relation, self._outer = relation, outer
        by = relation.determinant if isinstance(relation, Dependency) else relation.reads
        self._aside = Spill(folder, name, [f"key {i}" for i in range(len(by))])
        self._tops: pl.DataFrame | None = None

    def take(self, keys: pl.DataFrame) -> pl.DataFrame:
        """Judge what a relation reads of a batch; return the lines that are sure now."""
        match self.relation:
            case Unique():
                failing = acquainted(keys, self._outer)
                self._aside.add(_without(keys, failing))
            case Dependency():
                failing = pl.Series([], dtype=pl.Int64)
                self._aside.add(keys)
            case Reference():
                failing = strangers(keys, self._outer if self._outer is not None else keys.clear())
            case Monotone():
                failing = fallen(keys, self._tops, strict=self.relation.strict)
                self._tops = greatest(keys, self._tops)
                self._refuse_many_groups()
        return relation_lines(self.relation, keys, failing)

    def rest(self) -> Iterator[pl.DataFrame]:
        """Yield the lines that only the end could tell."""
        for part in self._aside.parts():
            if isinstance(self.relation, Unique):
                yield from self._repeated(part)
            elif isinstance(self.relation, Dependency):
                yield from self._minority(part)

    def _repeated(self, part: Part) -> Iterator[pl.DataFrame]:
        known: list[pl.DataFrame] = []
        for piece in part:
            keys = read_part(piece)
            failing = repeated(keys, pl.concat(known) if known else None)
            yield relation_lines(self.relation, keys, failing)
            known.append(_without(keys, failing).drop(ROW))

    def _minority(self, part: Part) -> Iterator[pl.DataFrame]:
        counts: list[pl.DataFrame] = []
        for piece in part:
            counts = [summed([*counts, counted(read_part(piece))])]
        for piece in part:
            keys = read_part(piece)
            yield relation_lines(self.relation, keys, minority(keys, counts[0]))

    def _refuse_many_groups(self) -> None:
        if self._tops is not None and self._tops.height > _MOST_GROUPS:
            raise DataError(
                f"{self.relation.rule}: more than {_MOST_GROUPS:,} groups, too many to remember while rows stream by",
                hint="Check the table in memory, or take the promise out of the contract",
            )


def _without(keys: pl.DataFrame, failing: pl.Series) -> pl.DataFrame:
    return keys.filter(~keys.get_column(ROW).is_in(failing.implode())) if failing.len() else keys
