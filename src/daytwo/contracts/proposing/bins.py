"""Categories that are bins of a number: `history_segment` says "$0 - $100", so `history` must lie there.

A category is such a bin where no other one has a value in its interval and the neighbours' values begin where its own
end. Intervals that only lie apart prove nothing: they may do so by chance. Half of `propose.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from daytwo.contracts.contract import Rule
from daytwo.contracts.proposing.arithmetic import written_column

_Values = npt.NDArray[np.float64]
MOST_LEVELS = 20
# Fewer rows of a category do not show where it ends, fewer different values are no continuum to cut into bins.
_LEAST_ROWS, _LEAST_VALUES = 50, 20
# Between two bins there is a gap of at most this share of the narrower one, or one whole number.
_GAP = 0.05
# A glance at so many rows; a category with fewer of them may be anything.
_GLANCE, _FEW = 2_000, 5
# With the categories shuffled among the rows this share must break the rule.
_LEAST_CHANCE = 0.2
_MOST_BROKEN = 5e-4
_MOST_RULES = 6


def propose_bins(
    categories: Mapping[str, npt.NDArray[np.object_]], values: Mapping[str, _Values], held_out: npt.NDArray[np.int64]
) -> tuple[Rule, ...]:
    """Return which numbers lie in the bin that a category names; None and NaN are missing.

    Arrays have shape (n,). The bins are read from the rows that are not held out, and must hold on the others.
    """
    found: list[Rule] = []
    for label, levels in categories.items():
        for name, held in values.items():
            rule = _bins(label, levels, name, held, held_out) if name != label else None
            if rule is not None:
                found.append(rule)
    return tuple(found[:_MOST_RULES])


def _bins(
    label: str, levels: npt.NDArray[np.object_], name: str, held: _Values, held_out: npt.NDArray[np.int64]
) -> Rule | None:
    if not _may_be_bins(levels, held):
        return None
    early = ~np.isnan(held) & (levels != None)  # noqa: E711  an array's elements are compared
    known = early.copy()
    early[held_out] = False
    numbers = held[early]
    if numbers.size < _LEAST_ROWS * 2 or np.unique(numbers).size < _LEAST_VALUES:
        return None
    texts = levels.astype(str)
    cuts = dict(_cut(texts[early], numbers))
    if len(cuts) < 2:
        return None
    broken = _broken(texts[known], held[known], cuts)
    late = np.isin(np.flatnonzero(known), held_out)
    shuffled = np.random.default_rng(0).permutation(texts[known])
    chance = float(_broken(shuffled, held[known], cuts).mean())
    if broken.mean() > _MOST_BROKEN or chance < _LEAST_CHANCE or (late.any() and broken[late].mean() > _MOST_BROKEN):
        return None
    parts = [_text(label, level, name, ends) for level, ends in cuts.items()]
    words = f"{len(cuts)} categories are bins of {name}; broken by {int(broken.sum())} of {broken.size} rows"
    words += f"; {chance:.0%} would break it by chance"
    return Rule(f"bins_{label}_{name}", " and ".join(parts), evidence=words)


def _may_be_bins(levels: npt.NDArray[np.object_], held: _Values) -> bool:
    """Whether a few rows leave it possible that two categories are bins."""
    step = max(1, held.size // _GLANCE)
    texts, numbers = levels[::step], held[::step]
    known = ~np.isnan(numbers) & (texts != None)  # noqa: E711  an array's elements are compared
    texts, numbers = texts[known].astype(str), numbers[known]
    apart = rare = 0
    for name, count in zip(*np.unique(texts, return_counts=True), strict=True):
        own = texts == name
        low, high = numbers[own].min(), numbers[own].max()
        if count < _FEW:
            rare += 1
        else:
            apart += not np.any((numbers[~own] >= low) & (numbers[~own] <= high))
    return apart >= 1 and apart + rare >= 2


def _cut(levels: npt.NDArray[np.str_], numbers: _Values) -> Iterator[tuple[str, tuple[float | None, float | None]]]:
    """Yield each category that is a bin, and the neighbours' nearest values, its ends; None where there is none."""
    names, counts = np.unique(levels, return_counts=True)
    if not 2 <= names.size <= MOST_LEVELS:
        return
    ends = {name: (numbers[levels == name].min(), numbers[levels == name].max()) for name in names}
    whole = np.array_equal(numbers, np.rint(numbers))
    for name, count in zip(names, counts, strict=True):
        low, high = ends[name]
        others = numbers[levels != name]
        if count < _LEAST_ROWS or np.any((others >= low) & (others <= high)):
            continue
        below, above = others[others < low], others[others > high]
        nearest = float(below.max()) if below.size else None, float(above.min()) if above.size else None
        widest = 1.0 if whole else _GAP * max(high - low, 0.0)
        gaps = [0.0 if end is None else abs(end - own) for end, own in zip(nearest, (low, high), strict=True)]
        if max(gaps) <= widest:
            yield str(name), nearest


def _broken(
    levels: npt.NDArray[np.str_], numbers: _Values, cuts: Mapping[str, tuple[float | None, float | None]]
) -> npt.NDArray[np.bool_]:
    broken = np.zeros(numbers.size, dtype=np.bool_)
    for level, (low, high) in cuts.items():
        of_level = levels == level
        if low is not None:
            broken |= of_level & (numbers < low)
        if high is not None:
            broken |= of_level & (numbers > high)
    return broken


def _text(label: str, level: str, name: str, ends: tuple[float | None, float | None]) -> str:
    low, high = ends
    said = [f"{written_column(name)} >= {low:.10g}"] if low is not None else []
    said += [f"{written_column(name)} <= {high:.10g}"] if high is not None else []
    return f"({written_column(label)} != {level!r} or ({' and '.join(said)}))"
