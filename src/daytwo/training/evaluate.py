"""How good one model is on rows it has not seen, in metrics and in money, beside the answer that needs no model.

Intervals are closed-form, from influence values summed over days (`monitoring/estimating/performance.py`).
`front.py` compares variants; the gates judge on later rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from daytwo.core.errors import SettingsError
from daytwo.core.schema import Task
from daytwo.monitoring.estimating.metrics import DECISION_METRICS, HIGHER_IS_BETTER, SCORE_METRICS, VALUE_METRICS
from daytwo.monitoring.estimating.performance import MIN_CLUSTERS, Answers, influence, realised, standard_error
from daytwo.scoring.payoff import Lookup, Payoff
from daytwo.training.dataset import TrainingData

Floats = NDArray[np.float64]
_BINS = 10
_METRICS = {Task.BINARY: (*SCORE_METRICS, *DECISION_METRICS), Task.REGRESSION: tuple(VALUE_METRICS)}


class Figure(msgspec.Struct, frozen=True):
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """One model on rows it has not seen. `money` is per row, in `currency`; absent where no payoff is known.

    `trivial` holds the same figures for the answer `trivial_answer` to every row: the base rate, or the typical
    value. `never_act` and `always_act` are the money per row of the two decisions that need no model (binary).
    `calibration_error` is the mean distance of probability and share of positives over ten bins of equal rows, each
    in `reliability` as (mean probability, share of positives, rows). `threshold` is the probability above which
    acting pays, None where it differs from row to row.
    """

    metric: str
    rows: int
    figures: dict[str, Figure]
    money: Figure | None
    currency: str
    trivial_answer: float
    trivial: dict[str, float]
    never_act: float | None = None
    always_act: float | None = None
    calibration: str = "identity"
    calibration_error: float | None = None
    reliability: tuple[tuple[float, float, int], ...] = ()
    threshold: float | None = None
    act_share: float | None = None


@dataclass(frozen=True, slots=True)
class Loss:
    """How much worse than the reference, in the metric's unit, with a 95 % interval; negative is better."""

    value: float
    low: float
    high: float


def check_metric(metric: str, task: Task) -> None:
    """Refuse a metric that the task does not have.

    Raises
    ------
    SettingsError
        The message names the metrics to choose from.
    """
    if metric not in _METRICS[task]:
        raise SettingsError(
            f"[gate] metric = {metric!r} is no metric for {task.value}",
            hint=f"Choose one of {', '.join(_METRICS[task])}",
        )


def answers(payoff: Payoff, scores: Floats, column: Lookup, clusters: ArrayLike | None) -> Answers:
    """Return calibrated scores with the decisions they lead to and what those bring, for monitoring."""
    amounts = payoff.amounts_many(len(scores), column)
    if payoff.task is Task.REGRESSION:
        return Answers(scores=scores, money_per_error=-amounts["error_cost"], clusters=clusters)
    act = payoff.decide_many(scores, column)
    return Answers(
        scores=scores,
        act=act.astype(np.float64),
        money_if_one=np.where(act, amounts["true_positive"], amounts["false_negative"]),
        money_if_zero=np.where(act, amounts["false_positive"], amounts["true_negative"]),
        clusters=clusters,
    )


def evaluate(
    scores: Floats, data: TrainingData, payoff: Payoff, *, metric: str, fit_labels: Floats, calibration: str
) -> Evaluation:
    """Judge calibrated `scores`, shape (n,), of the rows of `data`; the trivial answer is made from `fit_labels`."""
    task, labels = payoff.task, data.labels
    given = answers(payoff, scores, data.column, data.days)
    found = realised(given, labels, task=task)
    money = found.pop("money", None)
    trivial_answer = trivial(fit_labels, metric, task)
    constant = np.full(data.rows, trivial_answer)
    plain = realised(answers(payoff, constant, data.column, data.days), labels, task=task)
    per_row = None
    if money is not None and math.isfinite(money.value):
        per_row = Figure(money.value / data.rows, money.low / data.rows, money.high / data.rows)
    evaluation = Evaluation(
        metric=metric,
        rows=data.rows,
        figures={name: Figure(e.value, e.low, e.high) for name, e in found.items() if math.isfinite(e.high)},
        money=per_row,
        currency=payoff.settings.currency,
        trivial_answer=trivial_answer,
        trivial={
            name: e.value / (data.rows if name == "money" else 1) for name, e in plain.items() if math.isfinite(e.value)
        },
        calibration=calibration,
    )
    if task is Task.REGRESSION:
        return evaluation
    bins = reliability(scores, labels)
    return msgspec.structs.replace(
        evaluation,
        never_act=_money_of(payoff, data, act=False),
        always_act=_money_of(payoff, data, act=True),
        calibration_error=sum(abs(mean - share) * rows for mean, share, rows in bins) / data.rows,
        reliability=bins,
        threshold=payoff.threshold(),
        act_share=float(given.decisions.mean()),
    )


