"""Learn, at training time, how to estimate a model's performance without labels; `estimator.py` uses what is learnt.

Calibration by isotonic regression, so that without a correction this is CBPE as it is known; then small trees
(`boosting.py`) that know the features, as far as they proved right across folds; last, block by block, how far
estimates made of earlier rows miss later ones.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import lightgbm as lgb
import numpy as np
from numpy.typing import ArrayLike, NDArray

from daytwo.core.schema import Schema, Task
from daytwo.monitoring.estimating.boosting import Learner, Rows, outputs, raw_text, used
from daytwo.monitoring.estimating.calibrating import Calibrator, logit, sigmoid
from daytwo.monitoring.estimating.calibrating_fit import (
    choose_calibration,
    fit_isotonic,
    fit_logistic,
    fit_steps,
    held_out,
    surprise,
    without_each,
)
from daytwo.monitoring.estimating.estimator import Estimator, estimated, with_score
from daytwo.monitoring.estimating.performance import Answers, realised
from daytwo.monitoring.estimating.support import Support, learn_support
from daytwo.monitoring.profiles.bins import Floats

# Fewer labelled rows, or rarer labels, teach a correction nothing but noise.
_MIN_ROWS = 1_000
_MIN_EACH_CLASS = 50
# Rarer labels than these say nothing about a score either.
_MIN_TO_CALIBRATE = 10
_PARTS = 5
# Blocks of consecutive rows in which estimates are held against the truth.
_BLOCKS = 20
# What fits the reference best is believed a little less of later rows: it costs little where it holds, and saves more
# where rows have come to mean something else.
_BELIEVED = 0.8
# Ranges of the score in which the correction is made neutral.
_LEVELS = 30
_STEPS = 30
Grow = Callable[[slice], tuple[lgb.Booster | None, Estimator]]


def fit_estimator(
    matrix: NDArray[np.floating],
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    schema: Schema,
    task: Task,
    seed: int,
    threads: int = 1,
    act: ArrayLike | None = None,
) -> tuple[str | None, Estimator]:
    """Fit the performance estimator of one model on labelled rows that the model was not trained on.

    Binary: isotonic calibration, and a small boosted model that starts from it. Regression: a model of the absolute
    error; kept only if it predicts it better than a constant.

    Parameters
    ----------
    matrix : shape (n, d)
        Feature matrix, oldest row first.
    scores, labels : shape (n,)
        Any scores that grow with the outcome and 0/1, or values and values. Rows without a label (NaN) are left out.
    act : shape (n,), optional
        The decisions that the scores led to, 0 or 1. Default: scores of 0.5 and more.

    Returns
    -------
    (model_text, estimator)
        The trees as LightGBM text whose prediction is the raw output, over d + 1 columns (the score is the last);
        None where plain estimation did as well.

    Source: METHODS section 1 (residual-boosted CBPE); J. Friedman (2001), Ann. Stat. 29(5) (boosting from an offset);
    D. Wolpert (1992), Neural Networks 5(2) (the weight, learnt across folds).
    """
    y = np.asarray(labels, dtype=np.float64)
    known = ~np.isnan(y)
    x, y = matrix[known], y[known]
    answers = Answers(np.asarray(scores, dtype=np.float64), None if act is None else np.asarray(act, dtype=np.float64))
    answers, learner = answers.take(known), Learner(task is Task.BINARY, seed, threads)
    if task is Task.REGRESSION:
        return _of_values(x, answers, y, schema, learner)
    rarer = min(float(y.sum()), float((1 - y).sum()))
    if y.size < _MIN_ROWS or rarer < _MIN_EACH_CLASS:
        return None, Estimator("plain", task, _of_few(answers.scores, y, rarer), rows=y.size)
    return _of_outcomes(x, answers, y, schema, learner)


def _of_few(s: Floats, y: Floats, rarer: float) -> Calibrator:
    """Choose the calibration of few rows by what held-out ones say; scores of fewer still are taken as they are."""
    if rarer < _MIN_TO_CALIBRATE:
        return Calibrator()
    fit, _ = choose_calibration(s, y, _parts(y))
    return fit(s, y)


def _of_outcomes(
    x: NDArray[np.floating], answers: Answers, y: Floats, schema: Schema, learner: Learner
) -> tuple[str | None, Estimator]:
    s, parts = answers.scores, _parts(y)
    starts = without_each(fit_steps, s, y, parts)
    held = held_out(starts, parts)
    rounds, raw = learner.across(Rows(with_score(x, s), y, schema), parts, starts)
    weight = _weight(held, raw, y)

    def grow(known: slice) -> tuple[lgb.Booster | None, Estimator]:
        return _grown(x[known], s[known], y[known], schema, learner, rounds, weight)

    trees, found = grow(slice(None))
    found = _replace(
        found,
        loss_plain=float(surprise(held, y).mean()),
        loss_boosted=float(surprise(held + weight * raw, y).mean()),
        spread=_spread(grow, x, answers, y, Task.BINARY),
    )
    return None if trees is None else raw_text(trees), found


def _grown(
    x: NDArray[np.floating], s: Floats, y: Floats, schema: Schema, learner: Learner, rounds: int, weight: float
) -> tuple[lgb.Booster | None, Estimator]:
    """Learn from some rows, with the rounds and the weight that all of them taught."""
    calibration = fit_isotonic(s, y)
    plain = Estimator("plain", Task.BINARY, calibration, columns=x.shape[1] + 1, rows=y.size)
    if not weight:
        return None, plain
    inputs = with_score(x, s)
    trees = learner.grow(Rows(inputs, y, schema, logit(fit_steps(s, y).many(s))), rounds)
    moved = weight * outputs(trees)(inputs)
    levels, shifts = _neutral(s, calibration.many(s), moved)
    support = _support(inputs, used(trees), schema)
    return trees, _replace(plain, kind="boosted", weight=weight, levels=levels, shifts=shifts, support=support)


def _weight(start: Floats, raw: Floats, y: Floats) -> float:
    """Return how much of the corrections to believe, 0 to 0.8: four fifths of what fits best where rows were held out.

    It is 0 if that is within chance of nothing.
    The logistic regression of the labels on the correction, from the calibrated score; its standard error by blocks.
    """
    best = float(fit_logistic(raw[:, None], y, start)[0])
    p = sigmoid(start + best * raw)
    information = float(np.sum(p * (1 - p) * raw**2))
    slopes = np.array([float(part.sum()) for part in np.array_split((y - p) * raw, _BLOCKS)])
    error = math.sqrt(_BLOCKS * float(slopes.var(ddof=1))) / information if information else math.inf
    return _BELIEVED * min(best, 1.0) if best > error else 0.0


def _neutral(s: Floats, p: Floats, moved: Floats) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return by score the shift, in logits, after which the correction leaves the mean of `p` where it was.

    Newton's method in each range of the score.
    """
    edges = np.unique(np.quantile(s, np.linspace(0, 1, _LEVELS + 1)[1:-1]))
    level = np.searchsorted(edges, s, side="right")
    there, level = np.unique(level, return_inverse=True)
    shift, wanted, start = np.zeros(there.size), np.bincount(level, weights=p), logit(p) + moved
    for _ in range(_STEPS):
        now = sigmoid(start + shift[level])
        slope = np.bincount(level, weights=now * (1 - now)) + 1e-3
        shift = np.clip(shift + np.clip((wanted - np.bincount(level, weights=now)) / slope, -2, 2), -6, 6)
    centre = np.bincount(level, weights=s) / np.bincount(level)
    return tuple(centre.tolist()), tuple(shift.tolist())


