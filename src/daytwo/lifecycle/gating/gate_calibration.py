"""The gate on probabilities: do they come true as often as they say. Beside `gates.py`, and pure like it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from daytwo.lifecycle.gating.gates import GateResult
from daytwo.lifecycle.gating.sequential import cluster_means, confidence_sequence, e_value


def calibration_gate(
    labels: ArrayLike, scores: ArrayLike, clusters: ArrayLike, *, tolerance: float = 0.02, alpha: float = 0.05
) -> GateResult:
    """Refuse probabilities that are off by more than `tolerance` (a share in [0, 1]) in any fifth of the scores.

    Expected against observed events in five groups of equal size, above and below, evidence averaged over the ten.
    """
    y, p = np.asarray(labels, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    days = np.asarray(clusters)
    groups = np.array_split(np.argsort(p, kind="stable"), 5)
    gaps = [float((y[g] - p[g]).mean()) for g in groups]
    values = [
        e_value(cluster_means(sign * (y[g] - p[g]), days[g]), above=tolerance) for g in groups for sign in (1.0, -1.0)
    ]
    mean = float(np.mean(values))
    passed = mean < 1 / alpha
    worst = max(gaps, key=abs)
    typical = float(np.abs(gaps).mean())
    words = (
        f"expected {p.mean():.1%}, observed {y.mean():.1%}; the worst fifth of the scores is off by {worst:+.1%}"
        f" ({'bearable' if passed else 'for sure over'}: {tolerance:.1%})"
    )
    evidence: dict[str, object] = {
        "expected": float(p.mean()),
        "observed": float(y.mean()),
        "gaps": gaps,
        "typical_gap": typical,
        "e_value": float(mean) if np.isfinite(mean) else None,
    }
    return GateResult("calibration", passed, words, evidence)


def calibration_beside(candidate: GateResult, champion: GateResult) -> GateResult:
    """Let a candidate pass whose probabilities are off no more than the champion's on the same rows.

    When the base rate moves, every model that was calibrated before is off; keeping the old one would not help.
    """
    new, old = (float(str(result.evidence["typical_gap"])) for result in (candidate, champion))
    if candidate.passed or new > old:
        return candidate
    words = f"{candidate.words}; typically off by {new:.1%}, the champion by {old:.1%}: no worse"
    return GateResult(candidate.name, True, words, dict(candidate.evidence) | {"champion_typical_gap": old})


def calibration_of_first(
    candidate: GateResult,
    labels: ArrayLike,
    scores: ArrayLike,
    trivial: ArrayLike,
    clusters: ArrayLike,
    *,
    alpha: float = 0.05,
) -> GateResult:
    """Let a first version pass whose probabilities are off, but nearer to the truth than the base rate for sure.

    Where the world moved between the rows to calibrate on and those set aside, every model is off. Nothing better
    stands by, so how far it is off is told to the approver rather than forbidden.
    """
    if candidate.passed:
        return candidate
    y, p, t = (np.asarray(array, dtype=np.float64) for array in (labels, scores, trivial))
    interval = confidence_sequence(cluster_means((y - t) ** 2 - (y - p) ** 2, clusters), alpha=alpha)
    if not interval.low > 0:
        return candidate
    words = (
        f"{candidate.words}; still its squared error is better than the base rate's by {interval.mean:.4f},"
        f" at least {interval.low:.4f} for sure"
    )
    return GateResult(candidate.name, True, words, dict(candidate.evidence) | {"squared_error_gain": interval.mean})
