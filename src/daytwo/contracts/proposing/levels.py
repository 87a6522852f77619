"""Which values of a text column are its levels, and which are mistyped ones: the reference may be dirty itself.

`mistyped.py` says which values look mistyped. Whether a text to come that looks like a known level may be rejected as
mistyped depends on the levels: where most of them look like another, they are codes, and no text is mistyped; where
new levels are still seen and levels look alike, one to come may look mistyped and be right. Whether any unknown text
may be rejected depends on what was seen: few levels, each often and all early on, or dirt and no level that came once
only. Half of `propose.py`; pure.

Source: I. J. Good (1953), The population frequencies of species and the estimation of population parameters,
Biometrika 40, 237-264: the share of rows to come with a new level is that of levels seen once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from daytwo.contracts.typos import Typos

MOST_LEVELS = 1_000
# Where more of the levels than this look like another, they are codes.
_CODES = 0.5
# A row may be taken for mistyped this often before the rule only warns, and this often before it is left out.
_MOST_REJECTED, _MOST_WARNED = 5e-4, 5e-3

# Known levels are all there are where at least so many rows, and this share of them, are mistyped and none is new.
_LEAST_DIRT, _DIRT_SHARE = 5, 5e-3
# Or where they are few, each came this often, and in the last two thirds of so many rows came no new one.
_FEW, _OFTEN, _ENOUGH, _COMPLETE = 20, 20, 1_000, 1 / 3

# Shorter texts are never taken for mistyped, longer ones are words.
_SHORTEST, _LONGEST_CODE = 4, 16
_NO_DIGITS = str.maketrans("", "", "0123456789")


@dataclass(frozen=True, slots=True)
class Levels:
    """The levels, the most frequent first; `mistyped` are the values left out, with the level that each looks like.

    `typo` is what an unknown text that looks like a level should be: "keep", "warn" or "reject"; `other` what any other
    is; `false_alarm_rate` the share of rows, in [0, 1], that would be taken for mistyped and are not.
    """

    levels: tuple[str, ...]
    mistyped: Mapping[str, str]
    typo: str
    other: str
    false_alarm_rate: float


def propose_levels(
    often: Mapping[str, int], mistyped: Mapping[str, str], early: frozenset[str], complete: float = 1.0
) -> Levels:
    """Return the levels among the values of `often`, which holds each one's number of rows, the most frequent first.

    `mistyped` is what `mistyped.py` said of them; `early` are the values of all but the held-out rows, so that
    a level that came only later shows how often a new one looks mistyped. `complete` is the share of the rows, in time
    order, after which no new level came; 1 where there is no order to say so.

    Examples
    --------
    >>> often = {"birmingham": 80, "dothan": 20, "birminghxm": 1}
    >>> found = propose_levels(often, {"birminghxm": "birmingham"}, frozenset(often))
    >>> found.levels, found.typo
    (('birmingham', 'dothan'), 'reject')
    """
    # Where all looks wrong, nothing does.
    mistyped = mistyped if len(mistyped) < len(often) else {}
    levels = tuple(level for level in often if level not in mistyped)
    close = _close(levels[:MOST_LEVELS]) / max(min(len(levels), MOST_LEVELS), 1)
    if close > _CODES:
        return Levels(tuple(often)[:MOST_LEVELS], {}, "keep", "keep", 0.0)
    rows = max(sum(often.values()), 1)
    known = Typos(level for level in levels if level in early)
    late = sum(often[level] for level in levels if level not in early and known.nearest(level) is not None)
    once = sum(often[level] == 1 for level in levels)
    alarms = max(late / rows, close * once / rows)
    # What is not listed would look mistyped, too.
    listed = len(levels) <= MOST_LEVELS
    # One row of a small table proves nothing.
    typo = (
        "reject"
        if alarms <= max(_MOST_REJECTED, 1.5 / rows) and listed
        else "warn"
        if alarms <= _MOST_WARNED
        else "keep"
    )
    # Where dirt comes more often than a new level, an unknown text is dirt; where none was seen, it is news.
    new = sum(often[level] for level in levels if level not in early or often[level] == 1)
    dirty = sum(often[value] for value in mistyped)
    closed = listed and new == 0 and len(levels) > 1 and dirty >= max(_LEAST_DIRT, _DIRT_SHARE * rows)
    least = min((often[level] for level in levels), default=0)
    closed |= 1 < len(levels) <= _FEW and least >= _OFTEN and rows >= _ENOUGH and complete <= _COMPLETE
    return Levels(levels[:MOST_LEVELS], mistyped, typo, "reject" if closed else "keep", alarms)


def _close(levels: Sequence[str]) -> int:
    """Return how many levels look like another."""
    close = _one_apart(levels)
    # Two levels differ in a bit of their number, so each bit parts some of them.
    for bit in range(max(len(levels) - 1, 0).bit_length()):
        halves = [[level for i, level in enumerate(levels) if (i >> bit) & 1 == side] for side in (0, 1)]
        for these, others in (halves, halves[::-1]):
            typos = Typos(others)
            close.update(level for level in these if level not in close and typos.nearest(level) is not None)
    return len(close)


def _one_apart(levels: Sequence[str]) -> set[str]:
    """Return the levels that are the same as another but for one letter, as codes are, many at once."""
    variants: dict[str, list[str]] = {}
    for level in levels:
        if _SHORTEST <= len(level) <= _LONGEST_CODE:
            for variant in {level[:place] + level[place + 1 :] for place in range(len(level))}:
                variants.setdefault(variant, []).append(level)
    alike = (same for same in variants.values() if len({level.translate(_NO_DIGITS) for level in same}) > 1)
    return {level for same in alike for level in same}
