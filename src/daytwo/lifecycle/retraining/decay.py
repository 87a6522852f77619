"""How much more does the champion lose than a fresh model would, now? One line of decay, learnt from all versions.

Every model ever trained is scored on every window since, so each window tells what each model's age costs. A model's
loss is taken as the window's own level plus the model's, and from model to model the level falls by a rate per window
that they share, more or less steadily. Rate, steadiness and levels are learnt together, recent windows counting most;
so a version of two days is judged by what age cost the versions before it. Pure; `retrain.py` decides by it.

Source: A. Gelman & J. Hill (2007), Data analysis using regression and multilevel models, ch. 12 (levels that share a
rate); J. Harrison & M. West (1987), Practical Bayesian forecasting, The Statistician 36 (older windows count less).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# After so many windows a window counts half.
_HALF_LIFE = 8.0
# Before anything is seen, as shares of the loss: what a window of age costs, give or take, and the noise of one loss.
_RATE, _RATE_ERROR, _NOISE = 0.003, 0.02, 0.01
# The noise so expected counts as so many measured differences.
_NOISE_WORTH = 2
# How unsteady the decay may be, a window, as shares of the loss: weighed by how well each explains what was seen.
_STEPS = np.array([0.001, 0.003, 0.01, 0.04])
# Two models of the same rows differ by chance by this share of the loss.
_FIT = 0.003
# So many of the newest models are read: a step stays under a millisecond however long the history.
_MOST = 24


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known at the start of a window `now`: losses, in money, of models on labelled windows.

    `trained` are the windows at whose start each model was trained, ascending; `losses[k, s]` is what model k lost on
    window s, NaN where not known; only windows before `now` are in it. `own` is the champion's row. `noise` is the
    standard error of one such loss where it is known from the rows.
    """

    now: int
    trained: tuple[int, ...]
    losses: Floats
    own: int
    noise: float | None = None


@dataclass(frozen=True, slots=True)
class Decay:
    """What a model trained now would save a window beside the champion: `excess`, with its `standard_error`, in money.

    `rate` is what each window of age costs more. `scale` is what the champion loses a window, 0 where nothing is known.
    """

    excess: float
    standard_error: float
    rate: float
    scale: float


def decay(seen: Evidence) -> Decay:
    """Work out what the champion's age costs by now.

    Examples
    --------
    >>> age = np.arange(8)[None, :] - np.array([[0], [3], [6]])
    >>> losses = np.where(age >= 0, 100.0 + 2.0 * age, np.nan)
    >>> found = decay(Evidence(now=9, trained=(0, 3, 6), losses=losses, own=0))
    >>> round(found.excess, 1), round(found.rate, 1)
    (17.9, 2.0)
    """
    scale = _scale(seen)
    if not scale:
        return Decay(0.0, math.inf, 0.0, 0.0)
    seen = _newest(seen)
    trained, own = np.asarray(seen.trained, dtype=np.float64), seen.own
    m = len(trained)
    known, told = _told(seen, scale)
    gaps = np.diff(trained)
    # From model to model: level k less level k + 1 is the gap times the rate, the last unknown.
    links = np.zeros((m - 1, m + 1))
    links[np.arange(m - 1), np.arange(m - 1)], links[np.arange(m - 1), np.arange(1, m)], links[:, m] = 1, -1, -gaps
    looseness = (_STEPS[:, None] * scale) ** 2 * gaps + (_FIT * scale) ** 2
    precision = known + (links.T / looseness[:, None, :]) @ links
    precision[:, 0, 0] += 1 / (_NOISE * scale) ** 2  # only differences of levels are told: the first stands at 0
    precision[:, m, m] += 1 / (_RATE_ERROR * scale) ** 2
    told[m] += _RATE / (_RATE_ERROR**2 * scale)
    spread = np.linalg.inv(precision)
    means = spread @ told
    weights = _weights((means @ told - np.linalg.slogdet(precision)[1] - np.log(looseness).sum(1)) / 2)
    # The champion's level less that of a model trained now, which stands `ahead` windows after the newest.
    ahead = seen.now - trained[-1]
    asked = np.zeros(m + 1)
    asked[own] += 1
    asked[m - 1] -= 1
    asked[m] += ahead
    excesses = means @ asked
    excess = float(weights @ excesses)
    variances = spread @ asked @ asked + (_STEPS * scale) ** 2 * ahead
    variance = float(weights @ (variances + (excesses - excess) ** 2))
    return Decay(excess, math.sqrt(max(variance, 0.0)), float(weights @ means[:, m]), scale)


def _newest(seen: Evidence) -> Evidence:
    """Leave out all but the newest models, and the champion."""
    m = len(seen.trained)
    if m <= _MOST:
        return seen
    rows = sorted({seen.own, *range(m - _MOST + 1, m)})
    return Evidence(seen.now, tuple(seen.trained[k] for k in rows), seen.losses[rows], rows.index(seen.own), seen.noise)


def _scale(seen: Evidence) -> float:
    """Return what the champion lost on average on the last known windows, or any model where it has none yet."""
    for losses in (seen.losses[seen.own], seen.losses.ravel()):
        known = losses[np.isfinite(losses)]
        if known.size:
            return float(np.abs(known[-8:]).mean())
    return 0.0


def _told(seen: Evidence, scale: float) -> tuple[Floats, Floats]:
    """Return what the windows tell of the levels: precisions, and precisions times levels; the rate's are 0."""
    m, n = seen.losses.shape
    known = np.isfinite(seen.losses)
    count = np.maximum(known.sum(0), 1)
    losses = np.where(known, seen.losses, 0.0)
    centred = np.where(known, losses - losses.sum(0) / count, 0.0)
    weights = 0.5 ** (np.arange(n - 1, -1, -1) / _HALF_LIFE) / _noise(seen, scale)
    weighed = known * weights
    precision = np.zeros((m + 1, m + 1))
    precision[:m, :m] = np.diag(weighed.sum(1)) - (weighed / count) @ known.T
    told = np.zeros(m + 1)
    told[:m] = centred @ weights
    return precision, told


def _noise(seen: Evidence, scale: float) -> float:
    """Return the variance of one loss: how differences between neighbouring models change from window to window."""
    expected = (_NOISE * scale if seen.noise is None else seen.noise) ** 2
    changes = np.diff(seen.losses[:-1] - seen.losses[1:], axis=1)
    changes = changes[np.isfinite(changes)]
    least = (1e-6 * scale) ** 2
    return max((_NOISE_WORTH * expected + float(changes @ changes) / 4) / (_NOISE_WORTH + changes.size), least)


def _weights(logs: Floats) -> Floats:
    weights: Floats = np.exp(logs - logs.max())
    weights /= weights.sum()
    return weights
