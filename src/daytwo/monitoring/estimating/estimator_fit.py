"""Learn, at training time, how to estimate a model's performance without labels; needs LightGBM's Python package.

`estimator.py` next door uses what is learnt here, with only a function for the trees.
"""

from __future__ import annotations

import math

import lightgbm as lgb
import numpy as np
from numpy.typing import ArrayLike, NDArray

from daytwo.core.schema import Schema, Task
from daytwo.monitoring.estimating.estimator import Estimator, RawModel, estimated, with_score
from daytwo.monitoring.estimating.performance import Answers, realised
from daytwo.monitoring.profiles.bins import Floats

# Fewer labelled rows, or rarer labels, teach a correction nothing but noise.
_MIN_ROWS = 1_000
_MIN_EACH_CLASS = 50
# Each fifth of the rows but the first is predicted from those before it: as in use, the future from the past.
_PARTS = 5
# Blocks of consecutive rows in which estimates are held against the truth.
_BLOCKS = 20
_MAX_ROUNDS = 120
_PATIENCE = 15
_CLIP = 1e-9
# Small and shy: the score already knows nearly everything.
_PARAMETERS = {
    "num_leaves": 7,
    "learning_rate": 0.1,
    "min_data_in_leaf": 100,
    "lambda_l2": 10.0,
    "cat_smooth": 50.0,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


def fit_estimator(
    matrix: NDArray[np.floating],
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    schema: Schema,
    task: Task,
    seed: int,
    threads: int = 2,
) -> tuple[str | None, Estimator]:
    """Fit the performance estimator of one model on labelled rows that the model was not trained on.

    Binary: a small boosted model that starts from the logit of the calibrated score; kept only if it lowers the
    log-loss on later rows by more than one standard error. Regression: a model of the absolute error; kept only if it
    predicts it better than a constant.

    Parameters
    ----------
    matrix : shape (n, d)
        Feature matrix, oldest row first.
    scores, labels : shape (n,)
        Calibrated probabilities and 0/1, or values and values. Rows without a label (NaN) are left out.

    Returns
    -------
    (model_text, estimator)
        The trees as LightGBM text whose prediction is the raw output, over d + 1 columns (the score is the last);
        None where plain estimation did as well.

    Source: METHODS section 1 (residual-boosted CBPE); J. Friedman (2001), Ann. Stat. 29(5) (boosting from an offset).
    """
    y = np.asarray(labels, dtype=np.float64)
    known = ~np.isnan(y)
    x, s, y = matrix[known], np.asarray(scores, dtype=np.float64)[known], y[known]
    low, high = _support(x, schema)
    if task is Task.REGRESSION:
        plain = _error_estimator(np.abs(y - s), None, low, high)
    else:
        plain = Estimator("plain", task, low, high)
    enough = y.size >= _MIN_ROWS
    if task is Task.BINARY:
        enough = enough and min(float(y.sum()), float((1 - y).sum())) >= _MIN_EACH_CLASS
    if not enough:
        return None, plain
    booster, raw = _boost(x, s, y, schema, task, seed, threads)
    later = ~np.isnan(raw)
    chosen, keeps = _choose(plain, s[later], y[later], raw[later])
    chosen = _with_spread(chosen, x[later], s[later], y[later], raw[later] if keeps else None)
    return (_raw_text(booster) if keeps else None), chosen


def _boost(
    x: NDArray[np.floating], s: Floats, y: Floats, schema: Schema, task: Task, seed: int, threads: int
) -> tuple[lgb.Booster, Floats]:
    """Return the model fitted on all rows, and the raw outputs of models fitted on earlier rows only (NaN: none)."""
    parameters: dict[str, object] = {**_PARAMETERS, "seed": seed, "num_threads": threads}
    parameters |= {"objective": "binary"} if task is Task.BINARY else {"objective": "regression_l2"}
    target = y if task is Task.BINARY else np.abs(y - s)
    offset = _logit(s) if task is Task.BINARY else None
    inputs = with_score(x, s)

    def data(rows: NDArray[np.bool_]) -> lgb.Dataset:
        start = None if offset is None else offset[rows]
        return lgb.Dataset(
            inputs[rows],
            target[rows],
            init_score=start,
            categorical_feature=list(schema.categories),
            params=parameters,
            free_raw_data=True,
        )

    part = np.arange(y.size) * _PARTS // y.size
    late = part == _PARTS - 2
    probe = lgb.train(
        parameters,
        data(part < _PARTS - 2),
        _MAX_ROUNDS,
        valid_sets=[data(late)],
        callbacks=[lgb.early_stopping(_PATIENCE, verbose=False)],
    )
    rounds = max(probe.best_iteration, 1)
    raw = np.full(y.size, np.nan)
    for k in range(1, _PARTS):
        held = part == k
        raw[held] = lgb.train(parameters, data(part < k), rounds).predict(inputs[held], raw_score=True)
    return lgb.train(parameters, data(np.ones(y.size, dtype=bool)), rounds), raw


def _choose(plain: Estimator, s: Floats, y: Floats, raw: Floats) -> tuple[Estimator, bool]:
    """Keep the trees only where they lower the out-of-fold loss by more than one standard error."""
    if plain.task is Task.BINARY:
        before, after = _surprise(_logit(s), y), _surprise(_logit(s) + raw, y)
        better = Estimator("boosted", plain.task, plain.low, plain.high)
    else:
        error = np.abs(y - s)
        before, after = (error - error.mean()) ** 2, (error - np.maximum(raw, 0.0)) ** 2
        better = _error_estimator(error, np.maximum(raw, 0.0), plain.low, plain.high)
    gain = np.array([float(part.mean()) for part in np.array_split(before - after, _BLOCKS)])
    keeps = float(gain.mean()) > float(gain.std(ddof=1)) / math.sqrt(gain.size)
    chosen = better if keeps else plain
    return _replace(chosen, loss_plain=float(before.mean()), loss_boosted=float(after.mean())), keeps


def _with_spread(estimator: Estimator, x: NDArray[np.floating], s: Floats, y: Floats, raw: Floats | None) -> Estimator:
    """Measure, block by block, how far estimates miss the realised metrics beyond sampling noise."""
    misses: dict[str, list[float]] = {}
    for rows in np.array_split(np.arange(y.size), _BLOCKS):
        answers = Answers(s[rows])
        guess = estimated(estimator, x[rows], answers, None if raw is None else _recall(raw[rows]))
        truth = realised(answers, y[rows], task=estimator.task)
        for name in guess.keys() & truth.keys():
            miss = (guess[name].value - truth[name].value) ** 2 - guess[name].standard_error ** 2
            misses.setdefault(name, []).append(miss)
    spread = {name: math.sqrt(max(float(np.mean(values)), 0.0)) for name, values in sorted(misses.items())}
    return _replace(estimator, spread=spread)


def _error_estimator(
    error: Floats, predicted: Floats | None, low: tuple[float, ...], high: tuple[float, ...]
) -> Estimator:
    mean = float(error.mean()) if error.size else 0.0
    guess = np.full(error.size, mean) if predicted is None else predicted
    square = float(np.mean(guess**2)) if error.size else 0.0
    noise = float(np.mean((error - guess) ** 2)) / square if square else 1.0
    ratio = float(np.mean(error**2)) / square if square else 1.0
    kind = "constant" if predicted is None else "error"
    return Estimator(kind, Task.REGRESSION, low, high, error_mean=mean, error_noise=noise, error_square=ratio)


def _support(x: NDArray[np.floating], schema: Schema) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return each feature's lowest and highest value; a category's are its known codes."""
    low, high = [], []
    for i, feature in enumerate(schema.features):
        present = x[:, i][~np.isnan(x[:, i])]
        if feature.is_category:
            low.append(0.0)
            high.append(len(feature.levels) - 1.0)
        else:
            low.append(float(present.min()) if present.size else 0.0)
            high.append(float(present.max()) if present.size else 0.0)
    return tuple(low), tuple(high)


def _logit(s: Floats) -> Floats:
    p = np.clip(s, _CLIP, 1 - _CLIP)
    return np.asarray(np.log(p) - np.log1p(-p), dtype=np.float64)


def _surprise(logit: Floats, y: Floats) -> Floats:
    return np.asarray(np.logaddexp(0.0, logit) - y * logit, dtype=np.float64)


def _recall(outputs: Floats) -> RawModel:
    """Stand for a model whose answers are known already."""
    return lambda _: outputs


def _raw_text(booster: lgb.Booster) -> str:
    """Return the model text with the plain regression objective, so that any scorer answers the raw output."""
    text: str = booster.model_to_string(num_iteration=-1)
    lines = ["objective=regression" if line.startswith("objective=") else line for line in text.split("\n")]
    return "\n".join(lines)


def _replace(estimator: Estimator, **changes: object) -> Estimator:
    fields = {name: getattr(estimator, name) for name in Estimator.__struct_fields__}
    return Estimator(**(fields | changes))
