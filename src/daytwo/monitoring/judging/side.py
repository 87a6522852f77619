"""Reference windows that a window is compared with: all of them, or those of its phase.

`normal.py` keeps them for anybody's windows, `reference.py` in a project's bundle.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from daytwo.monitoring.alarming.channels import Moments, correlations
from daytwo.monitoring.profiles.profile import Layout, Profile, merge


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """Reference windows that a window is compared with."""

    whole: Profile
    moments: Moments

    def without(self, part: Profile) -> Side:
        """Return this side with one of its windows taken out."""
        return Side(self.whole - part, self.moments.without(correlations(part)))


def side_of(parts: Iterable[Profile], layout: Layout) -> Side:
    """Put windows together."""
    listed = list(parts)
    matrices = [correlations(part) for part in listed]
    squares = np.sum([matrix**2 for matrix in matrices], axis=0)
    return Side(merge(layout, listed), Moments(len(listed), np.sum(matrices, axis=0), squares))