def _of_values(
    x: NDArray[np.floating], answers: Answers, y: Floats, schema: Schema, learner: Learner
) -> tuple[str | None, Estimator]:
    s = answers.scores
    error = np.abs(y - s)
    constant = _error_estimator(error, None, x.shape[1] + 1)
    if y.size < _MIN_ROWS:
        return None, constant
    rounds, raw = learner.across(Rows(with_score(x, s), error, schema), np.arange(y.size) * _PARTS // y.size)
    before, after = (error - error.mean()) ** 2, (error - np.maximum(raw, 0.0)) ** 2
    gain = np.array([float(part.mean()) for part in np.array_split(before - after, _BLOCKS)])
    keeps = float(gain.mean()) > float(gain.std(ddof=1)) / math.sqrt(gain.size)

    def grow(known: slice) -> tuple[lgb.Booster | None, Estimator]:
        if not keeps:
            return None, _error_estimator(error[known], None, x.shape[1] + 1)
        inputs = with_score(x[known], s[known])
        trees = learner.grow(Rows(inputs, error[known], schema), rounds)
        found = _error_estimator(error[known], np.maximum(raw[known], 0.0), x.shape[1] + 1)
        return trees, _replace(found, support=_support(inputs, used(trees), schema))

    trees, found = grow(slice(None))
    spread = _spread(grow, x, answers, y, Task.REGRESSION)
    losses = {"loss_plain": float(before.mean()), "loss_boosted": float(after.mean())}
    return None if trees is None else raw_text(trees), _replace(found, spread=spread, **losses)


def _spread(grow: Grow, x: NDArray[np.floating], answers: Answers, y: Floats, task: Task) -> dict[str, float]:
    """Measure how far estimates learnt from earlier rows miss blocks of the next part, beyond the labels' noise."""
    misses: dict[str, list[float]] = {}
    ends = np.arange(1, _PARTS + 1) * y.size // _PARTS
    for start, end in itertools.pairwise(ends.tolist()):
        if task is Task.BINARY and not 0 < y[:start].sum() < start:
            continue
        trees, estimator = grow(slice(0, start))
        for rows in np.array_split(np.arange(start, end), _BLOCKS // _PARTS):
            part = answers.take(rows)
            guess = estimated(estimator, x[rows], part, None if trees is None else outputs(trees))
            truth = realised(part, y[rows], task=task)
            for name in guess.keys() & truth.keys():
                miss = (guess[name].value - truth[name].value) ** 2 - guess[name].standard_error ** 2
                misses.setdefault(name, []).append(miss)
    return {name: math.sqrt(max(float(np.mean(values)), 0.0)) for name, values in sorted(misses.items())}


def _error_estimator(error: Floats, predicted: Floats | None, columns: int) -> Estimator:
    mean = float(error.mean()) if error.size else 0.0
    guess = np.full(error.size, mean) if predicted is None else predicted
    square = float(np.mean(guess**2)) if error.size else 0.0
    noise = float(np.mean((error - guess) ** 2)) / square if square else 1.0
    ratio = float(np.mean(error**2)) / square if square else 1.0
    return Estimator(
        "constant" if predicted is None else "error",
        Task.REGRESSION,
        columns=columns,
        rows=error.size,
        error_mean=mean,
        error_noise=noise,
        error_square=ratio,
    )


def _support(inputs: NDArray[np.float32], columns: tuple[int, ...], schema: Schema) -> Support:
    return learn_support(inputs, columns, {i: len(schema.features[i].levels) for i in schema.categories})


def _parts(y: Floats) -> NDArray[np.intp]:
    """Return folds of rows that follow each other; where one holds all of a label, of rows of each label by itself."""
    parts = np.arange(y.size) * _PARTS // y.size
    ones, rows = np.bincount(parts, weights=y), np.bincount(parts)
    if max(ones) < y.sum() and max(rows - ones) < y.size - y.sum():
        return parts
    for kind in (0.0, 1.0):
        alike = np.flatnonzero(y == kind)
        parts[alike] = np.arange(alike.size) * _PARTS // alike.size
    return parts


def _replace(estimator: Estimator, **changes: object) -> Estimator:
    fields = {name: getattr(estimator, name) for name in Estimator.__struct_fields__}
    return Estimator(**(fields | changes))
