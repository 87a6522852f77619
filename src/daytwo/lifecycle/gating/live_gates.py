"""What live traffic says about a candidate on its way in: pure gates over rows that it and the champion have scored.

In shadow both have scored the same rows; as a canary each has its own subjects, drawn by lot, so that the days they
share are compared. Gates over labels may be looked at on every tick (`sequential.py`). Each speaks against a candidate
only: what it has not shown to be bad may go on, since the gates before its release have shown it to be good.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daytwo.core.schema import Task
from daytwo.lifecycle import words as said
from daytwo.lifecycle.gating.gates import GateResult, Paired, quality_difference
from daytwo.lifecycle.gating.sequential import (
    MIN_CLUSTERS,
    Floats,
    Interval,
    cluster_means,
    confidence_sequence,
    shared_differences,
)
from daytwo.monitoring.estimating.metrics import HIGHER_IS_BETTER
from daytwo.monitoring.estimating.performance import Answers, Estimate, influence

# The chance of a false word is 0.05 for a whole rollout, whoever looks how often: quality and money, each in shadow
# and as a canary.
ALPHA = 0.05 / 4
# A model that fails is answered for by the fallback, so nobody is harmed: a few rows may be odd by themselves.
_FEW_FAILURES, _BEARABLE_FAILURES = 5, 0.01
# A candidate that ranks live rows nearly unlike the champion is broken or fed with broken data.
_LEAST_CORRELATION = 0.2
# Fewer rows say nothing about agreement, or about a hundredth of them.
_FEW_ROWS, _FEW_TIMES = 50, 500
# Estimates are looked at again and again, and are of two estimators: so many standard errors are no chance.
_SURE = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """What one version answered on labelled live rows; `labels` and `days` have shape (n,), `money` too if known."""

    answers: Answers
    labels: Floats
    days: NDArray[np.int64]
    money: Floats | None = None


def failing_gate(failed: int, scored: int) -> GateResult:
    """Refuse a candidate whose model fails on more than a hundredth of the live rows it was asked."""
    passed = failed < _FEW_FAILURES or failed <= _BEARABLE_FAILURES * (failed + scored)
    words = f"its model failed on {failed:,} of {failed + scored:,} rows"
    return GateResult("failures", passed, words, {"failed": failed, "scored": scored})


def numbers_gate(scores: Floats) -> GateResult:
    """Refuse a candidate that answers with what is no number."""
    wrong = int((~np.isfinite(scores)).sum())
    return GateResult("numbers", not wrong, f"{wrong} of {len(scores)} answers are no numbers", {"wrong": wrong})


def agreement_gate(candidate: Floats, champion: Floats) -> GateResult | None:
    """Refuse a candidate whose scores hardly go with the champion's on the same rows; None for too few rows."""
    if len(candidate) < _FEW_ROWS:
        return None
    agreement = float(np.corrcoef(candidate, champion)[0, 1])
    passed = agreement > _LEAST_CORRELATION
    how = "go with" if passed else "hardly agree with"
    words = f"its scores {how} the champion's (correlation {agreement:.2f} on {len(candidate):,} rows)"
    return GateResult("agreement", passed, words, {"correlation": agreement if np.isfinite(agreement) else None})


def pace_gate(candidate_us: Floats, champion_us: Floats, *, max_p99_ms: float) -> GateResult | None:
    """Refuse a candidate whose model takes longer than the limit for more than a hundredth of the live rows.

    The champion's times of the same hours say whether the machine is to blame: a candidate is only refused if twice
    as large a share of its rows is late. None for too few times.

    Parameters
    ----------
    candidate_us, champion_us : shape (n,), (m,)
        Microseconds that each version's model took for a row.
    max_p99_ms : float
        `[gate] max_p99_ms`, which the candidate kept before its release.
    """
    if len(candidate_us) < _FEW_TIMES:
        return None
    late, usual = (
        float((times > 1e3 * max_p99_ms).mean()) if len(times) else 0.0 for times in (candidate_us, champion_us)
    )
    # So many late rows among n come with a true share of a hundredth in one look of ten thousand.
    bearable = 0.01 + 3.7 * float(np.sqrt(0.01 * 0.99 / len(candidate_us)))
    passed = late <= max(bearable, 2 * usual)
    p99 = float(np.quantile(candidate_us, 0.99)) / 1e3
    words = f"its model took {p99:.3g} ms for one row in a hundred or longer (bearable: {max_p99_ms:g} ms)"
    if len(champion_us):
        words += f", the champion's {float(np.quantile(champion_us, 0.99)) / 1e3:.3g} ms"
    return GateResult("pace", passed, words, {"p99_ms": p99, "late": late, "champion_late": usual})


