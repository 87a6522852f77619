"""One promise between rows, judged batch by batch: what is known at once, and what only the end can tell.

Keys are put aside until then (`spill.py`), and only those are looked at whose hashes say so (`prints.py`). `across.py`
has the steps themselves.
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
from daytwo.contracts.table.prints import Divided, Repeated, prints
from daytwo.contracts.table.spill import Log, Part, Spill, read_part
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
        reads = relation.determinant if isinstance(relation, Dependency) else relation.reads
        self._by = [f"key {i}" for i in range(len(reads))]
        self._folder, self._name = folder, name
        self._keys = Log(folder, f"{name}-keys")
        self._repeats, self._divided = Repeated(folder, f"{name}-prints"), Divided(folder, f"{name}-prints")
        self._tops: pl.DataFrame | None = None

    def take(self, keys: pl.DataFrame) -> pl.DataFrame:
        """Judge what a relation reads of a batch; return the lines that are sure now."""
        match self.relation:
            case Unique():
                failing = acquainted(keys, self._outer)
                new = _without(keys, failing)
                self._repeats.add(new, self._by)
                self._keys.add(new)
            case Dependency():
                failing = pl.Series([], dtype=pl.Int64)
                self._divided.add(keys, self._by, f"key {len(self._by)}")
                self._keys.add(keys)
            case Reference():
                failing = strangers(keys, self._outer if self._outer is not None else keys.clear())
            case Monotone():
                failing = fallen(keys, self._tops, strict=self.relation.strict)
                self._tops = greatest(keys, self._tops)
                self._refuse_many_groups()
        return relation_lines(self.relation, keys, failing)

    def rest(self) -> Iterator[pl.DataFrame]:
        """Yield the lines that only the end could tell."""
        if isinstance(self.relation, Unique):
            for part in self._suspects(self._repeats.found()):
                yield from self._repeated(part)
        elif isinstance(self.relation, Dependency):
            for part in self._suspects(self._divided.found()):
                yield from self._minority(part)

    def _suspects(self, found: pl.Series | None) -> Iterator[Part]:
        """Yield the keys of these hashes in parts, all keys where there is no saying."""
        if found is not None and not found.len():
            return
        aside = Spill(self._folder, self._name, self._by)
        for keys in self._keys.pieces():
            aside.add(keys if found is None else keys.filter(prints(keys, self._by).is_in(found.implode())))
        yield from aside.parts()

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
