"""When does retraining pay? Weigh what the champion's age costs against what a new version costs, in money.

The marginal rule: while a model decays, the cheapest moment to replace it is when what it loses *now* per window
has grown to what replacing it costs *on average* per window of its life. Under linear decay that is the economic
order quantity; after a jump it fires as soon as the jump is believed. A guard of one standard error keeps noise
from spending money; a challenger is paid for as often as it can pay. Pure; the flow brings the losses, `replay.py`
next door plays the rule over recorded ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Weight of the newest labelled window in the smoothed excess: about the last two or three windows speak.
SMOOTHING = 0.5
# A challenger each _CADENCE * sqrt(its share of the price) windows: every second where it is a tenth of a switch.
_CADENCE = 8.0
# While nothing is seen to decay, one each quarter of the champion's age where it costs 2 % of a switch, less below.
_QUIET_SHARE, _QUIET_PER_COST = 0.25, 12.5


@dataclass(frozen=True, slots=True)
class PairedWindow:
    """What champion and fresh challenger lost on the same labelled rows of one window, in money.

    `standard_error` is of their difference, from days or rows within the window; None where only means are known.
    """

    champion: float
    challenger: float
    standard_error: float | None = None

    @property
    def excess(self) -> float:
        """What the champion lost more than the challenger."""
        return self.champion - self.challenger


@dataclass(frozen=True, slots=True)
class Decision:
    """Retrain or leave alone, and why in words.

    `excess` is the smoothed present loss per window by which a fresh model would do better, `standard_error` its
    error, `threshold` the excess per window from which replacing pays, `expected_gain` the money saved over a life
    as long as the present one if replaced now rather than never (negative: not yet), `age` windows since installation.
    """

    retrain: bool
    words: str
    expected_gain: float
    excess: float
    standard_error: float
    threshold: float
    age: int


def decide(
    windows: Sequence[PairedWindow],
    *,
    age: int,
    switch_cost: float,
    challenger_cost: float = 0.0,
    smoothing: float = SMOOTHING,
    currency: str = "",
) -> Decision:
    """Apply the marginal rule with its guard to the present champion.

    Parameters
    ----------
    windows : oldest first
        The labelled windows since the champion was installed, each scored by the champion and by a challenger that
        was trained before that window.
    age : int
        Windows since installation, those whose labels are still to come included; at least len(windows).
    switch_cost : float, money
        Approval, rollout and risk of one replacement, >= 0.
    challenger_cost : float, money
        Training and scoring one challenger, >= 0; those of this life are counted as spent on the next replacement.

    Examples
    --------
    >>> flat = [PairedWindow(100.0, 100.0)] * 6
    >>> decide(flat, age=7, switch_cost=50).retrain
    False
    >>> decay = [PairedWindow(100.0 + 10 * k, 100.0) for k in range(6)]
    >>> decide(decay, age=6, switch_cost=50).retrain
    True

    Source: A. Mahadevan & M. Mathioudakis (2024), Cost-aware retraining for machine learning, Knowledge-Based
    Systems 293; F. W. Harris (1913), How many parts to make at once (the optimum under linear growth).
    """
    if age < len(windows):
        raise ValueError(f"{len(windows)} labelled windows in an age of {age}")
    cost = switch_cost + challenger_cost
    if len(windows) < 2:
        words = "too early: fewer than two labelled windows since this version was installed"
        return Decision(False, words, -cost, 0.0, math.inf, math.inf, age)
    level, error = _smoothed(windows, smoothing)
    unlabelled = age - len(windows)
    accumulated = max(sum(window.excess for window in windows) + unlabelled * level, 0.0)
    threshold = (cost + accumulated) / age
    gain = level * age - cost - accumulated
    retrain = level >= threshold and level > error
    return Decision(retrain, _words(level, error, threshold, age, currency), gain, level, error, threshold, age)


def challenger_every(decision: Decision, *, switch_cost: float, challenger_cost: float) -> int:
    """Return after how many windows the next challenger is worth its price, at least 1.

    Rarer where it is dear beside a switch, and, while the champion is not seen to decay, rarer the older it gets.

    Examples
    --------
    >>> quiet = Decision(False, "", -100.0, 0.0, 1.0, 5.0, age=40)
    >>> [challenger_every(quiet, switch_cost=100.0, challenger_cost=price) for price in (0.0, 2.0, 10.0)]
    [1, 10, 10]
    """
    if not challenger_cost:
        return 1
    share = challenger_cost / (switch_cost + challenger_cost)
    cadence = max(1, round(_CADENCE * math.sqrt(share)))
    if decision.excess > decision.standard_error or math.isinf(decision.standard_error):
        return cadence
    return max(cadence, round(decision.age * min(_QUIET_SHARE, _QUIET_PER_COST * share)))


def _smoothed(windows: Sequence[PairedWindow], smoothing: float) -> tuple[float, float]:
    """Return the exponentially smoothed excess and its standard error."""
    excess = np.array([window.excess for window in windows])
    weights = smoothing * (1 - smoothing) ** np.arange(len(excess) - 1, -1, -1)
    weights /= weights.sum()
    level = float(weights @ excess)
    known = [window.standard_error for window in windows]
    if all(error is not None for error in known):
        variances = np.array([float(error or 0.0) ** 2 for error in known])
    else:
        # Successive differences hold the noise twice and hardly any of a slow decay (von Neumann 1941).
        variances = np.full(excess.size, float(np.mean(np.diff(excess) ** 2)) / 2)
    return level, float(np.sqrt(weights**2 @ variances))


def _words(level: float, error: float, threshold: float, age: int, currency: str) -> str:
    unit = f" {currency}" if currency else ""
    lead = f"a fresh model would save {level:,.2f}{unit} a window (standard error {error:,.2f})"
    if level <= 0:
        return f"leave it: after {age} windows a fresh model would do no better"
    if level <= error:
        return f"leave it: {lead}, which may be noise"
    if level < threshold:
        return f"leave it: {lead}; replacing pays from {threshold:,.2f}{unit} a window on"
    return f"retrain: {lead}, and replacing pays from {threshold:,.2f}{unit} a window on"