def shadow_quality(paired: Paired, *, task: Task, metric: str, margin: float) -> GateResult | None:
    """Refuse a candidate whose early labels show it worse than the champion on the same rows; None for too few days."""
    interval = quality_difference(paired, task=task, metric=metric, alpha=ALPHA)
    return _spoken("labels in shadow", f"early labels in shadow say of its {said.metric(metric)}:", interval, margin)


def canary_quality(candidate: Arm, champion: Arm, *, task: Task, metric: str, margin: float) -> GateResult | None:
    """Refuse a canary whose early labels show it worse than the champion was with its own subjects of the same days.

    Subjects fall to either by lot, so a day's weather is the same for both; the differences of days are the evidence.
    None for too few days, or where the metric does not exist for these labels.
    """
    sign = 1.0 if metric in HIGHER_IS_BETTER else -1.0
    new, moved = influence(metric, candidate.answers, candidate.labels, task=task)
    old, stood = influence(metric, champion.answers, champion.labels, task=task)
    if not np.isfinite(new - old):
        return None
    differences = shared_differences(sign * (new + moved), candidate.days, sign * (old + stood), champion.days)
    interval = confidence_sequence(differences, alpha=ALPHA)
    return _spoken("labels", f"early labels say of its {said.metric(metric)}:", interval, margin)


def shadow_money(
    candidate: Floats, champion: Floats, days: NDArray[np.int64], *, margin: float, currency: str
) -> GateResult | None:
    """Refuse a candidate whose decisions would have brought less than the champion's on the same labelled rows."""
    gained = cluster_means(candidate - champion, days) if len(days) else np.zeros(0)
    interval = confidence_sequence(gained, alpha=ALPHA)
    return _spoken("money in shadow", f"its decisions in shadow, in {currency} a row:", interval, margin)


def canary_money(candidate: Arm, champion: Arm, *, margin: float, currency: str) -> GateResult | None:
    """Refuse a canary that brought less money a row than the champion did on the same days; None for too few days."""
    if candidate.money is None or champion.money is None:
        return None
    differences = shared_differences(candidate.money, candidate.days, champion.money, champion.days)
    interval = confidence_sequence(differences, alpha=ALPHA)
    return _spoken("money", f"its decisions, in {currency} a row:", interval, margin)


def estimate_gate(candidate: Estimate, champion: Estimate, *, metric: str, margin: float) -> GateResult:
    """Refuse a candidate that is expected to be worse on live rows, before any label, by each version's estimator.

    Two estimators on the same hours: the difference must be larger than `margin` by four standard errors of both.
    """
    sign = 1.0 if metric in HIGHER_IS_BETTER else -1.0
    difference = sign * (candidate.value - champion.value)
    error = float(np.hypot(candidate.standard_error, champion.standard_error))
    passed = not difference + _SURE * error < -margin
    words = (
        f"without labels its {said.metric(metric)} is expected at {candidate.value:.4f}, the champion's at"
        f" {champion.value:.4f} (standard error of the difference {error:.4f}, bearable {-margin:+.4f})"
    )
    return GateResult("estimate", passed, words, {"difference": difference, "standard_error": error, "margin": margin})


def _spoken(name: str, what: str, interval: Interval, margin: float) -> GateResult | None:
    """Refuse where the difference is below `-margin` for sure; `what` says in words whose difference it is."""
    if interval.clusters < MIN_CLUSTERS:
        return None
    words = (
        f"{what} {interval.mean:+.4f} against the champion ({interval.low:+.4f} to {interval.high:+.4f} for sure over"
        f" {interval.clusters} days, bearable {-margin:+.4f})"
    )
    kept = {"difference": interval.mean, "low": interval.low, "high": interval.high, "margin": margin}
    evidence: dict[str, object] = {key: float(value) if np.isfinite(value) else None for key, value in kept.items()}
    return GateResult(name, not interval.high < -margin, words, evidence | {"days": interval.clusters})
