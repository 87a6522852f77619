"""Which phase of the calendar a block belongs to: an hour of the day or week, a weekday.

A Monday is compared with Mondays where weekdays differ, and with all days where they do not: a phase has fewer blocks
to learn from, so it must be worth it. The reference's own blocks decide. Moments are UTC.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daytwo.monitoring.alarming.neighbours import centred_ranks
from daytwo.monitoring.profiles.bins import Floats

# A phase with fewer blocks is compared with the whole reference.
LEAST_IN_PHASE = 4
_HOUR_S, _DAY_S = 3_600, 86_400
# Calendars that blocks of so many seconds may follow, the finest first.
_CALENDARS: Mapping[int, tuple[str, ...]] = {_HOUR_S: ("hour of week", "hour of day"), _DAY_S: ("weekday",)}
# A calendar must explain so much of what differs between blocks, and more than all but two in a hundred random ones.
_WORTH, _CHANCE, _SHUFFLES = 0.05, 0.02, 200


def phase_of(calendar: str, moment: np.datetime64[Any]) -> str:
    """Return the phase of a moment; "" without a calendar.

    Examples
    --------
    >>> monday = np.datetime64("2013-04-01T17:30")
    >>> phase_of("weekday", monday), phase_of("hour of day", monday), phase_of("hour of week", monday)
    ('0', '17', '17')
    """
    if not calendar:
        return ""
    day = int(moment.astype("datetime64[D]").astype(np.int64))
    hour = int(moment.astype("datetime64[h]").astype(np.int64)) % 24
    weekday = (day + 3) % 7  # 1970 began on a Thursday
    return str({"weekday": weekday, "hour of day": hour, "hour of week": 24 * weekday + hour}[calendar])


def choose_calendar(seconds: int, moments: Sequence[np.datetime64[Any]], shares: Floats, *, most: int) -> str:
    """Return the calendar by which a reference's blocks differ; "" where there is none worth telling apart.

    Parameters
    ----------
    seconds : int
        The length of a block.
    moments : of n blocks
        A moment of each block.
    shares : shape (n, k)
        What each block is like, as k numbers.
    most : int
        So many phases may be kept at most.

    Source: W. H. Kruskal & W. A. Wallis (1952), Use of ranks in one-criterion variance analysis, J. Am. Stat. Assoc.
    47(260), 583-621, averaged over the numbers; R. Fisher (1935), The design of experiments (the test by permutation).
    """
    for calendar in _CALENDARS.get(seconds, ()):
        _, phases = np.unique([phase_of(calendar, moment) for moment in moments], return_inverse=True)
        counts = Counter(phases.tolist())
        if 1 < len(counts) <= most and min(counts.values()) >= LEAST_IN_PHASE and _worth(phases, shares):
            return calendar
    return ""


def _worth(phases: NDArray[np.intp], shares: Floats) -> bool:
    alive = shares[:, np.ptp(shares, axis=0) > 0]
    if not alive.size:
        return False
    ranks = centred_ranks(alive)
    products = ranks @ (ranks / (ranks**2).sum(axis=0)).T / alive.shape[1]
    same = (phases[:, None] == phases) / np.bincount(phases)[phases][:, None]
    seen = float((same * products).sum())
    by_chance = (float(np.trace(same)) - 1) / (len(phases) - 1)
    draw = np.random.default_rng(0)
    orders = (draw.permutation(len(phases)) for _ in range(_SHUFFLES))
    higher = sum(float((same * products[np.ix_(order, order)]).sum()) >= seen for order in orders)
    return seen - by_chance >= _WORTH * (1 - by_chance) and (1 + higher) / (1 + _SHUFFLES) <= _CHANCE
