"""What a candidate must show before it may go on: pure gates over evidence, and the verdict over all of them.

Every statistical gate may be looked at any time (`sequential.py`). A gate that says no is a good outcome, so each
result carries its reason in words and its evidence in JSON values. The flow that collects the evidence and asks for
approval stands beside this file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from daytwo.core.schema import Task
from daytwo.lifecycle import words as said
from daytwo.lifecycle.gating.sequential import Floats, Interval, cluster_means, confidence_sequence, e_value
from daytwo.monitoring.estimating.metrics import HIGHER_IS_BETTER
from daytwo.monitoring.estimating.performance import Answers, influence

# A slice with fewer rows says nothing about itself.
MIN_SLICE_ROWS = 200


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate's answer. `evidence` holds JSON values only."""

    name: str
    passed: bool
    words: str
    evidence: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether all gates passed; `reasons` are the words of those that did not, or of all where all did."""

    passed: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Paired:
    """Both versions on the same labelled rows: labels, scores, and the cluster (day) of each row, shapes (n,).

    Scores are calibrated probabilities (binary) or values (regression). Acts are the decisions, 0 or 1, that accuracy
    and F1 are about; None decides at 0.5.
    """

    labels: Floats
    candidate: Floats
    champion: Floats
    clusters: ArrayLike
    candidate_acts: Floats | None = None
    champion_acts: Floats | None = None


def verdict(results: Iterable[GateResult]) -> Verdict:
    """Pass where every gate passed; say why not otherwise.

    Examples
    --------
    >>> verdict([GateResult("latency", False, "p99 31 ms is over 20 ms")]).reasons
    ('latency: p99 31 ms is over 20 ms',)
    """
    results = tuple(results)
    failed = tuple(result for result in results if not result.passed)
    return Verdict(not failed, tuple(f"{result.name}: {result.words}" for result in failed or results))


def quality_gate(
    paired: Paired, *, task: Task, metric: str, margin: float, alpha: float = 0.05, unit: str = "days"
) -> GateResult:
    """Hold the candidate to non-inferiority: worse by no more than `margin`, sure at every look.

    `metric` is one of the task's (`monitoring/estimating/metrics.py`), and `margin` is in its unit. `evidence` says
    `difference` (positive is better, also for a loss), `low`, `high`, and `superior`: whether the candidate is better
    for sure.
    """
    interval = quality_difference(paired, task=task, metric=metric, alpha=alpha)
    passed, superior = interval.low > -margin, interval.low > 0
    what = "better than" if superior else "not worse than" if passed else "not shown to keep up with"
    words = (
        f"{what} the champion: {said.metric(metric)} better by {interval.mean:+.4f}, at least {interval.low:+.4f} for"
        f" sure over {interval.clusters} {unit} (bearable: {-margin:+.4f})"
    )
    return GateResult("quality", passed, words, _evidence(interval, margin=margin, superior=superior))


def quality_difference(paired: Paired, *, task: Task, metric: str, alpha: float = 0.05) -> Interval:
    """Return how much better the candidate is, in the metric's unit, as an interval that holds at every look.

    The metric's influence values are summed over clusters, so that rows of one day count as one piece of evidence.
    Nothing is claimed where the metric does not exist for these labels or decisions.

    Raises
    ------
    ValueError
        If the task has no metric of that name.

    Source: F. Hampel (1974), The influence curve and its role in robust estimation, J. Am. Stat. Assoc. 69, 383-393;
    `sequential.py` for the interval.
    """
    new, moved = influence(metric, Answers(paired.candidate, paired.candidate_acts), paired.labels, task=task)
    old, stood = influence(metric, Answers(paired.champion, paired.champion_acts), paired.labels, task=task)
    sign = 1.0 if metric in HIGHER_IS_BETTER else -1.0
    difference = sign * (new - old)
    if not np.isfinite(difference):
        return Interval(float("nan"), -np.inf, np.inf, 0)
    return confidence_sequence(difference + cluster_means(sign * (moved - stood), paired.clusters), alpha=alpha)


def baseline_gate(paired: Paired, *, task: Task, metric: str, alpha: float = 0.05, unit: str = "days") -> GateResult:
    """Hold a first version to beating the trivial model, which stands as the champion of `paired`, for sure."""
    interval = quality_difference(paired, task=task, metric=metric, alpha=alpha)
    passed = interval.low > 0
    words = (
        f"{'beats' if passed else 'not shown to beat'} the trivial model: {said.metric(metric)} better by"
        f" {interval.mean:+.4f}, at least {interval.low:+.4f} for sure over {interval.clusters} {unit}"
    )
    return GateResult("baseline", passed, words, _evidence(interval, margin=0.0, superior=passed))


def money_gate(
    candidate: ArrayLike,
    champion: ArrayLike,
    clusters: ArrayLike,
    *,
    margin: float,
    currency: str,
    alpha: float = 0.05,
    unit: str = "days",
) -> GateResult:
    """Refuse a candidate whose decisions lose more than `margin` a row against the champion's, shown at any look.

    Money swings far more than quality does, so the gate asks for evidence of a loss, not for proof of its absence:
    that the candidate is no worse is the quality gate's burden.

    Parameters
    ----------
    candidate, champion : shape (n,), money
        What each row brought under each version's own decision.
    margin : float, money per row
        Bearable loss, >= 0.
    """
    gain = cluster_means(np.asarray(candidate, dtype=np.float64) - np.asarray(champion, dtype=np.float64), clusters)
    interval = confidence_sequence(gain, alpha=alpha)
    against = e_value(-gain, above=margin)
    passed, superior = against < 1 / alpha, interval.low > 0
    what = "brings more" if superior else "is not shown to lose" if passed else "loses"
    words = (
        f"{what}: {interval.mean:+.4f} {currency} a row against the champion over {interval.clusters} {unit}"
        f" (evidence of a loss over {margin:.4f}: {against:.3g}, limit {1 / alpha:.0f})"
    )
    evidence = _evidence(interval, margin=margin, superior=superior) | {"e_value": _finite(against)}
    return GateResult("money", passed, words, evidence)


def slice_gate(
    gain: ArrayLike, slices: Mapping[str, ArrayLike], clusters: ArrayLike, *, margin: float, alpha: float = 0.05
) -> GateResult:
    """Refuse a candidate that is worse than `margin` in any slice, with evidence corrected for their number.

    Parameters
    ----------
    gain : shape (n,)
        How much less the candidate lost than the champion on each row (log-loss, absolute error or money).
    slices : name -> mask of shape (n,)
        Those with fewer than 200 rows are left out and counted.
    margin : float, in the unit of `gain`
        Bearable loss per row within a slice, >= 0.
    """
    losses = -np.asarray(gain, dtype=np.float64)
    days = np.asarray(clusters)
    masks = {name: np.asarray(mask, dtype=bool) for name, mask in slices.items()}
    judged = {name: mask for name, mask in masks.items() if mask.sum() >= MIN_SLICE_ROWS}
    values = {name: e_value(cluster_means(losses[m], days[m]), above=margin) for name, m in judged.items()}
    mean = float(np.mean(list(values.values()))) if values else 1.0
    worst = sorted(values, key=lambda name: -values[name])[:5]
    passed = mean < 1 / alpha
    evidence: dict[str, object] = {
        "slices": len(judged),
        "too_small": len(masks) - len(judged),
        "e_value": _finite(mean),
        "worst": {
            name: {"e_value": _finite(values[name]), "loss": float(losses[judged[name]].mean())} for name in worst
        },
    }
    if passed:
        words = f"no slice of {len(judged)} is worse than bearable"
    else:
        guilty = [name for name in worst if values[name] >= 1 / alpha]
        words = f"worse than bearable in {', '.join(guilty or worst[:1])} (evidence {mean:.3g} over {1 / alpha:.0f})"
    return GateResult("slices", passed, words, evidence)


def latency_gate(p99_ms: float, *, max_p99_ms: float) -> GateResult:
    """Refuse a version whose 99th percentile of one row's answer is over the limit."""
    passed = p99_ms <= max_p99_ms
    words = f"p99 {p99_ms:.3g} ms is {'within' if passed else 'over'} {max_p99_ms:g} ms"
    return GateResult("latency", passed, words, {"p99_ms": p99_ms, "max_p99_ms": max_p99_ms})


def _evidence(interval: Interval, *, margin: float, superior: bool) -> dict[str, object]:
    return {
        "difference": _finite(interval.mean),
        "low": _finite(interval.low),
        "high": _finite(interval.high),
        "clusters": interval.clusters,
        "margin": margin,
        "superior": superior,
    }


def _finite(value: float) -> float | None:
    """JSON knows no infinity."""
    return float(value) if np.isfinite(value) else None