def trivial(fit_labels: Floats, metric: str, task: Task) -> float:
    """Return the best answer that looks at no row: the base rate, the median (for mae), or the mean."""
    if task is Task.REGRESSION and metric == "mae":
        return float(np.median(fit_labels))
    return float(fit_labels.mean())


def reliability(scores: Floats, labels: Floats) -> tuple[tuple[float, float, int], ...]:
    """Return (mean probability, share of positives, rows) of ten bins of equal rows, lowest probabilities first.

    Examples
    --------
    >>> reliability(np.array([0.2, 0.8]), np.array([0.0, 1.0]))
    ((0.2, 0.0, 1), (0.8, 1.0, 1))

    Source: A. Niculescu-Mizil & R. Caruana (2005), Predicting good probabilities with supervised learning, ICML.
    """
    order = np.argsort(scores, kind="stable")
    bins = [rows for rows in np.array_split(order, _BINS) if rows.size]
    return tuple((float(scores[rows].mean()), float(labels[rows].mean()), int(rows.size)) for rows in bins)


def paired_loss(metric: str, reference: Answers, variant: Answers, labels: Floats, *, task: Task) -> Loss:
    """Return how much the variant loses against the reference on the same rows.

    The standard error is that of the difference of influence values, summed over days; the interval is Student's,
    with one degree of freedom less than there are days (or rows, without days).

    Parameters
    ----------
    metric : str
        One of the task's metrics, or `money` (per row).
    labels : shape (n,)

    Returns
    -------
    Loss
        NaN where the metric does not exist for these labels.

    Source: E. DeLong et al. (1988), Biometrics 44, 837-845; K.-Y. Liang & S. Zeger (1986), Biometrika 73, 13-22.
    """
    clusters = reference.clusters
    if metric == "money":
        gain = money_rows(variant, labels, task) - money_rows(reference, labels, task)
        known = np.isfinite(gain)
        gain = gain[known]
        clusters = None if clusters is None else np.asarray(clusters)[known]
        value, spread = (float(gain.mean()), gain - gain.mean()) if gain.size else (math.nan, gain)
    else:
        old, old_influence = influence(metric, reference, labels, task=task)
        new, new_influence = influence(metric, variant, labels, task=task)
        value, spread = new - old, new_influence - old_influence
    if not math.isfinite(value):
        return Loss(math.nan, math.nan, math.nan)
    loss = 0.0 - value if metric in HIGHER_IS_BETTER else value
    margin = student_factor(spread.size, clusters) * standard_error(spread, clusters)
    return Loss(loss, loss - margin, loss + margin)


def student_factor(rows: int, clusters: ArrayLike | None) -> float:
    """Return by how many standard errors a 95 % interval reaches to each side, given the clusters of `rows` rows.

    Source: "Student" (1908), The probable error of a mean, Biometrika 6, 1-25.
    """
    days = 0 if clusters is None else np.unique(np.asarray(clusters)).size
    freedom = max((days if days >= MIN_CLUSTERS else rows) - 1, 1)
    return float(stdtrit(freedom, 0.975))


def money_rows(given: Answers, labels: Floats, task: Task) -> Floats:
    """Return what each row brought, shape (n,), in money; NaN where a column that the payoff reads is missing."""
    if task is Task.REGRESSION:
        assert given.money_per_error is not None
        return np.asarray(given.money_per_error * np.abs(labels - given.scores), dtype=np.float64)
    assert given.money_if_one is not None
    assert given.money_if_zero is not None
    return np.where(labels == 1, given.money_if_one, given.money_if_zero)


def _money_of(payoff: Payoff, data: TrainingData, *, act: bool) -> float | None:
    money = payoff.realised_many(np.full(data.rows, act), data.labels, data.column)
    known = money[np.isfinite(money)]
    return float(known.mean()) if known.size else None
