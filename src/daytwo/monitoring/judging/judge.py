"""The judgement of one window: what moved, how good the model is, whether it matters, and what to do.

Drift is real when the alarm says so (`alarm.py`); it matters when estimated or realised performance, or money,
moved. So real drift that harms nobody is a finding for information, and only harm, or a single column that jumps
alone (which the world rarely does, and feeds often do), asks a person to act. The user's budget of false alarms is
shared between the alarm and the performance checks. Pure: the flow brings the rows and keeps the state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from daytwo.core.durations import rate_per_day
from daytwo.core.finding import Finding, Severity
from daytwo.core.schema import Task
from daytwo.monitoring.alarming.alarm import MIN_HISTORY, Alarm, AlarmState, fastest, step
from daytwo.monitoring.alarming.attribution import Reasons
from daytwo.monitoring.alarming.blocks import Times, split
from daytwo.monitoring.alarming.channels import CONTRACT_UNIT
from daytwo.monitoring.estimating.estimator import Estimator, RawModel, estimated
from daytwo.monitoring.estimating.late_labels import Bias, corrected
from daytwo.monitoring.estimating.performance import Answers, Estimate, realised
from daytwo.monitoring.judging.drift_findings import drift_finding
from daytwo.monitoring.judging.harm import Harm, performance_findings
from daytwo.monitoring.judging.reference import Reference
from daytwo.monitoring.profiles.distances import js_distance, psi, total_variation
from daytwo.monitoring.profiles.profile import Profile, merge, profile

# How the budget of false alarms is shared out.
ALARM_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class Window:
    """The rows of one window as the champion saw them, all arrays of shape (n,) or (n, d).

    `labels` are NaN where unknown. `contract_share` is the share of arriving rows that broke the contract.
    """

    start: datetime
    end: datetime
    matrix: NDArray[np.floating]
    answers: Answers
    times: Times | None = None
    labels: NDArray[np.float64] | None = None
    contract_share: float | None = None

    @property
    def days(self) -> float:
        """The window's length in days."""
        return max((self.end - self.start).total_seconds() / 86_400, 1e-9)


@dataclass(frozen=True, slots=True)
class WindowJudgement:
    """What one window showed.

    `verdict` is `worse` (performance or money fell for sure), `drift` (an alarm, but no harm shown), `ok`, `warming`
    (too short a history to alarm) or `empty`. `channels` holds each channel's largest value over the window's
    blocks; `distances` each column's usual distances over the whole window. `allowed` is the budget in false
    alarms per window, `spent` the alarms since the reference began to be watched. `estimated` is corrected by late
    labels where these say so, `uncorrected` is what it was before.
    """

    start: datetime
    end: datetime
    rows: int
    verdict: str
    findings: tuple[Finding, ...]
    estimated: Mapping[str, Estimate]
    realised: Mapping[str, Estimate]
    maturity: float
    alarms: tuple[Alarm, ...]
    allowed: float
    spent: int
    channels: Mapping[str, float] = field(default_factory=dict)
    distances: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    uncorrected: Mapping[str, Estimate] = field(default_factory=dict)

    @property
    def alarm(self) -> bool:
        """Whether the drift alarm spoke."""
        return bool(self.alarms)


def judge(
    window: Window,
    reference: Reference,
    state: AlarmState,
    *,
    budget: str,
    estimator: Estimator,
    model: RawModel | None = None,
    currency: str = "",
    biases: Mapping[str, Bias] | None = None,
    reasons: Reasons | None = None,
) -> tuple[WindowJudgement, AlarmState]:
    """Judge one window against the reference and return the alarm's next state.

    Windows must come in order, each once; the state belongs to one reference. `budget` is a rate such as
    `1 per quarter`, over everything this function can say about one model. `biases` are by metric what late labels say
    of the estimates (`late_labels.py`), that of money per row. `reasons` asks the model what each column contributes.
    """
    per_window = rate_per_day(budget) * window.days
    if not len(window.matrix):
        return _empty(window, state, per_window), state
    blocks = split(len(window.matrix), window.times, reference.block)
    parts = [profile(window.matrix[rows], window.answers.scores[rows], reference.layout) for rows in blocks]
    per_block = min(ALARM_SHARE * per_window / len(blocks), 1.0)
    state, alarms, heard = _listen(window, reference, state, blocks, parts, per_block, reasons)
    whole = merge(reference.layout, parts)
    guess = estimated(estimator, window.matrix, window.answers, model)
    truth = {} if window.labels is None else realised(window.answers, window.labels, task=reference.task)
    shown = {
        name: corrected(one, name, (biases or {}).get(name), rows=whole.rows if name == "money" else 1)
        for name, one in guess.items()
    }
    chance = (1 - ALARM_SHARE) * per_window
    harm = _harm(window, reference, shown, truth, chance, currency)
    # What moved inputs can explain is what was estimated from inputs alone.
    explained = _harm(window, reference, guess, truth, chance, currency)
    drift = tuple(drift_finding(alarm, reference, whole, window.matrix, explained, window.start) for alarm in alarms)
    findings = (*performance_findings(harm, window.start), *drift, *_warming(state, per_block, window))
    judgement = WindowJudgement(
        start=window.start,
        end=window.end,
        rows=whole.rows,
        verdict=_verdict(harm, alarms, state),
        findings=findings,
        estimated=shown,
        uncorrected=guess,
        realised=truth,
        maturity=0.0 if window.labels is None else float(np.mean(~np.isnan(window.labels))),
        alarms=alarms,
        allowed=per_window,
        spent=state.alarms,
        channels=heard,
        distances=_distances(reference, whole),
    )
    return judgement, state


