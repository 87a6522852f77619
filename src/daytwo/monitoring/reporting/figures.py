"""Figures of windows without a project: estimated from what the reference's labels teach, realised where labels are.

Needs LightGBM's Python package; `making.py` asks for it only where the reference has labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from daytwo.core.schema import Schema, Task
from daytwo.monitoring.estimating.estimator import Estimator, RawModel, estimated
from daytwo.monitoring.estimating.estimator_fit import fit_estimator
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
        return _figures(estimated(self.estimator, matrix, Answers(scores), self.model))

    def realised(self, scores: Floats, labels: Floats) -> dict[str, Figure]:
        """Return what came true of the labelled rows."""
        return _figures(realised(Answers(scores), labels, task=self.task))


def learn_figures(matrix: NDArray[np.float32], scores: Floats, labels: Floats, schema: Schema) -> Figures:
    """Learn from rows with labels: 0 and 1 are outcomes, anything else is values."""
    known = labels[~np.isnan(labels)]
    task = Task.BINARY if np.isin(known, (0.0, 1.0)).all() else Task.REGRESSION
    text, estimator = fit_estimator(matrix, scores, labels, schema=schema, task=task, seed=0)
    usual = _figures(realised(Answers(scores), labels, task=task))
    return Figures(task, estimator, None if text is None else _model(text), usual)


def _model(text: str) -> RawModel:
    booster = lgb.Booster(model_str=text)
    return lambda rows: np.asarray(booster.predict(rows, raw_score=True), dtype=np.float64)


def _figures(found: Mapping[str, Estimate]) -> dict[str, Figure]:
    return {name: Figure(one.value, one.low, one.high) for name, one in found.items()}
