"""What each row costs, before its label and with it: the losses by which slices are held against the reference.

In money where the payoff says what a decision brings, else in the task's own loss: log-loss, or absolute error.
`slices.py` next door finds where losses grew.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from daytwo.core.schema import Task
from daytwo.monitoring.estimating.estimator import Estimator, RawModel, probabilities, with_score
from daytwo.monitoring.estimating.metrics import log_losses
from daytwo.monitoring.estimating.performance import Answers, realised_money
from daytwo.monitoring.profiles.bins import Floats

_CLIP = 1e-9


def in_money(answers: Answers, task: Task) -> bool:
    """Whether losses are money, and not the task's own loss."""
    if task is Task.REGRESSION:
        return answers.money_per_error is not None
    return answers.money_if_one is not None and answers.money_if_zero is not None


def expected_losses(
    estimator: Estimator, matrix: NDArray[np.floating], answers: Answers, model: RawModel | None = None
) -> Floats:
    """Return what each row is expected to cost, shape (n,), from its inputs and score alone.

    Examples
    --------
    >>> said = Answers(np.array([0.5]), money_if_one=np.array([10.0]), money_if_zero=np.array([-2.0]))
    >>> expected_losses(Estimator("plain", Task.BINARY), np.zeros((1, 1)), said).tolist()
    [-4.0]
    """
    if estimator.task is Task.REGRESSION:
        error = np.full(len(answers.scores), estimator.error_mean)
        if estimator.kind == "error" and model is not None:
            error = np.maximum(np.asarray(model(with_score(matrix, answers.scores)), dtype=np.float64), 0.0)
        return error if answers.money_per_error is None else -answers.money_per_error * error
    p, _ = probabilities(estimator, matrix, answers.scores, model)
    if answers.money_if_one is not None and answers.money_if_zero is not None:
        return np.asarray(-(p * answers.money_if_one + (1 - p) * answers.money_if_zero), dtype=np.float64)
    s = np.clip(answers.scores, _CLIP, 1 - _CLIP)
    return np.asarray(-(p * np.log(s) + (1 - p) * np.log1p(-s)), dtype=np.float64)


def known_losses(answers: Answers, labels: ArrayLike, task: Task) -> Floats:
    """Return what each row cost, shape (n,); NaN where its label is not known.

    Examples
    --------
    >>> known_losses(Answers(np.array([2.0, 5.0])), [3.0, float("nan")], Task.REGRESSION).tolist()
    [1.0, nan]
    """
    y = np.asarray(labels, dtype=np.float64)
    known = ~np.isnan(y)
    found = np.full(y.size, np.nan)
    part, y = answers.take(known), y[known]
    money = realised_money(part, y, task)
    if money is not None:
        found[known] = -money
    elif task is Task.REGRESSION:
        found[known] = np.abs(y - part.scores)
    else:
        found[known] = log_losses(y, np.clip(part.scores, _CLIP, 1 - _CLIP))
    return found
