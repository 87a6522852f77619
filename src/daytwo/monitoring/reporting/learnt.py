"""What a labelled reference teaches of later windows; light, `figures.py` next door learns it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daytwo.core.schema import Task
from daytwo.monitoring.estimating.estimator import Estimator, RawModel, estimated
from daytwo.monitoring.estimating.performance import Answers, Estimate, realised
from daytwo.monitoring.profiles.bins import Floats
from daytwo.monitoring.reporting.content import Figure


@dataclass(frozen=True, slots=True)
class Figures:
    """What a labelled reference teaches: an estimator, and what is usual."""

    task: Task
    estimator: Estimator
    model: RawModel | None
    usual: Mapping[str, Figure]

    def estimated(self, matrix: NDArray[np.float32], scores: Floats) -> dict[str, Figure]:
        """Return what to expect of rows whose labels are unknown."""
        return as_figures(estimated(self.estimator, matrix, Answers(scores), self.model))

    def realised(self, scores: Floats, labels: Floats) -> dict[str, Figure]:
        """Return what came true of the labelled rows."""
        return as_figures(realised(Answers(scores), labels, task=self.task))


def as_figures(found: Mapping[str, Estimate]) -> dict[str, Figure]:
    """Return estimates as a report shows them."""
    return {name: Figure(one.value, one.low, one.high) for name, one in found.items()}
