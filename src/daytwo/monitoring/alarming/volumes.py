"""How many rows a block usually has: by a calendar of its own, as Sundays may be quiet and their rows like others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from daytwo.monitoring.alarming.calendar import LEAST_IN_PHASE, choose_calendar, phase_of

# Ten percent more or fewer rows than usual is one unit of volume.
_UNIT = 0.1
# An hour of the week is the finest phase.
_MOST_PHASES = 168


class Volumes(msgspec.Struct, frozen=True):
    """The rows of the reference's blocks, in order of size: `sizes` of all of them and, by phase, of `phases`.

    `calendar` is the one by which their numbers differ, "" where there is none or the phases are somebody else's.
    """

    sizes: tuple[int, ...] = ()
    calendar: str = ""
    phases: dict[str, tuple[int, ...]] = {}

    def at(self, moment: np.datetime64[Any] | None) -> str:
        """Return the phase of a block that begins then."""
        return "" if moment is None else phase_of(self.calendar, moment)

    def channel(self, rows: int, phase: str, *, is_own: bool = False) -> float:
        """Return how unusual a block's number of rows is: 1 is 10 % more or fewer than the median of its phase.

        `is_own` says that it is a block of the reference, which is then held against the others; 0 where there is none.

        Examples
        --------
        >>> known = Volumes((300, 1000, 1000, 1020), "weekday", {"0": (1000, 1000, 1000, 1020), "6": (300,) * 4})
        >>> round(known.channel(1105, "0"), 1), round(known.channel(300, "6"), 1), round(known.channel(300, "1"), 1)
        (1.0, 0.0, 12.0)
        """
        others = list(self.phases.get(phase, self.sizes))
        if is_own:
            others.remove(rows)
        return abs(math.log(rows / float(np.median(others)))) / _UNIT if others else 0.0


def learn_volumes(sizes: Sequence[int], phases: Sequence[str], *, calendar: str = "") -> Volumes:
    """Learn from the reference's blocks: how many rows, and which phase; phases of few blocks count with all."""
    by_phase: dict[str, list[int]] = {}
    for size, phase in zip(sizes, phases, strict=True):
        by_phase.setdefault(phase, []).append(size)
    worth = {phase: tuple(sorted(those)) for phase, those in sorted(by_phase.items()) if len(those) >= LEAST_IN_PHASE}
    return Volumes(tuple(sorted(sizes)), calendar, worth if len(by_phase) > 1 else {})


def volumes_in_time(sizes: Sequence[int], starts: Sequence[np.datetime64[Any]], *, seconds: int) -> Volumes:
    """Learn from blocks of `seconds` that begin at `starts`, and choose the calendar that their numbers follow."""
    calendar = choose_calendar(seconds, starts, np.log(np.array(sizes, dtype=np.float64))[:, None], most=_MOST_PHASES)
    return learn_volumes(sizes, [phase_of(calendar, moment) for moment in starts], calendar=calendar)
