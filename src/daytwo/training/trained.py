"""A grown model made ready to be judged: scored with the engine that serves it, calibrated, measured in work.

Between `fit.py`, which grows, and `front.py`, which chooses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daytwo.core.schema import Task
from daytwo.monitoring.performance import influence, standard_error
from daytwo.scoring.calibration import Calibration, fit_calibration
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.scoring.payoff import Payoff
from daytwo.training.dataset import Parts, TrainingData
from daytwo.training.evaluate import answers, paired_loss, student_factor
from daytwo.training.fit import Fitted
from daytwo.training.front import REFERENCE, Variant

Floats = NDArray[np.float64]
# Work hardly differs from row to row; this many tell its mean to a fraction of a node.
_WORK_ROWS = 2_000
# A calibration has a few dozen parameters at most; more rows only cost time.
_CALIBRATION_ROWS = 20_000
# How much dearer in squared error a probability may be, as a share of the reference's Brier score.
_BRIER_SHARE = 0.02
_MB = 1e6


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A model with its calibration and its calibrated scores of the held-out parts, shapes (n_tune,), (n_select,)."""

    name: str
    fitted: Fitted
    scorer: LightgbmScorer
    calibration: Calibration
    tune_scores: Floats
    select_scores: Floats

    def held_scores(self, parts: Parts) -> tuple[Floats, ...]:
        """Return the scores of `parts.held_out`, in its order."""
        return (self.tune_scores,) if parts.shared else (self.tune_scores, self.select_scores)


def calibrated(name: str, fitted: Fitted, parts: Parts, task: Task, *, threads: int) -> Trained:
    """Score the held-out parts, and calibrate on the tune part."""
    scorer = LightgbmScorer(fitted.text, len(parts.fit.schema.features), threads=threads)
    tune = scorer.many(parts.tune.matrix)
    select = tune if parts.shared else scorer.many(parts.select.matrix)
    calibration = Calibration()
    if task is Task.BINARY:
        calibration = fit_calibration(tune[-_CALIBRATION_ROWS:], parts.tune.labels[-_CALIBRATION_ROWS:])
    return Trained(name, fitted, scorer, calibration, calibration.many(tune), calibration.many(select))


def describe(trained: Mapping[str, Trained], parts: Parts, payoff: Payoff, *, metric: str) -> tuple[Variant, ...]:
    """Return what is known of each model, beside the reference, on all rows that no tree has seen.

    A variant fails where its probabilities could be worse than the reference's by over 2 % of the Brier score, or
    its decisions are dearer for sure.
    """
    held = _Held(parts, payoff)
    reference = trained[REFERENCE]
    return tuple(held.variant(one, reference, metric=metric) for one in trained.values())


class _Held:
    """The held-out rows, in one piece."""

    def __init__(self, parts: Parts, payoff: Payoff) -> None:
        self.parts, self.payoff = parts, payoff
        self.labels = np.concatenate([part.labels for part in parts.held_out])
        self.days = _joined_days(parts.held_out)
        step = max(len(self.labels) // _WORK_ROWS, 1)
        self.sample = np.concatenate([part.matrix for part in parts.held_out])[::step]
        self.money = {name: np.concatenate([part.column(name) for part in parts.held_out]) for name in payoff.columns}

    def variant(self, one: Trained, reference: Trained, *, metric: str) -> Variant:
        task = self.payoff.task
        old, new = (
            answers(self.payoff, np.concatenate(each.held_scores(self.parts)), self.money.__getitem__, self.days)
            for each in (reference, one)
        )
        value, influences = influence(metric, new, self.labels, task=task)
        margin = student_factor(influences.size, self.days) * standard_error(influences, self.days)
        loss = paired_loss(metric, old, new, self.labels, task=task)
        failed = None
        if task is Task.BINARY:
            brier = paired_loss("brier", old, new, self.labels, task=task)
            if brier.high > _BRIER_SHARE * influence("brier", old, self.labels, task=task)[0]:
                failed = f"its probabilities may be worse: Brier score up to {brier.high:+.4f}"
        money = paired_loss("money", old, new, self.labels, task=task)
        if money.low > 0:
            failed = f"its decisions lose {money.value:.4g} a row"
        return Variant(
            name=one.name,
            metric=value,
            low=value - margin,
            high=value + margin,
            loss=loss.value,
            loss_low=loss.low,
            loss_high=loss.high,
            trees=one.fitted.trees,
            nodes_per_row=one.scorer.nodes_per_row(self.sample),
            mb=len(one.fitted.text) / _MB,
            failed=failed,
        )


def _joined_days(parts: tuple[TrainingData, ...]) -> NDArray[np.int64] | None:
    days = [part.days for part in parts]
    return None if days[0] is None else np.concatenate([day for day in days if day is not None])
