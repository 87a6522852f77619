"""What is normal for windows without a project: all reference windows together, and those of each phase.

A phase (an hour, a weekday, a month) is compared with itself where the reference has enough windows of it, so that a
Monday is no change. Every reference window is held against the others, never against itself. In a project
`reference.py` keeps the like in a bundle; `watching.py` is the door.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daytwo.core.schema import Schema
from daytwo.monitoring.alarming.attribution import Attribution, learn_attribution, rows_to_ask
from daytwo.monitoring.alarming.calendar import LEAST_IN_PHASE
from daytwo.monitoring.alarming.channels import channels
from daytwo.monitoring.alarming.filtering import Filter
from daytwo.monitoring.alarming.filtering_fit import learn_filter
from daytwo.monitoring.alarming.strangers import Known, learn_known
from daytwo.monitoring.alarming.volumes import Volumes, learn_volumes
from daytwo.monitoring.judging.layout import build_layout
from daytwo.monitoring.judging.side import Side, side_of
from daytwo.monitoring.profiles.bins import Floats
from daytwo.monitoring.profiles.profile import Layout, Profile, profile

Rows = tuple[NDArray[np.float32], Floats, Hashable]


@dataclass(frozen=True, slots=True)
class Normal:
    """What windows are compared with: `phases` hold the sides of single phases, `always` all windows."""

    layout: Layout
    always: Side
    phases: Mapping[Hashable, Side]
    known: Known
    filter: Filter | None
    volumes: Volumes
    attribution: Attribution | None = None

    def side(self, phase: Hashable) -> Side:
        """Return what a window of this phase is compared with."""
        return self.phases.get(phase, self.always)

    def compare(
        self, part: Profile, matrix: NDArray[np.floating], phase: Hashable, given: Floats | None = None
    ) -> dict[str, float]:
        """Return a new window's channels; `given` are the contributions of some of its rows, None where none are."""
        side = self.side(phase)
        found = channels(part, side.whole, side.moments, self.layout)
        found |= {"volume": self.volumes.channel(part.rows, str(phase))} | self.known.strangers(matrix)
        if self.attribution is not None and given is not None:
            found |= self.attribution.compare(given)
        return found if self.filter is None else found | self.filter.listen(matrix, phase)


def learn_normal(
    windows: Sequence[Rows], schema: Schema, given: Sequence[Floats] = ()
) -> tuple[Normal, list[dict[str, float]]]:
    """Learn what is normal from windows of feature matrix, scores and phase, and return their own channels with it.

    Of a single window no channels are known: there is nothing to compare it with. `given` are contributions
    of some rows of each window, where there are any.
    """
    matrices, scores, phases = zip(*windows, strict=True)
    layout = build_layout(np.concatenate(matrices), np.concatenate(scores), schema)
    parts = [profile(rows, said, layout) for rows, said in zip(matrices, scores, strict=True)]
    known, strangers = learn_known(matrices, layout)
    members: dict[Hashable, list[Profile]] = {}
    for part, phase in zip(parts, phases, strict=True):
        members.setdefault(phase, []).append(part)
    filtered, faulty = learn_filter(matrices, phases, layout) or (None, [{}] * len(parts))
    attribution, weighed = None, [dict[str, float]() for _ in parts]
    if given:
        attribution, weighed = learn_attribution(given, schema.names, looked_at=rows_to_ask(len(parts)))
    normal = Normal(
        layout,
        side_of(parts, layout),
        {phase: side_of(those, layout) for phase, those in members.items() if len(those) >= LEAST_IN_PHASE},
        known,
        filtered,
        learn_volumes([part.rows for part in parts], [str(phase) for phase in phases]),
        attribution,
    )
    if len(parts) < 2:
        return normal, []
    history = []
    for i, (part, phase) in enumerate(zip(parts, phases, strict=True)):
        others = normal.side(phase).without(part)
        found = channels(part, others.whole, others.moments, layout)
        found |= {"volume": normal.volumes.channel(part.rows, str(phase), is_own=True)}
        history.append(found | strangers[i] | weighed[i] | faulty[i])
    return normal, history
