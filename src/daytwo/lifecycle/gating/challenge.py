"""A candidate beside the champion on rows that nobody has learnt from, and which of those rows share their fate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daytwo.core.settings import Settings
from daytwo.scoring.model import Model
from daytwo.training.dataset import TrainingData

Floats = NDArray[np.float64]
# Fewer days than these say too little about the days to come; rows are then put into so many groups.
_FEWEST_DAYS = 10
_GROUPS = 20


@dataclass(frozen=True, slots=True)
class Challenge:
    """A candidate against the champion (None for a first version) on the rows set aside.

    `beside` are the same rows as the champion's own contract encodes them, shape (n, d); None where both have one.
    """

    candidate: Model
    champion: Model | None
    test: TrainingData
    train: TrainingData
    settings: Settings
    beside: NDArray[np.float32] | None = None

    def old_scores(self, champion: Model) -> Floats:
        """Return what the champion answers to the rows set aside."""
        return champion.score_many(self.test.matrix if self.beside is None else self.beside)


def groups_of(test: TrainingData) -> tuple[NDArray[np.int64], str]:
    """Return the group of each row, shape (n,), and what groups are called: rows of one group share their fate.

    Days, where there are enough of them. Times as coarse as months leave too few, so rows are then grouped as they
    follow one another; rows without times stand each for itself.
    """
    if test.days is None:
        return np.arange(test.rows), "rows"
    if np.unique(test.days).size >= _FEWEST_DAYS:
        return test.days, "days"
    groups = min(_GROUPS, test.rows)
    return np.arange(test.rows) * groups // max(test.rows, 1), "groups of rows"
