"""What the gates are shown: candidate and champion on the very same rows that nobody has learnt from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from daytwo.core.schema import Task
from daytwo.lifecycle.gating.challenge import Challenge, groups_of
from daytwo.lifecycle.gating.conduct import conduct
from daytwo.lifecycle.gating.gate_calibration import calibration_beside, calibration_gate, calibration_of_first
from daytwo.lifecycle.gating.gates import (
    GateResult,
    Paired,
    baseline_gate,
    money_gate,
    quality_gate,
    slice_gate,
)
from daytwo.monitoring.estimating.performance import realised_money
from daytwo.scoring.model import Model
from daytwo.scoring.payoff import Payoff
from daytwo.training.dataset import TrainingData
from daytwo.training.evaluate import answers, trivial

Floats = NDArray[np.float64]
# A candidate may bring this share of a row's mean stake less and still count as no worse in money.
MONEY_SHARE = 0.05


def gate_candidate(challenge: Challenge) -> tuple[GateResult, ...]:
    """Return the result of every gate that applies."""
    test, candidate, settings = challenge.test, challenge.candidate, challenge.settings
    task, metric = settings.model.task, settings.gate.metric
    scores = candidate.score_many(test.matrix)
    groups, unit = groups_of(test)
    results = []
    if challenge.champion is None:
        constant = np.full(test.rows, trivial(challenge.train.labels, metric, task))
        beside = paired_on(test, candidate.payoff, scores, constant)
        results.append(baseline_gate(beside, task=task, metric=metric, unit=unit))
    else:
        results += _against(challenge, challenge.champion, scores)
    if task is Task.BINARY:
        calibrated = calibration_gate(test.labels, scores, groups)
        if challenge.champion is not None:
            old = challenge.old_scores(challenge.champion)
            calibrated = calibration_beside(calibrated, calibration_gate(test.labels, old, groups))
        else:
            calibrated = calibration_of_first(calibrated, test.labels, scores, constant, groups)
        results.append(calibrated)
    return (*results, *conduct(challenge))


def paired_on(test: TrainingData, payoff: Payoff, candidate: Floats, champion: Floats) -> Paired:
    """Return two versions' scores of the same rows with the decisions that `payoff` makes of them."""

    def acts(scores: Floats) -> Floats | None:
        return answers(payoff, scores, test.column, test.days).act

    return Paired(test.labels, candidate, champion, groups_of(test)[0], acts(candidate), acts(champion))


def _against(challenge: Challenge, champion: Model, scores: Floats) -> list[GateResult]:
    test, settings = challenge.test, challenge.settings
    groups, unit = groups_of(test)
    old = challenge.old_scores(champion)
    paired = paired_on(test, challenge.candidate.payoff, scores, old)
    results = [
        quality_gate(
            paired, task=settings.model.task, metric=settings.gate.metric, margin=settings.gate.margin, unit=unit
        )
    ]
    money = [_money(challenge.candidate, test, one) for one in (scores, old)]
    if money[0] is not None and money[1] is not None:
        margin = MONEY_SHARE * float(np.abs(money[1]).mean())
        results.append(
            money_gate(money[0], money[1], groups, margin=margin, currency=settings.value.currency, unit=unit)
        )
    slices = _slices(challenge.candidate, test, settings.gate.slices)
    if slices:
        gain = (test.labels - old) ** 2 - (test.labels - scores) ** 2
        results.append(slice_gate(gain, slices, groups, margin=MONEY_SHARE * float(((test.labels - old) ** 2).mean())))
    return results


def _money(model: Model, test: TrainingData, scores: Floats) -> Floats | None:
    money = realised_money(answers(model.payoff, scores, test.column, test.days), test.labels, model.task)
    return None if money is None else np.nan_to_num(money)


def _slices(model: Model, test: TrainingData, columns: tuple[str, ...]) -> dict[str, NDArray[np.bool_]]:
    masks = {}
    for i, feature in enumerate(model.schema.features):
        if feature.name in columns and feature.is_category:
            for code, level in enumerate(feature.levels):
                masks[f"{feature.name}={level}"] = test.matrix[:, i] == code
    return masks
