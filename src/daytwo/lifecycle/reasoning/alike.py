"""What became of past rows that the model saw alike: the cases a person would ask a colleague about.

Alike are rows whose columns move the score in the same way, not rows of equal values: two rows that the model tells
apart by nothing are the same to it, however they differ elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from daytwo.core.schema import Task
from daytwo.lifecycle.rows import LiveRows, live_rows
from daytwo.lifecycle.system import System
from daytwo.scoring.model import Model

# So many of the newest labelled rows are compared, and the outcomes of so many of the nearest are added up.
_COMPARED, _ADDED_UP = 20_000, 100
# Fewer live rows with outcomes than this say little: held-out rows of the training stand in.
_FEW = 500
# Two-sided 95 %.
_Z = 1.959964


@dataclass(frozen=True, slots=True)
class PastCase:
    """One past row: its prediction's `id`, `key` and time (None for a row the model was tried on before it went live).

    `score` is what this model says of it, `label` what came true, `distance` how differently its columns moved the
    score, in the unit of the raw score, 0 for the same.
    """

    id: str | None
    key: str | None
    at: datetime | None
    score: float
    label: float
    distance: float


@dataclass(frozen=True, slots=True)
class Alike:
    """The nearest past `cases`, nearest first; and of the `among` nearest of `compared` rows the mean outcome.

    `low` .. `high` is its 95 % interval: for two classes of the share that came true (Wilson's), else of the mean.
    """

    cases: tuple[PastCase, ...]
    among: int
    compared: int
    mean: float
    low: float
    high: float


def alike(
    system: System, model: Model, features: Sequence[float], identity: str, until: datetime, *, k: int = 5
) -> Alike | None:
    """Return what became of the past rows most like an encoded row; None where no outcome is known.

    Past are rows that happened before `until`; the prediction `identity` itself is left out.

    Raises
    ------
    NotFound
        If the model gives no reasons, by which rows are compared.
    """
    rows = live_rows(system, model.contract, (), None, until).labelled()
    other = np.flatnonzero((rows.frame["_id"] != identity).to_numpy()) if rows.rows else np.zeros(0, dtype=int)
    other = other[-_COMPARED:]
    matrix, labels = rows.matrix[other], rows.labels[other]
    if model.cases is not None and len(other) < _FEW:
        matrix = np.concatenate([matrix, model.cases.matrix])
        labels = np.concatenate([labels, model.cases.labels])
    if not len(matrix):
        return None
    own = model.contributions(np.array([features], dtype=np.float32))[0]
    distances = np.abs(model.contributions(matrix) - own).sum(axis=1)
    order = np.argsort(distances, kind="stable")
    nearest = order[: min(_ADDED_UP, max(k, len(order) // 10))]
    scores = model.score_many(matrix[order[:k]])
    told = tuple(
        _case(rows, int(other[i]) if i < len(other) else None, score, labels[i], distances[i])
        for i, score in zip(order[:k].tolist(), scores.tolist(), strict=True)
    )
    mean, low, high = _interval(labels[nearest], model.task)
    return Alike(told, len(nearest), len(matrix), mean, low, high)


def _case(rows: LiveRows, place: int | None, score: float, label: float, distance: float) -> PastCase:
    if place is None:
        return PastCase(None, None, None, score, float(label), float(distance))
    row = rows.frame.row(place, named=True)
    return PastCase(row["_id"], row["_key"], row["_time"], score, float(label), float(distance))


def _interval(labels: NDArray[np.float64], task: Task) -> tuple[float, float, float]:
    """Source of the first: E. Wilson (1927), J. Am. Stat. Assoc. 22, 209-212."""
    n, mean = len(labels), float(labels.mean())
    if task is Task.BINARY:
        middle = (mean + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z / (1 + _Z**2 / n) * float(np.sqrt(mean * (1 - mean) / n + _Z**2 / (4 * n * n)))
        return mean, max(middle - half, 0.0), min(middle + half, 1.0)
    half = _Z * float(labels.std(ddof=1)) / n**0.5 if n > 1 else float("inf")
    return mean, mean - half, mean + half
