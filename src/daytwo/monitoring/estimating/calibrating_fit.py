"""Choose and fit the map from scores to probabilities, by log-loss on blocks of rows that were held out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from daytwo.monitoring.estimating.calibrating import Calibrator, logit, sigmoid, terms
from daytwo.monitoring.profiles.bins import Floats

Fit = Callable[[Floats, Floats], Calibrator]
_STEPS = 50
_SMALL = 1e-8
# Keeps weights finite where a score separates the labels entirely; no larger set of labels feels it.
_RIDGE = 1e-3


def choose_calibration(scores: Floats, labels: Floats, parts: NDArray[np.intp]) -> tuple[Fit, Floats]:
    """Return the way of fitting with the lowest log-loss out of fold, and its logits out of fold, shape (n,).

    Parameters
    ----------
    scores, labels : shape (n,)
        Any scores; labels 0 or 1, both in every fold's rest.
    parts : shape (n,)
        The fold of each row, from 0.

    Source: M. Kull, T. Silva Filho & P. Flach (2017), AISTATS (beta); B. Zadrozny & C. Elkan (2002), KDD (isotonic);
    J. Platt (1999), Advances in Large Margin Classifiers (sigmoid).
    """
    probable = is_probability(scores)
    ways: tuple[Fit, ...] = (fit_as_is, fit_steps, fit_beta) if probable else (fit_steps, fit_sigmoid)
    tried = [(fit, held_out(without_each(fit, scores, labels, parts), parts)) for fit in ways]
    return min(tried, key=lambda way: float(np.mean(surprise(way[1], labels))))


def is_probability(scores: Floats) -> bool:
    """Whether all scores lie in [0, 1]."""
    return bool(scores.size) and float(scores.min()) >= 0 and float(scores.max()) <= 1


def surprise(logits: Floats, labels: Floats) -> Floats:
    """Return each row's log-loss in nats, shape (n,)."""
    return np.asarray(np.logaddexp(0.0, logits) - labels * logits, dtype=np.float64)


def fit_as_is(_scores: Floats, _labels: Floats) -> Calibrator:
    """Take the scores for what they say."""
    return Calibrator()


def fit_isotonic(scores: Floats, labels: Floats) -> Calibrator:
    """Fit an increasing map exactly as isotonic regression gives it: flat in each level, straight lines between.

    What it says of the rows that it learnt from reproduces their realised metrics best, so CBPE starts from it.

    Source: R. Barlow, D. Bartholomew, J. Bremner & H. Brunk (1972), Statistical Inference under Order Restrictions.
    """
    values, where, rows = np.unique(scores, return_inverse=True, return_counts=True)
    fitted = isotonic_regression(np.bincount(where, weights=labels) / rows, weights=rows).x
    # Only the ends of each level bend the line.
    bends = np.flatnonzero(np.append(True, np.diff(fitted) > 0) | np.append(np.diff(fitted) > 0, True))
    return Calibrator("steps", tuple(values[bends].tolist()), tuple(fitted[bends].tolist()))


def fit_steps(scores: Floats, labels: Floats) -> Calibrator:
    """Fit an increasing map: isotonic regression, each level placed at its rows' mean score and drawn to the mean.

    Half a row of the overall share in each level keeps probabilities off 0 and 1.

    Source: P. Oron & N. Flournoy (2017), Statistics in Biopharmaceutical Research 9(3), 258-267 (centred levels).
    """
    values, where, rows = np.unique(scores, return_inverse=True, return_counts=True)
    ones = np.bincount(where, weights=labels)
    fitted = isotonic_regression(ones / rows, weights=rows).x
    level = np.concatenate([[0], np.cumsum(np.diff(fitted) > 0)])
    size = np.bincount(level, weights=rows)
    share = (np.bincount(level, weights=ones) + 0.5 * float(labels.mean())) / (size + 0.5)
    centre = np.bincount(level, weights=values * rows) / size
    return Calibrator("steps", tuple(centre.tolist()), tuple(np.maximum.accumulate(share).tolist()))


def fit_beta(scores: Floats, labels: Floats) -> Calibrator:
    """Fit the beta map to probabilities."""
    return Calibrator("beta", weights=tuple(fit_logistic(terms("beta", scores), labels).tolist()))


def fit_sigmoid(scores: Floats, labels: Floats) -> Calibrator:
    """Fit a logistic curve to scores on any scale."""
    centre, scale = float(scores.mean()), float(scores.std()) or 1.0
    a, c = fit_logistic(terms("sigmoid", (scores - centre) / scale), labels).tolist()
    return Calibrator("sigmoid", weights=(a / scale, c - a * centre / scale))


def fit_logistic(inputs: Floats, labels: Floats, offset: Floats | float = 0.0) -> Floats:
    """Return the weights, shape (d,), of a logistic regression with a trace of ridge, by Newton's method."""
    weights = np.zeros(inputs.shape[1])
    ridge = _RIDGE * np.eye(weights.size)
    for _ in range(_STEPS):
        p = sigmoid(inputs @ weights + offset)
        slope = inputs.T @ (labels - p) - ridge @ weights
        step = np.linalg.solve((inputs * (p * (1 - p))[:, None]).T @ inputs + ridge, slope)
        weights = weights + np.clip(step, -5.0, 5.0)
        if float(np.abs(step).max()) < _SMALL:
            break
    return weights


def without_each(fit: Fit, scores: Floats, labels: Floats, parts: NDArray[np.intp]) -> Floats:
    """Return the logits of all rows by the maps that all folds but one teach, shape (folds, n)."""
    folds = range(int(parts.max()) + 1)
    return np.stack([logit(fit(scores[parts != part], labels[parts != part]).many(scores)) for part in folds])


def held_out(by_fold: Floats, parts: NDArray[np.intp]) -> Floats:
    """Return of `without_each` what the map without a row's own fold says of it, shape (n,)."""
    return by_fold[parts, np.arange(parts.size)]
