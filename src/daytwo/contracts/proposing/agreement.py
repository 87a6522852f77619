"""How far rows that agree in one column agree in another, and which of those that do not look like dirt.

Half of `dependencies.py`, which says what follows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from daytwo.contracts.proposing.coded import MISSING, Coded, Codes
from daytwo.contracts.typos import nearest

# Among rows whose group has others this share may disagree, all of it dirt.
MOST_DIRT = 0.06
# Dirt is a value that comes once or twice in all, or that is this much rarer than the usual one and differs from it in
# no more than this share of its characters.
_TWICE, _RARER, _WRONG_CHARACTERS = 2, 0.05, 0.4
# No more than this share of the rows may have odd numbers.
_FEW = 0.002
# From here on a hash table counts faster than a sort.
_MANY = 50_000
# Values that lie so close are counted in an array with a place for each.
_PLACES = 8


@dataclass(frozen=True, slots=True)
class Counts:
    """What rows say of a group's usual value.

    `support` are the rows whose group has others, `broken` those that have not its usual value, `doubtful` those of
    them that do not look like dirt. `dirt` are the disagreements that do, each as group * distinct + value.
    """

    support: int
    broken: int
    doubtful: int
    dirt: Codes


def counted(groups: Codes, dependent: Coded) -> Counts:
    """Count how the rows of each group agree in `dependent`; with far too many disagreements, none is looked at."""
    usable = (groups != MISSING) & (dependent.codes != MISSING)
    pairs, counts = _tally(groups[usable] * dependent.distinct + dependent.codes[usable])
    if not pairs.size:
        return Counts(0, 0, 0, pairs)
    group = pairs // dependent.distinct
    starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
    sizes, largest = np.add.reduceat(counts, starts), np.maximum.reduceat(counts, starts)
    support = int(sizes[sizes > 1].sum())
    broken = int((sizes - largest).sum())
    if broken == 0 or broken > MOST_DIRT * support:
        return Counts(support, broken, broken, pairs[:0])
    member = np.repeat(np.arange(starts.size), np.diff(np.r_[starts, pairs.size]))
    order = np.lexsort((-counts, member))
    usual = pairs[order[np.searchsorted(member[order], np.arange(starts.size))]] % dependent.distinct
    odd = (pairs % dependent.distinct != usual[member]) & (sizes[member] > 2)
    dirt = _dirt(dependent, pairs[odd] % dependent.distinct, usual[member][odd])
    return Counts(support, broken, int(broken - counts[odd][dirt].sum()), pairs[odd][dirt])


def _dirt(dependent: Coded, odd: Codes, usual: Codes) -> npt.NDArray[np.bool_]:
    """Return for each disagreeing value whether it looks like dirt beside its group's usual value."""
    known = dependent.codes != MISSING
    often = np.bincount(dependent.codes[known], minlength=dependent.distinct)
    rare: npt.NDArray[np.bool_] = often[odd] <= _TWICE
    if dependent.series.dtype != pl.String:
        # Measured numbers are rare as such: dirt only where they come once or twice, and hardly a row has any.
        return rare & (odd.size <= _FEW * int(known.sum()))
    first = np.zeros(dependent.distinct, dtype=np.int64)
    first[dependent.codes[known]] = dependent.rows[known]
    words = dependent.series
    for i in np.flatnonzero(~rare & (often[odd] <= _RARER * often[usual])):
        rare[i] = _damaged(words[int(first[odd[i]])], words[int(first[usual[i]])])
    return rare


def _damaged(odd: str, usual: str) -> bool:
    """Whether one text is the other with characters wrong. Beside its group's value a short text may be judged, too."""
    if len(usual) < 2:
        return False
    if len(odd) == len(usual):
        wrong = sum(a != b for a, b in zip(odd, usual, strict=True))
        if wrong <= max(1.0, _WRONG_CHARACTERS * len(usual)):
            return True
    one_off = not _without_one(odd).isdisjoint(_without_one(usual))
    return one_off or nearest(odd, [usual]) is not None


def _without_one(text: str) -> set[str]:
    return {text, *(text[:place] + text[place + 1 :] for place in range(len(text)))}


def _tally(pairs: Codes) -> tuple[Codes, Codes]:
    """Return the distinct values in order, and how often each comes."""
    if pairs.size and int(pairs.max()) < _PLACES * pairs.size:
        table_of = np.bincount(pairs)
        distinct = np.flatnonzero(table_of)
        return distinct, table_of[distinct]
    if pairs.size < _MANY:
        return np.unique(pairs, return_counts=True)
    table = pl.Series("pair", pairs).value_counts(name="rows").sort("pair")
    return table["pair"].to_numpy(), table["rows"].cast(pl.Int64).to_numpy()


def disagreements(groups: Codes, values: Codes, distinct: int) -> int:
    """Return how many rows have not their group's most frequent value."""
    pairs, counts = _tally(groups * distinct + values)
    if not pairs.size:
        return 0
    group = pairs // distinct
    starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
    return int((np.add.reduceat(counts, starts) - np.maximum.reduceat(counts, starts)).sum())


def shuffled(values: Codes, given: Codes | None) -> Codes:
    """Return the values in another order, among rows of the same `given` code where one is given."""
    random = np.random.default_rng(0).random(values.size)
    if given is None:
        return values[np.argsort(random)]
    moved = np.empty_like(values)
    moved[np.argsort(given, kind="stable")] = values[np.lexsort((random, given))]
    return moved