def _listen(
    window: Window,
    reference: Reference,
    state: AlarmState,
    blocks: list[NDArray[np.intp]],
    parts: list[Profile],
    per_block: float,
    reasons: Reasons | None,
) -> tuple[AlarmState, tuple[Alarm, ...], dict[str, float]]:
    """Let the alarm hear the window block by block."""
    alarms, heard = [], dict[str, float]()
    for number, (rows, part) in enumerate(zip(blocks, parts, strict=True)):
        begin = None if window.times is None else window.times[rows].min()
        channels = reference.compare(part, window.matrix[rows], begin, reasons)
        if window.contract_share is not None:
            channels["contract"] = window.contract_share / CONTRACT_UNIT
        day = f"{window.start:%Y-%m-%d} #{number + 1}" if begin is None else str(begin.astype("datetime64[D]"))
        state, alarm = step(state, channels, per_block=per_block, label=day)
        alarms += [alarm] if alarm else []
        heard = {name: max(value, heard.get(name, value)) for name, value in channels.items()}
    return state, tuple(alarms), heard


def _harm(
    window: Window,
    reference: Reference,
    guess: Mapping[str, Estimate],
    truth: Mapping[str, Estimate],
    chance: float,
    currency: str,
) -> Harm:
    headline = "roc_auc" if reference.task is Task.BINARY else "mae"
    labelled = 0 if window.labels is None else int(np.count_nonzero(~np.isnan(window.labels)))
    return Harm(
        headline=headline,
        usual=reference.performance,
        estimated=guess,
        realised=truth,
        rows=len(window.matrix),
        labelled=labelled,
        days=window.days,
        chance=min(chance, 0.5),
        currency=currency,
    )


def _verdict(harm: Harm, alarms: tuple[Alarm, ...], state: AlarmState) -> str:
    if harm.worse:
        return "worse"
    if alarms:
        return "drift"
    return "warming" if len(state.history) <= MIN_HISTORY else "ok"


def _warming(state: AlarmState, per_block: float, window: Window) -> tuple[Finding, ...]:
    if len(state.history) > MIN_HISTORY:
        return ()
    wait = fastest(state, per_block=min(per_block, 1.0))
    return (
        Finding(
            kind="monitor.warming",
            subject="alarm",
            severity=Severity.INFO,
            summary=f"the reference is short: the drift alarm cannot speak before {wait} more blocks have been seen",
            since=window.start,
            evidence={"blocks": len(state.history), "needed": wait},
            next_step="Train on a longer history, or wait; estimated and realised performance are judged already",
        ),
    )


def _empty(window: Window, state: AlarmState, per_window: float) -> WindowJudgement:
    silent = Finding(
        kind="monitor.silent",
        subject="predictions",
        severity=Severity.WARNING,
        summary="no predictions in this window",
        since=window.start,
        next_step="See whether the model is being called: `daytwo status`",
    )
    return WindowJudgement(window.start, window.end, 0, "empty", (silent,), {}, {}, 0.0, (), per_window, state.alarms)


def _distances(reference: Reference, whole: Profile) -> dict[str, dict[str, float]]:
    before = reference.whole
    found: dict[str, dict[str, float]] = {}
    for i, bins in enumerate((*reference.layout.columns, reference.layout.score)):
        a, b = before.counts[i][: bins.size], whole.counts[i][: bins.size]
        values = {"missing": float(whole.counts[i][bins.size] / whole.rows)}
        if a.sum() and b.sum():
            values |= {"psi": psi(a, b), "js_distance": js_distance(a, b), "total_variation": total_variation(a, b)}
        found[bins.name] = values
    return found
