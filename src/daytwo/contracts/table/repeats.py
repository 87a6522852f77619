"""How many rows of a table repeat another row as a whole, counted batch by batch in bounded memory.

Each row is known by a hash of its values. While there are few different rows all are counted; beyond that only those
whose hash ends in so many zeros, and all rows that equal them, so the share of repeated rows stays unbiased. Which are
counted depends on the rows alone, not on how they came in batches. `whole.py` keeps one of these.

Source: P. B. Gibbons (2001), Distinct sampling for highly-accurate answers to distinct values queries and event
reports, VLDB, 541-550.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

# So many different rows are counted at most: 16 MB, and a standard error of the share below 0.1 %.
MOST = 1 << 20
_COUNTS = pl.Schema({"hash": pl.UInt64, "rows": pl.Int64})


@dataclass(frozen=True, slots=True)
class Repeats:
    """Counts of rows that are alike: `counts` has a line for each `hash`, in order, and its number of `rows`.

    Only hashes whose last `zeros` bits are 0 are in it.
    """

    counts: pl.DataFrame
    zeros: int = 0

    def __add__(self, other: Repeats) -> Repeats:
        """Return the counts of both."""
        return _kept(pl.concat([self.counts, other.counts]), max(self.zeros, other.zeros))

    @property
    def share(self) -> float:
        """The share of rows, in [0, 1], that equal a row before them; 0 where there are none."""
        rows = int(self.counts.get_column("rows").sum())
        return (rows - self.counts.height) / rows if rows else 0.0


NO_ROWS = Repeats(_COUNTS.to_frame())


def repeats(rows: pl.LazyFrame, values: Sequence[pl.Expr]) -> Repeats:
    """Count the rows that are alike in all of these values; a missing value equals a missing one.

    Examples
    --------
    >>> repeats(pl.LazyFrame({"a": [1, 2, 1, None, None]}), [pl.col("a")]).share
    0.4
    """
    if not values:
        return NO_ROWS
    named = [value.alias(f"value {i}") for i, value in enumerate(values)]
    found = rows.select(named).select(pl.struct(pl.all()).hash(0).alias("hash"))
    return _kept(found.select("hash", pl.lit(1, pl.Int64).alias("rows")).collect(engine="streaming"), 0)


def _kept(counts: pl.DataFrame, zeros: int) -> Repeats:
    found = counts.filter(_ends(zeros)).group_by("hash").agg(pl.col("rows").sum()).sort("hash")
    while found.height > MOST:
        zeros += 1
        found = found.filter(_ends(zeros))
    return Repeats(found, zeros)


def _ends(zeros: int) -> pl.Expr:
    return pl.col("hash") % pl.lit(1 << zeros, pl.UInt64) == 0
