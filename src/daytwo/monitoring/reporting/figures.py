"""Figures of windows without a project: estimated from what the reference's labels teach, realised where labels are.

Needs LightGBM's Python package; `making.py` asks for it only where the reference has labels.
"""

from __future__ import annotations

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from daytwo.core.schema import Schema, Task
from daytwo.monitoring.estimating.boosting import outputs
from daytwo.monitoring.estimating.estimator_fit import fit_estimator
from daytwo.monitoring.estimating.performance import Answers, realised
from daytwo.monitoring.profiles.bins import Floats
from daytwo.monitoring.reporting.learnt import Figures, as_figures


def learn_figures(matrix: NDArray[np.float32], scores: Floats, labels: Floats, schema: Schema) -> Figures:
    """Learn from rows with labels: 0 and 1 are outcomes, anything else is values."""
    known = labels[~np.isnan(labels)]
    task = Task.BINARY if np.isin(known, (0.0, 1.0)).all() else Task.REGRESSION
    text, estimator = fit_estimator(matrix, scores, labels, schema=schema, task=task, seed=0)
    usual = as_figures(realised(Answers(scores), labels, task=task))
    return Figures(task, estimator, None if text is None else outputs(lgb.Booster(model_str=text)), usual)
