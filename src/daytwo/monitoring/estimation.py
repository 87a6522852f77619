"""How good is a model right now, without labels? For anybody's frames: `from daytwo.monitoring import estimate`.

A labelled reference teaches what a score is worth and where the features know better (`estimating/`); a window then
needs scores only. Needs LightGBM's Python package. No method of this kind sees that the same rows now lead to other
outcomes: for that, labels are needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from daytwo.core.errors import DataError
from daytwo.core.schema import Schema, Task
from daytwo.monitoring.estimating.boosting import outputs
from daytwo.monitoring.estimating.calibrating_fit import is_probability
from daytwo.monitoring.estimating.estimator import Estimator, RawModel, estimated
from daytwo.monitoring.estimating.estimator_fit import fit_estimator
from daytwo.monitoring.estimating.expected import EXPECTED
from daytwo.monitoring.estimating.performance import Answers, Estimate
from daytwo.monitoring.frames import as_polars, encode, schema_of, scores_of
from daytwo.monitoring.profiles.bins import Floats
from daytwo.monitoring.remembering import remembered
from daytwo.monitoring.several import estimate_classes

BINARY_METRICS = tuple(EXPECTED)
VALUE_METRICS = ("mae", "rmse")
_USUAL = ("roc_auc", "accuracy", "f1")
# These need a decision, and so a threshold; these need probabilities.
_DECIDED, _PROBABLE = {"accuracy", "f1", "precision", "recall"}, {"log_loss", "brier"}
# Fewer labels of either kind say nothing about a score.
_FEWEST = 10


@dataclass(frozen=True, slots=True)
class _Learnt:
    """What a reference taught: everything that a window's estimate needs."""

    schema: Schema
    task: Task
    estimator: Estimator
    model: RawModel | None
    probable: bool


def estimate(
    reference: Any,
    window: Any,
    *,
    features: Sequence[str],
    score: str | Mapping[Any, str] = "score",
    label: str = "label",
    metrics: Iterable[str] = _USUAL,
    threshold: float | None = None,
) -> dict[str, Estimate]:
    """Estimate a model's performance on rows whose labels are unknown.

    Scores may be anything that grows with the outcome: probabilities, calibrated or not, or margins; they are
    calibrated on the reference. The first call with a reference learns from it (a second or so), later ones with the
    same frame use what was learnt.

    Parameters
    ----------
    reference : frame
        Polars, pandas or Arrow: features, scores and labels of rows that the model was not trained on, oldest first.
        Labels 0 and 1 (or truths) are outcomes, other numbers values; rows without a label are left out.
    window : frame
        Features and scores; rows without a score are left out.
    features : sequence of str
        Columns: numbers, truths or texts.
    score : str or {label: str}
        The column of the score; of a model with several classes, the score column of each label. The class with the
        highest score is decided for.
    metrics : iterable of str
        Of `roc_auc`, `average_precision`, `accuracy`, `f1`, `precision`, `recall`, `log_loss`, `brier`, `event_rate`;
        of values `mae` and `rmse`, which are also what the default means there. Of several classes accuracy, and the
        means over the classes of `roc_auc`, `average_precision`, `f1`, `precision` and `recall`.
    threshold : float, optional
        Scores from here on are decided as 1. Default 0.5 for probabilities; other scores need one for `accuracy`,
        `f1`, `precision` and `recall`.

    Returns
    -------
    dict
        By metric: `.value`, `.low` and `.high` (95 %, for the figure that labels will show: their noise, the
        reference's, and the error of estimates on the reference's own later parts), `.method`.

    Raises
    ------
    DataError
        If a column is missing or of the wrong kind, labels or scores are too few, or a metric cannot be had.

    Examples
    --------
    >>> import polars as pl
    >>> rng = np.random.default_rng(1)
    >>> p = rng.random(2_000)
    >>> past = pl.DataFrame({"km": p, "score": p, "label": (rng.random(2_000) < p).astype(int)})
    >>> found = estimate(past, past.drop("label"), features=["km"], metrics=["roc_auc"])
    >>> abs(found["roc_auc"].value - 5 / 6) < 0.02
    True

    Source: NannyML documentation (CBPE, DLE); METHODS of the modules in `estimating/`.
    """
    if isinstance(score, Mapping):
        if threshold is not None:
            raise DataError("several classes have no threshold", hint="The class with the highest score is decided for")
        return estimate_classes(reference, window, features=features, scores=score, label=label, metrics=tuple(metrics))
    learnt = _learn(reference, tuple(features), score, label, threshold)
    wanted = _wanted(tuple(metrics), learnt, threshold)
    frame = as_polars(window)
    scores = scores_of(frame, score)
    known = ~np.isnan(scores)
    if not known.any():
        raise DataError("the window has no row with a score", hint="Give the rows that the model answered")
    answers = Answers(scores[known], _decided(scores[known], threshold))
    found = estimated(learnt.estimator, encode(frame, learnt.schema)[known], answers, learnt.model, metrics=wanted)
    missing = [name for name in wanted if name not in found]
    if missing:
        raise DataError(
            f"{', '.join(missing)} cannot be said of {known.sum()} rows that all look or are decided alike",
            hint="Give a larger window, or other metrics",
        )
    return {name: found[name] for name in wanted}


