"""Performance before the labels: what the metrics and the money of a window most likely are, with intervals.

From each row's probability of label 1 follow the expected metrics in closed form (`expected.py`: confidence-based
performance estimation, CBPE). The probability comes from the calibrated score (`calibrating.py`), corrected by small
boosted trees as far as that paid on the reference (`estimator_fit.py`) and where the reference has been (`support.py`).
The correction is neutral on the reference: at each score it moves probabilities between rows, not their mean. So it
speaks only where rows of a score have changed, and CBPE is left as it is elsewhere. A regression is judged by a model
of its absolute error (direct loss estimation, DLE). No method of this kind sees concept drift: a changed meaning of the
same rows shows only in labels, which `performance.py` reads.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

from daytwo.core.schema import Task
from daytwo.monitoring.estimating.calibrating import CLIP, Calibrator, logit, sigmoid
from daytwo.monitoring.estimating.expected import expected_metrics
from daytwo.monitoring.estimating.performance import Answers, Estimate, Z
from daytwo.monitoring.estimating.support import Support
from daytwo.monitoring.profiles.bins import Floats

RawModel = Callable[[NDArray[np.float32]], Floats]
"""Raw outputs, shape (n,), of the estimator's own trees on a matrix whose last column is the champion's score."""
_SHARES = frozenset({"event_rate", "roc_auc", "average_precision", "accuracy", "f1", "precision", "recall", "brier"})
_POSITIVE = frozenset({"log_loss", "mae", "rmse"})


class Estimator(msgspec.Struct, frozen=True):
    """What was learnt about estimating this model's performance; its trees, if any, are a text beside it.

    `kind`: `boosted` (CBPE with a correction), `plain` (CBPE), `error` (DLE), `constant` (the reference's error).
    `calibration` turns scores into probabilities; `weight`, 0 to 1, is how much of the trees' correction is believed,
    and (`levels`, `shifts`) the line by score, in logits, that makes it neutral on the reference. `support` says where
    the reference has been, `columns` how many inputs the trees have; `rows` counts its labelled rows. `spread` is, per
    metric, the standard deviation of the error of estimates made from earlier rows, beyond sampling. `error_mean`,
    `error_noise` and `error_square` (regression) are the reference's mean absolute error, the squared coefficient of
    variation of |error| around its prediction, and mean squared error / mean squared prediction. `loss_plain` and
    `loss_boosted` are log-losses (or squared errors of the predicted error) on rows that were held out.
    """

    kind: str
    task: Task
    calibration: Calibrator = Calibrator()
    weight: float = 1.0
    levels: tuple[float, ...] = (0.0,)
    shifts: tuple[float, ...] = (0.0,)
    support: Support = Support()
    columns: int = 0
    rows: int = 0
    spread: dict[str, float] = {}
    loss_plain: float | None = None
    loss_boosted: float | None = None
    error_mean: float = 0.0
    error_noise: float = 1.0
    error_square: float = 1.0

    def to_json(self) -> bytes:
        """Return the estimator as JSON."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, text: bytes) -> Estimator:
        """Read what `to_json` wrote; a correction of an older form, without `columns`, is left out."""
        read = msgspec.json.decode(text, type=cls)
        if read.kind == "boosted" and not read.columns:
            return msgspec.structs.replace(read, kind="plain")
        return read


def with_score(matrix: NDArray[np.floating], scores: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the estimator's own matrix: the features, and the champion's score as the last column."""
    found = np.empty((len(matrix), matrix.shape[1] + 1), dtype=np.float32)
    found[:, :-1] = matrix
    found[:, -1] = scores
    return found


def probabilities(
    estimator: Estimator, matrix: NDArray[np.floating], scores: Floats, model: RawModel | None
) -> tuple[Floats, float]:
    """Return each row's probability of label 1, and the share of rows where only the champion's score spoke.

    Rows where the reference has not been keep the calibrated score: there the correction would be a guess.
    """
    p = estimator.calibration.many(scores)
    if estimator.kind != "boosted" or model is None or not p.size:
        return p, 1.0
    inputs = with_score(matrix, scores)
    moved = estimator.weight * np.asarray(model(inputs), dtype=np.float64)
    corrected = sigmoid(logit(p) + moved + np.interp(scores, estimator.levels, estimator.shifts))
    strange = estimator.support.outside(inputs)
    return np.where(strange, p, np.clip(corrected, CLIP, 1 - CLIP)), float(strange.mean())


def estimated(
    estimator: Estimator,
    matrix: NDArray[np.floating],
    answers: Answers,
    model: RawModel | None = None,
    metrics: Iterable[str] | None = None,
) -> dict[str, Estimate]:
    """Return the expected metrics and money of a window without labels, each with a 95 % interval.

    The interval is one for the realised figure: it holds the noise of the window's own labels, of the reference's, and
    the estimator's error between the reference's blocks. It ends where the metric's range ends.

    Parameters
    ----------
    matrix : shape (n, d)
        The window's feature matrix.
    answers : Answers
        The champion's scores, decisions and payoffs on these rows.
    model : callable or None
        The estimator's trees; None answers with plain CBPE, or with the reference's error.
    metrics : names in `expected.EXPECTED`, or None
        Of a classification. None is what a project shows.

    Returns
    -------
    dict
        By metric; `money` is the sum over the window. Empty for a window without rows; without a metric that cannot
        exist for these rows, such as the AUC of one row.

    Source: NannyML documentation (CBPE, DLE); J. Bialek et al. (2024), arXiv 2401.08348; the variance is that of
    independent labels by the delta method.
    """
    if not len(answers.scores):
        return {}
    if estimator.task is Task.REGRESSION:
        return _estimated_errors(estimator, matrix, answers, model)
    p, plain = probabilities(estimator, matrix, answers.scores, model)
    chance = label_noise(estimator, p.size)
    return {
        name: as_estimate(name, value, math.hypot(error * chance, _spread(estimator, name, answers)), method_of(plain))
        for name, (value, error) in expected_metrics(p, answers, metrics).items()
    }


def method_of(plain: float) -> str:
    """Say in words how a classification was estimated, given the share of rows for which only the score spoke."""
    if plain >= 1:
        return "CBPE"
    return f"boosted CBPE, plain for {plain:.1%} of rows outside the reference" if plain > 0.001 else "boosted CBPE"


def label_noise(estimator: Estimator, rows: int) -> float:
    """By how much the reference's own label noise widens that of a window: both are finite samples of one kind."""
    return math.sqrt(1 + rows / estimator.rows) if estimator.rows else 1.0


def as_estimate(name: str, value: float, error: float, method: str) -> Estimate:
    """Return a figure with its 95 % interval, which ends where the metric's range ends."""
    lowest = 0.0 if name in _SHARES | _POSITIVE else -math.inf
    highest = 1.0 if name in _SHARES else math.inf
    return Estimate(value, max(value - Z * error, lowest), min(value + Z * error, highest), method, error)


def _estimated_errors(
    estimator: Estimator, matrix: NDArray[np.floating], answers: Answers, model: RawModel | None
) -> dict[str, Estimate]:
    n = len(answers.scores)
    error, method = np.full(n, estimator.error_mean), "the reference's error"
    if estimator.kind == "error" and model is not None:
        inputs = with_score(matrix, answers.scores)
        raw = np.asarray(model(inputs), dtype=np.float64)
        raw = np.maximum(raw, 0.0)
        strange = estimator.support.outside(inputs)
        error, method = np.where(strange, np.maximum(raw, error), raw), "DLE"
        if strange.mean() > 0.001:
            method = f"DLE, not below the reference's error for {strange.mean():.1%} of rows outside the reference"
    noise = estimator.error_noise * error**2
    root = math.sqrt(estimator.error_square * float(np.mean(error**2)))
    found = {
        "mae": (float(error.mean()), math.sqrt(float(noise.sum())) / n),
        # The variance of a squared error is about twice its squared mean for near-normal errors.
        "rmse": (root, math.sqrt(2.0 * estimator.error_square**2 * float(np.sum(error**4))) / n / max(2 * root, 1e-12)),
    }
    if answers.money_per_error is not None:
        cost = answers.money_per_error
        found["money"] = (float(np.sum(cost * error)), math.sqrt(float(np.sum(cost**2 * noise))))
    chance = label_noise(estimator, n)
    return {
        name: as_estimate(name, value, math.hypot(noise_ * chance, _spread(estimator, name, answers)), method)
        for name, (value, noise_) in found.items()
    }


def _spread(estimator: Estimator, name: str, answers: Answers) -> float:
    """The estimator's own error; of money, what a shifted event rate (or error) would move it by."""
    if name != "money":
        return estimator.spread.get(name, 0.0)
    if answers.money_if_one is not None and answers.money_if_zero is not None:
        return estimator.spread.get("event_rate", 0.0) * abs(
            float(np.sum(answers.money_if_one - answers.money_if_zero))
        )
    cost = 0.0 if answers.money_per_error is None else float(np.sum(answers.money_per_error))
    return estimator.spread.get("mae", 0.0) * abs(cost)
