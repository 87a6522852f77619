"""Hashes of keys, put aside until all rows are known: they tell which few keys must be looked at themselves.

Equal keys have equal hashes, so no repeated key is missed; keys that only share a hash are told apart by who looks at
them, in `steps.py`. Of two unequal values that come with one key one pair in 2^64 shares its hash, and is missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from daytwo.contracts.table.spill import Spill, read_part

# So many suspects are held in memory; are there more, all keys are looked at.
_MOST = 4_000_000


def prints(keys: pl.DataFrame, by: Sequence[str]) -> pl.Series:
    """Return the hash of each row's values in the columns `by`."""
    named = pl.col(by[0]) if len(by) == 1 else pl.struct(by)
    return keys.select(named.hash(0).alias("print")).to_series()


class Repeated:
    """Finds the keys that come more than once."""

    def __init__(self, folder: Path, name: str) -> None:
        self._aside = Spill(folder, name, ["print"])

    def add(self, keys: pl.DataFrame, by: Sequence[str]) -> None:
        """Take the keys of some rows, each in the columns `by`."""
        self._aside.add(prints(keys, by).to_frame())

    def found(self) -> pl.Series | None:
        """Return the hashes of these keys; None where they are too many."""
        found: list[pl.Series] = []
        for part in self._aside.parts():
            ordered = pl.concat([read_part(piece) for piece in part]).to_series().sort()
            found.append(ordered.filter(ordered == ordered.shift(1)).unique())
            if sum(one.len() for one in found) > _MOST:
                return None
        return pl.concat(found) if found else pl.Series([], dtype=pl.UInt64)


class Divided:
    """Finds the keys that come with more than one value of another column."""

    def __init__(self, folder: Path, name: str) -> None:
        self._aside = Spill(folder, name, ["print"], merge=_spans)

    def add(self, keys: pl.DataFrame, by: Sequence[str], other: str) -> None:
        """Take the keys of some rows, each in the columns `by`, with the values of `other`."""
        hashed = pl.DataFrame([prints(keys, by), prints(keys, [other]).alias("least")])
        self._aside.add(_spans(hashed.with_columns(most="least")))

    def found(self) -> pl.Series | None:
        """Return the hashes of these keys; None where they are too many."""
        found: list[pl.Series] = []
        for part in self._aside.parts():
            spans = _spans(pl.concat([read_part(piece) for piece in part]))
            found.append(spans.filter(pl.col("least") != pl.col("most")).get_column("print"))
            if sum(one.len() for one in found) > _MOST:
                return None
        return pl.concat(found) if found else pl.Series([], dtype=pl.UInt64)


def _spans(values: pl.DataFrame) -> pl.DataFrame:
    """Return the least and the greatest hash of another column's values that come with each key."""
    return values.group_by("print").agg(pl.col("least").min(), pl.col("most").max())
