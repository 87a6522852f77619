"""From any score to a probability: the increasing map that the estimator learnt on labelled rows.

`calibrating_fit.py` chooses and fits it. A model's own calibration is part of the model (`scoring/calibration.py`);
this one belongs to the estimator, which must answer for models that have none and for scores that are no probabilities.
"""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from daytwo.monitoring.profiles.bins import Floats

CLIP = 1e-6
# Beyond this the exponential says nothing more in double precision.
_FARTHEST = 35.0


class Calibrator(msgspec.Struct, frozen=True):
    """A map from scores to probabilities of label 1.

    `as_is` returns probabilities unchanged. `steps` draws straight lines between the points (`scores`, `shares`), flat
    outside them. `beta` is sigmoid(a ln s - b ln(1 - s) + c), `sigmoid` is sigmoid(a s + c), by `weights`.
    """

    kind: Literal["as_is", "steps", "beta", "sigmoid"] = "as_is"
    scores: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()
    weights: tuple[float, ...] = ()

    def many(self, scores: ArrayLike) -> Floats:
        """Return the probability of label 1 for each score, shape (n,), in [1e-6, 1 - 1e-6].

        Examples
        --------
        >>> Calibrator("steps", scores=(-1.0, 1.0), shares=(0.2, 0.8)).many([-3, 0, 1]).round(3).tolist()
        [0.2, 0.5, 0.8]
        """
        s = np.asarray(scores, dtype=np.float64)
        if self.kind == "steps":
            p = np.interp(s, self.scores, self.shares)
        elif self.kind == "as_is":
            p = s
        else:
            p = sigmoid(terms(self.kind, s) @ np.asarray(self.weights))
        return np.clip(p, CLIP, 1 - CLIP)


def terms(kind: str, s: Floats) -> Floats:
    """Return what the weights of a `beta` or `sigmoid` map multiply, shape (n, 3) or (n, 2), the constant last."""
    if kind == "sigmoid":
        return np.column_stack([s, np.ones_like(s)])
    inside = np.clip(s, CLIP, 1 - CLIP)
    return np.column_stack([np.log(inside), -np.log1p(-inside), np.ones_like(s)])


def sigmoid(z: Floats) -> Floats:
    """Return 1 / (1 + exp(-z))."""
    return np.asarray(1 / (1 + np.exp(-np.clip(z, -_FARTHEST, _FARTHEST))), dtype=np.float64)


def logit(p: Floats) -> Floats:
    """Return ln(p / (1 - p)), finite for every p in [0, 1]."""
    inside = np.clip(p, CLIP, 1 - CLIP)
    return np.asarray(np.log(inside) - np.log1p(-inside), dtype=np.float64)
