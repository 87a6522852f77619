"""A grown model made ready to be judged: scored with the engine that serves it, calibrated, measured in work.

Between `fit.py`, which grows, and `front.py`, which chooses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daytwo.core.schema import Task
from daytwo.monitoring.estimating.performance import Answers, influence, standard_error
from daytwo.scoring.calibration import Calibration, fit_calibration
from daytwo.scoring.engine import Engine
from daytwo.scoring.engines import MODEL_FILE
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.scoring.payoff import Payoff
from daytwo.training.dataset import Parts, TrainingData, join
from daytwo.training.evaluate import answers, money_rows, paired_loss, student_factor
from daytwo.training.fit import Fitted
from daytwo.training.front import REFERENCE, Variant

Floats = NDArray[np.float64]
# Work hardly differs from row to row; this many tell its mean to a fraction of a node.
_WORK_ROWS = 2_000
# A calibration has a few dozen parameters at most; more rows only cost time.
_CALIBRATION_ROWS = 20_000
# What may surely be lost besides the metric: of the reference's Brier score, and of the money it brings over the
# better of never and always acting.
_BEARABLE_SHARE = 0.03
_MB = 1e6


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A model with its calibration and its calibrated scores of the held-out parts, shapes (n_tune,), (n_select,).

    `files` are those of a bundle that hold the model itself.
    """

    name: str
    fitted: Fitted
    scorer: Engine
    calibration: Calibration
    tune_scores: Floats
    select_scores: Floats
    files: Mapping[str, bytes]

    def held_scores(self, parts: Parts) -> tuple[Floats, ...]:
        """Return the scores of `parts.held_out`, in its order."""
        return (self.tune_scores,) if parts.shared else (self.tune_scores, self.select_scores)


def work_of(fitted: Fitted, matrix: NDArray[np.float32]) -> float:
    """Return how many decisions a row of `matrix` takes on average."""
    return nodes_per_row(LightgbmScorer(fitted.text, matrix.shape[1]), matrix[:: max(len(matrix) // _WORK_ROWS, 1)])


def nodes_per_row(scorer: Engine, matrix: NDArray[np.float32]) -> float:
    """Return how many decisions the trees take for a row on average; 0 for a model without trees.

    Where the engine does not tell the leaves that rows reach, all leaves count alike.
    """
    if isinstance(scorer, LightgbmScorer):
        return scorer.nodes_per_row(matrix)
    if scorer.trees is None:
        return 0.0
    depths = scorer.trees.leaf_depths()
    return float(sum(part.mean() for part in np.split(depths, scorer.trees.first_leaf[1:])))


def grown(
    name: str,
    fitted: Fitted,
    parts: Parts,
    task: Task,
    *,
    threads: int,
    calibration: Calibration | None = None,
    shift: float = 0.0,
) -> Trained:
    """Make a model that was grown here ready: the engine that serves it, and a calibration.

    A student speaks with its reference's `calibration`: it gives the same scores, and one of its own would differ by
    chance alone. `shift` is by how much the log-odds are known to be too high (`weights.py`).
    """
    scorer = LightgbmScorer(fitted.text, len(parts.fit.schema.features), threads=threads)
    return calibrated(
        name, fitted, scorer, parts, task, files={MODEL_FILE: fitted.text}, calibration=calibration, shift=shift
    )


def calibrated(
    name: str,
    fitted: Fitted,
    scorer: Engine,
    parts: Parts,
    task: Task,
    *,
    files: Mapping[str, bytes],
    calibration: Calibration | None = None,
    shift: float = 0.0,
) -> Trained:
    """Score the held-out parts, and calibrate on the tune part if no `calibration` is given."""
    tune = scorer.many(parts.tune.matrix)
    select = tune if parts.shared else scorer.many(parts.select.matrix)
    if calibration is None:
        calibration = _calibration(tune, select, parts, shift) if task is Task.BINARY else Calibration()
    return Trained(name, fitted, scorer, calibration, calibration.many(tune), calibration.many(select), files)


def _calibration(tune: Floats, select: Floats, parts: Parts, shift: float) -> Calibration:
    """Return the calibration by the tune part that serves the later rows best.

    Rows of one part share what is passing in it: judged among them, a calibration that learned just that looks good.
    """
    later = None if parts.shared else (select, parts.select.labels)
    return fit_calibration(tune[-_CALIBRATION_ROWS:], parts.tune.labels[-_CALIBRATION_ROWS:], later=later, shift=shift)


def describe(trained: Mapping[str, Trained], parts: Parts, payoff: Payoff, *, metric: str) -> tuple[Variant, ...]:
    """Return what is known of each model, beside the reference, on all rows that no tree has seen.

    A variant fails where its probabilities may be worse than the reference's by over 3 % of the Brier score, or its
    decisions surely lose over 3 % of what the reference brings.
    """
    held = join(parts.held_out)
    given = {
        name: answers(payoff, np.concatenate(one.held_scores(parts)), held.column, held.days)
        for name, one in trained.items()
    }
    sample = held.matrix[:: max(held.rows // _WORK_ROWS, 1)]
    return tuple(
        _variant(one, given[name], given[REFERENCE], held, payoff, metric=metric, sample=sample)
        for name, one in trained.items()
    )


def _variant(
    one: Trained,
    given: Answers,
    reference: Answers,
    held: TrainingData,
    payoff: Payoff,
    *,
    metric: str,
    sample: NDArray[np.float32],
) -> Variant:
    value, influences = influence(metric, given, held.labels, task=payoff.task)
    margin = student_factor(influences.size, held.days) * standard_error(influences, held.days)
    loss = paired_loss(metric, reference, given, held.labels, task=payoff.task)
    return Variant(
        name=one.name,
        metric=value,
        low=value - margin,
        high=value + margin,
        loss=loss.value,
        loss_low=loss.low,
        loss_high=loss.high,
        trees=one.fitted.trees,
        nodes_per_row=nodes_per_row(one.scorer, sample),
        mb=len(one.fitted.text) / _MB,
        failed=_failure(given, reference, held, payoff),
    )


def _failure(given: Answers, reference: Answers, held: TrainingData, payoff: Payoff) -> str | None:
    if payoff.task is not Task.BINARY:
        return None
    brier = paired_loss("brier", reference, given, held.labels, task=payoff.task)
    if brier.high > _BEARABLE_SHARE * influence("brier", reference, held.labels, task=payoff.task)[0]:
        return f"its probabilities may be worse: Brier score up to {brier.high:+.4f}"
    money = paired_loss("money", reference, given, held.labels, task=payoff.task)
    if money.low > _BEARABLE_SHARE * _worth(reference, held, payoff):
        return f"its decisions lose {money.value:.4g} a row"
    return None


def _worth(reference: Answers, held: TrainingData, payoff: Payoff) -> float:
    """Return what the reference's decisions bring a row over the better of never and always acting, 0 or more."""
    with_model = np.nanmean(money_rows(reference, held.labels, payoff.task))
    plain = [
        np.nanmean(payoff.realised_many(np.full(held.rows, act), held.labels, held.column)) for act in (False, True)
    ]
    return max(float(with_model - max(plain)), 0.0)