def _decided(scores: Floats, threshold: float | None) -> Floats:
    return (scores >= (0.5 if threshold is None else threshold)).astype(np.float64)


def _learn(reference: Any, features: tuple[str, ...], score: str, label: str, threshold: float | None) -> _Learnt:
    frame = as_polars(reference)
    scores, labels = scores_of(frame, score), _labels_of(frame, label)
    known = ~(np.isnan(scores) | np.isnan(labels))

    def taught() -> _Learnt:
        schema = schema_of(frame, features)
        return _taught(encode(frame, schema)[known], scores[known], labels[known], schema, threshold)

    mark = (float(frame.height), float(np.nansum(scores)), float(np.nansum(labels)))
    # The threshold belongs to it: how far estimates of accuracy miss depends on the decisions.
    return remembered(reference, (features, score, label, threshold), mark, taught)


def _taught(matrix: NDArray[np.float32], s: Floats, y: Floats, schema: Schema, threshold: float | None) -> _Learnt:
    if y.size < 2 * _FEWEST:
        raise DataError(
            f"the reference has {y.size} rows with score and label",
            hint=f"Give {2 * _FEWEST} at least, better thousands",
        )
    task = Task.BINARY if np.isin(y, (0.0, 1.0)).all() else Task.REGRESSION
    rarer = int(min(y.sum(), y.size - y.sum()))
    if task is Task.BINARY and rarer < _FEWEST:
        raise DataError(
            f"only {rarer} of the reference's {y.size} labels are of the rarer kind",
            hint=f"Give a longer reference, with {_FEWEST} of each at least",
        )
    text, estimator = fit_estimator(
        matrix, s, y, schema=schema, task=task, seed=0, threads=1, act=_decided(s, threshold)
    )
    model = None if text is None else outputs(lgb.Booster(model_str=text))
    return _Learnt(schema, task, estimator, model, task is Task.BINARY and is_probability(s))


def _labels_of(frame: Any, label: str) -> Floats:
    try:
        return scores_of(frame, label)
    except DataError as err:
        raise DataError(
            f"the reference's label {label}: {err.message}", hint="Give 0 and 1, truths, or numbers in that column"
        ) from err


def _wanted(metrics: tuple[str, ...], learnt: _Learnt, threshold: float | None) -> tuple[str, ...]:
    if learnt.task is Task.REGRESSION:
        metrics = VALUE_METRICS if metrics == _USUAL else metrics
    can = VALUE_METRICS if learnt.task is Task.REGRESSION else BINARY_METRICS
    unknown = [name for name in metrics if name not in can]
    if unknown or not metrics:
        what = f"{', '.join(unknown)} cannot be estimated here" if unknown else "no metric was asked for"
        raise DataError(what, hint=f"Choose of {', '.join(can)}")
    if learnt.task is Task.BINARY and not learnt.probable:
        if threshold is None and _DECIDED & set(metrics):
            raise DataError(
                "the scores are no probabilities, so decisions need to know from which score on it is a 1",
                hint="Say threshold=..., or ask for metrics=['roc_auc']",
            )
        if _PROBABLE & set(metrics):
            raise DataError("the scores are no probabilities", hint="Log-loss and Brier score are of probabilities")
    return metrics
