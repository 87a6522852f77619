"""A channel that moved, in words: which column or concern it is about, and why most likely."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from daytwo.monitoring.alarming.alarm import Moved
from daytwo.monitoring.alarming.channels import Moments
from daytwo.monitoring.alarming.listeners import unfiltered
from daytwo.monitoring.judging.causes import Cause, column_cause
from daytwo.monitoring.profiles.profile import Layout, Profile

_WORDS = {
    "prediction": "the predictions are distributed otherwise",
    "dependence": "columns move together otherwise than before",
    "pair": "they move together otherwise than before",
    "volume": "the number of rows is unusual",
    "contract": "an unusual share of rows breaks the contract",
    "attribution": "it weighs otherwise in the model's reasons",
    "new": "an unusual number of its values was never in the reference",
    "outside": "an unusual number of its values lies beyond the reference's range",
    "leftover": "it strays from what the other columns of its rows let expect",
    "unfit": "it fits the other columns of its rows worse than before",
    "untied": "it hardly belongs to the other columns of its rows any more",
    "rise": "it is higher than the other columns let expect",
    "fall": "it is lower than the other columns let expect",
    "more": "one value is more frequent than the other columns let expect",
    "less": "one value is rarer than the other columns let expect",
    "unit": "it changed as if some of its values came in another unit",
    "hole": "more values are missing than the other columns let expect",
}

# A channel of this kind is loud for any large move: the words say what it looks like, not that it is so.
_LOOKS_LIKE = {"unit": "as if unit"}


def telling(moved: Sequence[Moved]) -> tuple[Moved, ...]:
    """Return the channels worth telling, in their order.

    A fault of one column looks a little like a fault of those it goes with. So of columns but the first, a known fault
    is told only where the column moved for itself too.
    """
    plain = {moved[i].channel for i in unfiltered([one.channel for one in moved])}
    themselves = {_column(channel) for channel in plain} | {_column(moved[0].channel)}
    return tuple(one for one in moved if one.channel in plain or _column(one.channel) in themselves)


def _column(channel: str) -> str:
    return channel.partition(":")[2] or channel


def explain_moved(
    moved: Moved, layout: Layout, whole: Profile, moments: Moments, part: Profile, matrix: NDArray[np.floating]
) -> tuple[str, str, Cause]:
    """Return the channel's kind, the column or concern it is about, and the likely cause.

    `whole` and `moments` are the reference's, `part` and `matrix` the window's. A unit, holes, another column's
    values or a level never seen are named first; else the channel says what it heard.
    """
    kind, _, column = moved.channel.partition(":")
    if kind == "pair":
        first, second = moments.strongest_pair(part)
        return kind, f"{layout.columns[first].name} and {layout.columns[second].name}", Cause(kind, _WORDS[kind])
    if not column:
        return kind, kind, Cause(kind, _WORDS.get(kind, ""))
    names = [bins.name for bins in layout.columns]
    cause = column_cause(layout, whole, part, matrix, names.index(column))
    if cause.kind == "covariate" and kind in _WORDS:
        cause = Cause(_LOOKS_LIKE.get(kind, kind), _WORDS[kind])
    return kind, column, cause
