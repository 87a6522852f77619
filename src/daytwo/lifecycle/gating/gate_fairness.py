"""The gate on fairness: do groups of a sensitive column meet the model's decisions and errors alike. Pure.

For each group against all others: the rate at which it is acted on, and the errors among those who had and had not the
outcome; a regression has the mean error instead. Which of them should be alike is for people to say; they cannot all
be, where the groups' outcomes differ, so each has its limit in the one setting and its interval in the evidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from daytwo.core.schema import Task
from daytwo.lifecycle.gating.gates import MIN_SLICE_ROWS, GateResult
from daytwo.lifecycle.gating.sequential import Interval, cluster_means, confidence_sequence

Floats = NDArray[np.float64]
_ERROR = "mean error"
# A sensitive number, such as an age, is judged by as many groups of equal size.
_PARTS = 4


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Rows as people met them, arrays of shape (n,): what was done (1 or 0, or the answer), what came, and the day."""

    done: Floats
    labels: Floats
    clusters: NDArray[np.int64]
    task: Task


@dataclass(frozen=True, slots=True)
class Gap:
    """How much higher a figure is in `group` than among all others, as an interval that holds at every look."""

    group: str
    figure: str
    interval: Interval

    @property
    def least(self) -> float:
        """Return how far apart they are for sure, >= 0."""
        return max(self.interval.low, -self.interval.high, 0.0)


def fairness_gate(
    outcomes: Outcomes, groups: Mapping[str, ArrayLike], *, max_gap: float, alpha: float = 0.05
) -> GateResult:
    """Refuse a version that treats a group differently by more than `max_gap`, shown beyond chance at any look.

    Parameters
    ----------
    groups : name -> mask of shape (n,)
        Such as `sex=f`. Groups of fewer than 200 rows, or with fewer than 200 others, are left out and counted.
    max_gap : float
        Bearable difference: of shares, in [0, 1]; of a regression's mean error, in standard deviations of the labels.
    alpha : float in (0, 1)
        The chance that any of all intervals is wrong; it is parted among them.

    Source: M. Hardt, E. Price & N. Srebro (2016), Equality of opportunity in supervised learning, NIPS 29 (errors);
    T. Calders & S. Verwer (2010), Data Min. Knowl. Disc. 21, 277-292 (rates). Intervals: `sequential.py`, over the
    influence values of a difference of two ratios.
    """
    masks = {name: np.asarray(mask, dtype=bool) for name, mask in groups.items()}
    judged = {name: mask for name, mask in masks.items() if min(mask.sum(), (~mask).sum()) >= MIN_SLICE_ROWS}
    asked = [(name, one) for name, mask in judged.items() for one in _figures(outcomes, mask)]
    gaps = [Gap(name, one.name, _gap(one, alpha / len(asked))) for name, one in asked]
    broken = sorted((gap for gap in gaps if gap.least > max_gap), key=lambda gap: -gap.least)
    evidence: dict[str, object] = {
        "groups": len(judged),
        "too_small": len(masks) - len(judged),
        "max_gap": max_gap,
        "gaps": [
            {"group": gap.group, "figure": gap.figure, "difference": _finite(gap.interval.mean)}
            | {"low": _finite(gap.interval.low), "high": _finite(gap.interval.high)}
            for gap in gaps
        ],
    }
    if not judged:
        words = f"no group of {len(masks)} has {MIN_SLICE_ROWS} rows, and as many others beside it: nothing is shown"
        return GateResult("fairness", False, words, evidence)
    if broken:
        words = f"{'; '.join(_said(gap) for gap in broken[:3])} (bearable: {max_gap:.1%})"
        return GateResult("fairness", False, words, evidence)
    widest = max(gaps, key=lambda gap: abs(gap.interval.mean))
    words = f"no group of {len(judged)} is shown to differ by more than {max_gap:.1%}; most: {_said(widest)}"
    return GateResult("fairness", True, words, evidence)


def groups_by(name: str, values: NDArray[np.generic]) -> dict[str, NDArray[np.bool_]]:
    """Return the groups of a sensitive column: its levels, quarters of a number with many values, and the missing.

    Examples
    --------
    >>> {group: int(mask.sum()) for group, mask in groups_by("sex", np.array(["f", "m", "f", None])).items()}
    {'sex=f': 2, 'sex=m': 1, 'sex missing': 1}
    """
    missing = np.array([value is None or value != value for value in values.tolist()], dtype=bool)  # noqa: PLR0124 (NaN)
    groups: dict[str, NDArray[np.bool_]] = {}
    known = values[~missing]
    if known.dtype.kind == "f" and np.unique(known).size > _PARTS:
        edges = np.unique(np.quantile(known.astype(np.float64), np.linspace(0, 1, _PARTS + 1)))
        part = np.full(values.size, -1)
        part[~missing] = np.clip(np.searchsorted(edges, known.astype(np.float64), side="right") - 1, 0, edges.size - 2)
        for number in range(edges.size - 1):
            groups[f"{name} {edges[number]:g} to {edges[number + 1]:g}"] = part == number
    else:
        for level in dict.fromkeys(sorted(known.tolist(), key=str)):
            groups[f"{name}={level}"] = ~missing & np.array([value == level for value in values.tolist()], dtype=bool)
    if missing.any():
        groups[f"{name} missing"] = missing
    return groups


@dataclass(frozen=True, slots=True)
class _Figure:
    """What is compared, of the rows that it is about: one number a row, who is of the group, and the day."""

    name: str
    values: Floats
    mask: NDArray[np.bool_]
    days: NDArray[np.int64]


def _figures(outcomes: Outcomes, mask: NDArray[np.bool_]) -> Iterator[_Figure]:
    done, labels, days = outcomes.done, outcomes.labels, outcomes.clusters
    if outcomes.task is Task.REGRESSION:
        spread = float(labels.std()) or 1.0
        yield _Figure(_ERROR, (done - labels) / spread, mask, days)
        return
    yield _Figure("acted on", done, mask, days)
    came = labels == 1
    for name, rows, values in (("missed", came, 1 - done), ("acted on in vain", ~came, done)):
        if min((mask & rows).sum(), (~mask & rows).sum()) >= MIN_SLICE_ROWS // 4:
            yield _Figure(name, values[rows], mask[rows], days[rows])


def _gap(figure: _Figure, alpha: float) -> Interval:
    """Return how much higher the mean of the values is in the group than outside it."""
    values, mask = figure.values, figure.mask
    inside, outside = float(values[mask].mean()), float(values[~mask].mean())
    share = float(mask.mean())
    influence = np.where(mask, (values - inside) / share, -(values - outside) / (1 - share))
    return confidence_sequence(inside - outside + cluster_means(influence, figure.days), alpha=alpha)


def _said(gap: Gap) -> str:
    low, high = gap.interval.low, gap.interval.high
    form = "+.3g" if gap.figure == _ERROR else "+.1%"
    return (
        f"{gap.group} {gap.figure} {gap.interval.mean:{form}} against the others,"
        f" {low:{form}} to {high:{form}} for sure"
    )


def _finite(value: float) -> float | None:
    """JSON knows no infinity."""
    return float(value) if np.isfinite(value) else None
