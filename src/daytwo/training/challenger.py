"""The weekly challenger: one small, quick model that shows what a retraining would bring.

It scores in shadow and is never served: when it pays, `candidate.py` makes the real one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from daytwo.core.schema import Task
from daytwo.core.settings import Settings
from daytwo.scoring.calibration import Calibration, fit_sigmoid
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.training.dataset import TrainingData, check_learnable
from daytwo.training.fit import bin_rows, grow
from daytwo.training.recipe import Binning, challenger_recipe
from daytwo.training.weights import weighting_of

# The newest tenth calibrates; more rows than this add nothing to two or twenty parameters.
_CALIBRATION_SHARE = 0.1
_CALIBRATION_ROWS = 20_000
# Half the bins of the reference model: half the work, and a difference that shadow scores do not see.
_MAX_BIN = 63


@dataclass(frozen=True)
class Challenger:
    """A model as `text` with its `calibration`. It scores rows of `features` columns."""

    text: bytes
    calibration: Calibration
    features: int
    threads: int = 1

    def score_many(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return calibrated probabilities, or values, shape (n,)."""
        return self.calibration.many(self._scorer.many(matrix))

    @cached_property
    def _scorer(self) -> LightgbmScorer:
        return LightgbmScorer(self.text, self.features, threads=self.threads)


def train_challenger(data: TrainingData, settings: Settings, *, seed: int, threads: int = 1) -> Challenger:
    """Fit one cheap model on all but the newest tenth of `data`, and calibrate it on that.

    Raises
    ------
    DataError
        If there are too few labelled rows, or only one class.
    """
    task = settings.model.task
    check_learnable(data, task)
    held = min(int(data.rows * _CALIBRATION_SHARE), _CALIBRATION_ROWS)
    fit, newest = data.take(slice(0, data.rows - held)), data.take(slice(data.rows - held, data.rows))
    check_learnable(fit, task, minimum=1, rarest=2)
    weighting = weighting_of(fit, settings.train.class_weight, task)
    binning = Binning(max_bin=_MAX_BIN)
    binned = bin_rows(fit, task, binning, seed=seed, threads=threads, weights=weighting.of(fit))
    fitted = grow(binned, fit.labels, challenger_recipe(fit.rows, task), soft=False)
    model = Challenger(fitted.text, Calibration(), len(data.schema.features), threads)
    if task is Task.REGRESSION:
        return model
    calibration = fit_sigmoid(model.score_many(newest.matrix), newest.labels, shift=weighting.shift)
    return Challenger(fitted.text, calibration, model.features, threads)
