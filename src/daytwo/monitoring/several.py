"""Performance without labels of a model that chooses one of several classes; `estimation.py` calls it.

Each class is estimated as a yes-or-no question of its own (`estimating/`), then a row's probabilities are brought to a
sum of one. ROC AUC, F1, precision, recall and average precision are means over the classes (one against the rest,
macro); accuracy is the mean probability of the class decided for, the one with the highest score.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import polars as pl

from daytwo.core.errors import DataError
from daytwo.core.schema import Schema, Task
from daytwo.monitoring.estimating.boosting import outputs
from daytwo.monitoring.estimating.estimator import (
    Estimator,
    RawModel,
    as_estimate,
    label_noise,
    method_of,
    probabilities,
)
from daytwo.monitoring.estimating.estimator_fit import fit_estimator
from daytwo.monitoring.estimating.expected import expected_metrics
from daytwo.monitoring.estimating.performance import Answers, Estimate
from daytwo.monitoring.frames import as_polars, encode, schema_of, scores_of
from daytwo.monitoring.profiles.bins import Floats
from daytwo.monitoring.remembering import remembered

CLASS_METRICS = ("accuracy", "roc_auc", "average_precision", "f1", "precision", "recall")
_FEWEST = 10


@dataclass(frozen=True, slots=True)
class _Learnt:
    """What a reference taught: an estimator and its trees for each class."""

    schema: Schema
    classes: tuple[tuple[Estimator, RawModel | None], ...]


def estimate_classes(
    reference: Any,
    window: Any,
    *,
    features: Sequence[str],
    scores: Mapping[Any, str],
    label: str,
    metrics: Sequence[str],
) -> dict[str, Estimate]:
    """Estimate the metrics of a window; `scores` says which column holds the score of which label.

    Raises
    ------
    DataError
        If columns are missing, a class has under ten rows in the reference, or a metric cannot be had.
    """
    unknown = [name for name in metrics if name not in CLASS_METRICS]
    if unknown or not metrics:
        what = f"{', '.join(unknown)} cannot be estimated of several classes" if unknown else "no metric was asked for"
        raise DataError(what, hint=f"Choose of {', '.join(CLASS_METRICS)}")
    if len(scores) < 2:
        raise DataError("one class is no choice", hint="Say score={label: column, ...} of all classes")
    learnt = _learn(reference, tuple(features), scores, label)
    frame = as_polars(window)
    s = _scores(frame, scores)
    known = ~np.isnan(s).any(axis=1)
    if not known.any():
        raise DataError("the window has no row with all scores", hint="Give the rows that the model answered")
    s, matrix = s[known], encode(frame, learnt.schema)[known]
    told = [probabilities(one, matrix, s[:, k], model) for k, (one, model) in enumerate(learnt.classes)]
    p = np.column_stack([one for one, _ in told])
    p /= p.sum(axis=1, keepdims=True)
    method = method_of(float(np.mean([plain for _, plain in told]))) + ", one class against the rest"
    return {name: _of(name, learnt, p, s, method) for name in metrics}


def _of(name: str, learnt: _Learnt, p: Floats, s: Floats, method: str) -> Estimate:
    chosen = s.argmax(axis=1)
    estimators = [one for one, _ in learnt.classes]
    if name == "accuracy":
        right = p[np.arange(len(p)), chosen]
        noise = math.sqrt(float(np.sum(right * (1 - right)))) / right.size * label_noise(estimators[0], right.size)
        # A row that is wrong is wrong for two classes: the one decided for, and the one that was true.
        spread = sum(one.spread.get("accuracy", 0.0) for one in estimators) / 2
        return as_estimate(name, float(right.mean()), math.hypot(noise, spread), method)
    values, errors = [], []
    for k, one in enumerate(estimators):
        answers = Answers(s[:, k], (chosen == k).astype(np.float64))
        found = expected_metrics(p[:, k], answers, [name])
        if name not in found:
            raise DataError(
                f"{name} cannot be said of {len(p)} rows of which none was decided for one of the classes",
                hint="Give a larger window, or other metrics",
            )
        value, noise = found[name]
        values.append(value)
        errors.append(math.hypot(noise * label_noise(one, len(p)), one.spread.get(name, 0.0)))
    # Errors of classes hang together; their mean is the most that the mean's can be.
    return as_estimate(name, float(np.mean(values)), float(np.mean(errors)), method)


def _learn(reference: Any, features: tuple[str, ...], scores: Mapping[Any, str], label: str) -> _Learnt:
    frame = as_polars(reference)
    s = _scores(frame, scores)
    if label not in frame.columns:
        raise DataError(f"there is no column {label}", hint=f"The frame has {', '.join(frame.columns[:20])}")
    names = [str(name) for name in scores]
    texts = frame[label].cast(pl.String)
    strange = texts.drop_nulls().filter(~texts.drop_nulls().is_in(names))
    if strange.len():
        raise DataError(
            f"the reference has the label {strange[0]}, which has no score", hint="Say the score column of every label"
        )
    codes = texts.cast(pl.Enum(names)).to_physical().cast(pl.Float64).fill_null(float("nan")).to_numpy()
    known = ~(np.isnan(s).any(axis=1) | np.isnan(codes))
    mark = (
        float(frame.height),
        float(np.nansum(s)),
        float(np.nansum(s * np.arange(len(names)))),
        float(np.nansum(codes)),
    )
    how = (features, tuple(scores.items()), label)

    def taught() -> _Learnt:
        schema = schema_of(frame, features)
        matrix, chosen = encode(frame, schema)[known], s[known].argmax(axis=1)
        classes = []
        for k, name in enumerate(names):
            y = (codes[known] == k).astype(np.float64)
            if y.sum() < _FEWEST:
                raise DataError(
                    f"only {int(y.sum())} rows of the reference are {name}",
                    hint=f"Give a longer reference, with {_FEWEST} of each class at least",
                )
            text, one = fit_estimator(
                matrix, s[known, k], y, schema=schema, task=Task.BINARY, seed=0, threads=1, act=chosen == k
            )
            classes.append((one, None if text is None else outputs(lgb.Booster(model_str=text))))
        return _Learnt(schema, tuple(classes))

    return remembered(reference, how, mark, taught)


def _scores(frame: pl.DataFrame, scores: Mapping[Any, str]) -> Floats:
    return np.column_stack([scores_of(frame, column) for column in scores.values()])
