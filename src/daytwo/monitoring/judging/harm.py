"""Does it matter? Performance and money of a window held against the reference, as findings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import NormalDist

from daytwo.core.finding import Finding, Severity
from daytwo.monitoring.estimating.metrics import HIGHER_IS_BETTER
from daytwo.monitoring.estimating.performance import Estimate

# Estimated and realised, each for the metric, for money, and against each other; decay of both; slices, estimated and
# realised.
CHECKS = 9
WORDS = {"roc_auc": "ROC AUC", "mae": "mean absolute error", "money": "money a row"}


@dataclass(frozen=True, slots=True)
class Change:
    """One figure against its usual value; `loss` > 0 is worse, `sure` whether beyond chance."""

    metric: str
    value: float
    usual: float
    loss: float
    standard_error: float
    sure: bool


@dataclass(frozen=True, slots=True)
class Harm:
    """One window's performance beside the reference's. `chance` is the share of windows that may cry wolf here."""

    headline: str
    usual: Mapping[str, tuple[float, float]]
    estimated: Mapping[str, Estimate]
    realised: Mapping[str, Estimate]
    rows: int
    labelled: int
    days: float
    chance: float
    currency: str

    @property
    def worse(self) -> bool:
        """Whether performance or money fell for sure, estimated or realised."""
        return any(change.sure for change in (*self.changes(self.estimated), *self.changes(self.realised)))

    @property
    def estimated_worse(self) -> bool:
        """Whether estimated performance or money fell for sure: what moved inputs can explain."""
        return any(change.sure for change in self.changes(self.estimated))

    @property
    def money_per_day(self) -> float | None:
        """Money lost a day against the reference: realised where enough labels are known, else estimated."""
        source = self.realised if self.labelled >= self.rows / 2 else self.estimated
        for change in self.changes(source):
            if change.metric == "money":
                return change.loss * self.rows / self.days
        return None

    def changes(self, figures: Mapping[str, Estimate]) -> tuple[Change, ...]:
        """Return the headline metric and money against their usual values."""
        limit = NormalDist().inv_cdf(1 - self.chance / CHECKS)
        found = []
        for name in (self.headline, "money"):
            if name not in figures or name not in self.usual:
                continue
            usual, usual_error = self.usual[name]
            scale = 1.0
            if name == "money":
                scale = float(self.labelled if figures is self.realised else self.rows)
            value, error = figures[name].value / scale, figures[name].standard_error / scale
            loss = usual - value if name in HIGHER_IS_BETTER else value - usual
            together = math.hypot(error, usual_error)
            found.append(Change(name, value, usual, loss, together, loss > limit * together))
        return tuple(found)

    @property
    def disagreement(self) -> float:
        """How many standard errors the realised metric lies on the bad side of the estimated one; 0 if unknown."""
        if self.headline not in self.estimated or self.headline not in self.realised:
            return 0.0
        guess, truth = self.estimated[self.headline], self.realised[self.headline]
        sign = 1.0 if self.headline in HIGHER_IS_BETTER else -1.0
        error = math.hypot(guess.standard_error, truth.standard_error)
        return sign * (guess.value - truth.value) / error if error and math.isfinite(error) else 0.0


def performance_findings(harm: Harm, since: datetime) -> tuple[Finding, ...]:
    """Return what fell for sure, estimated and realised, and where the labels contradict the estimate."""
    findings = [
        _finding(harm, change, kind, since)
        for kind, figures in (("realised", harm.realised), ("estimated", harm.estimated))
        for change in harm.changes(figures)
        if change.sure
    ]
    limit = NormalDist().inv_cdf(1 - harm.chance / CHECKS)
    if harm.disagreement > limit:
        guess, truth = harm.estimated[harm.headline], harm.realised[harm.headline]
        findings.append(
            Finding(
                kind="performance.concept",
                subject=harm.headline,
                severity=Severity.WARNING,
                summary=(
                    f"labels contradict the estimate: {WORDS[harm.headline]} {truth.value:.4g} realised,"
                    f" {guess.value:.4g} expected from the inputs; the same inputs now mean something else"
                ),
                since=since,
                evidence={"estimated": guess.value, "realised": truth.value, "standard_errors": harm.disagreement},
                next_step="Retrain on the newest labels: `daytwo train`",
            )
        )
    return tuple(findings)


def _finding(harm: Harm, change: Change, kind: str, since: datetime) -> Finding:
    unit = f" {harm.currency}" if change.metric == "money" and harm.currency else ""
    money = change.loss * harm.rows / harm.days if change.metric == "money" else harm.money_per_day
    verb = "fell" if change.metric in HIGHER_IS_BETTER else "rose"
    bad = kind == "realised" and _useless(harm, change)
    figure = (harm.realised if kind == "realised" else harm.estimated)[change.metric]
    return Finding(
        kind=f"performance.{kind}",
        subject=change.metric,
        severity=Severity.CRITICAL if bad else Severity.WARNING,
        summary=(
            f"{kind} {WORDS[change.metric]} {verb} from {change.usual:.4g} to {change.value:.4g}{unit}"
            f" (standard error {change.standard_error:.2g}{_labels_in(harm) if kind == 'realised' else ''})"
        ),
        since=since,
        evidence={
            "value": change.value,
            "usual": change.usual,
            "loss": change.loss,
            "standard_error": change.standard_error,
            "method": figure.method,
            "maturity": harm.labelled / harm.rows if kind == "realised" else None,
        },
        money_per_day=money,
        next_step="See whether a challenger pays: `daytwo train`, or go back: `daytwo rollback`",
    )


def _useless(harm: Harm, change: Change) -> bool:
    """No better than a coin, or losing money for sure."""
    figure = harm.realised[change.metric]
    if change.metric == "roc_auc":
        return figure.high < 0.55
    return change.metric == "money" and figure.high < 0


def _labels_in(harm: Harm) -> str:
    """Say how many of a window's rows a realised figure rests on."""
    return f", {math.floor(100 * harm.labelled / harm.rows)} % of labels in"
