"""How much each row counts while a model learns: by a column of its own, and by its class. Pure.

Only growing trees and stopping in time know of it. Calibration, evaluation and gates count every row alike, because
they speak of the rows that there are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daytwo.core.errors import DataError
from daytwo.core.schema import Task
from daytwo.training.dataset import TrainingData

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Weighting:
    """What a positive row counts for, in negative ones (`ratio`), and the factor by which all weights are multiplied.

    `is_even` says that all rows count alike, so that nothing has to be weighted.
    """

    ratio: float = 1.0
    scale: float = 1.0
    is_even: bool = True

    @property
    def shift(self) -> float:
        """By how much the log-odds that are learned lie above the real ones.

        Source: C. Elkan (2001), The foundations of cost-sensitive learning, IJCAI, 973-978, theorem 2.
        """
        return math.log(self.ratio)

    def of(self, data: TrainingData) -> Floats | None:
        """Return the weights of rows, shape (n,); None where all count alike."""
        return None if self.is_even else self.scale * _uneven(data, self.ratio)


def weighting_of(fit: TrainingData, class_weight: str | float, task: Task) -> Weighting:
    """Return how the rows of the fit part count, so that they count 1 on average.

    Parameters
    ----------
    class_weight : str or float
        How many negative rows a positive one counts for, above 0; `balanced` where both classes together are to count
        alike, by the weights that the rows bear themselves; empty for 1.

    Examples
    --------
    >>> from daytwo.core.schema import Schema
    >>> rows = TrainingData(Schema(()), np.zeros((4, 0), np.float32), np.array([0.0, 0.0, 0.0, 1.0]))
    >>> weighting_of(rows, "balanced", Task.BINARY).of(rows).round(3).tolist()
    [0.667, 0.667, 0.667, 2.0]
    """
    ratio = 1.0
    if task is Task.BINARY and class_weight == "balanced":
        plain = _uneven(fit, 1.0)
        ratio = float(plain[fit.labels == 0].sum() / plain[fit.labels == 1].sum())
    elif task is Task.BINARY and class_weight != "":
        ratio = float(class_weight)
    if ratio == 1.0 and fit.weights is None:
        return Weighting()
    return Weighting(ratio, 1 / float(_uneven(fit, ratio).mean()), is_even=False)


def checked_weights(weights: Floats, name: str) -> Floats:
    """Return the weights of a column, a missing one as the mean of the others.

    Raises
    ------
    DataError
        If one is negative or infinite, or no row counts at all.
    """
    known = ~np.isnan(weights)
    wrong = known & ~((weights >= 0) & np.isfinite(weights))
    if wrong.any():
        raise DataError(
            f"the weight {name!r} of {int(wrong.sum())} rows is negative or infinite, first {weights[wrong][0]:g}",
            hint="A weight says how much a row counts, from 0 on: mend the column, or name another as [train] weight",
        )
    if not weights[known].sum() > 0:
        raise DataError(
            f"the weight {name!r} is missing or 0 in every row: none would count",
            hint="Fill the column, or leave [train] weight empty",
        )
    return np.where(known, weights, weights[known].mean())


def _uneven(data: TrainingData, ratio: float) -> Floats:
    own = np.ones(data.rows) if data.weights is None else data.weights
    return own * np.where(data.labels == 1, ratio, 1.0) if ratio != 1.0 else own
