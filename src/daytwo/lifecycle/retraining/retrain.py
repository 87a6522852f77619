"""When does retraining pay? Weigh what the champion's age costs against what a new version costs, in money.

The marginal rule: while a model decays, the cheapest moment to replace it is when what it loses *now* per window
has grown to what replacing it costs *on average* per window of a life. Where a switch costs less than the next window
alone would lose, that is at once. What the champion's age costs is worked out from all versions (`decay.py`). A
challenger is trained where knowing more may pay more than it costs. Pure; the flow brings the losses, `replay.py` next
door plays the rule over recorded ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from daytwo.lifecycle.retraining.decay import Decay, Evidence, decay

# The future is taken to be as long as the past, and at least so many windows.
_SHORTEST_FUTURE = 4


@dataclass(frozen=True, slots=True)
class Prices:
    """What one replacement costs in approval, rollout and risk, and what one challenger costs; in money, >= 0."""

    switch: float
    challenger: float = 0.0

    @property
    def together(self) -> float:
        """What a new version costs: it is trained, and it is switched to."""
        return self.switch + self.challenger


@dataclass(frozen=True, slots=True)
class Decision:
    """Retrain or leave alone, and why in words.

    `excess` is the present loss per window by which a fresh model would do better, `standard_error` its error,
    `threshold` the excess per window from which replacing pays, `expected_gain` the money saved over a life as long
    as the present one if replaced now rather than never (negative: not yet), `age` windows since installation, `rate`
    what each window of age costs more. `worth_knowing` is what a challenger trained now would be worth.
    """

    retrain: bool
    words: str
    expected_gain: float
    excess: float
    standard_error: float
    threshold: float
    age: int
    rate: float = 0.0
    worth_knowing: float = 0.0


def decide(seen: Evidence, *, age: int, prices: Prices, surely: float = 0.0, currency: str = "") -> Decision:
    """Apply the marginal rule to the present champion.

    Parameters
    ----------
    seen : Evidence
        What the champion and the challengers so far lost on the windows whose labels are known.
    age : int
        Windows since the champion was installed, at least 1.
    surely : float, standard errors
        How far above nothing the saving must be. Where a gate asks for proof and a refusal makes the rule rest, early
        tries cost more than they bring; where a switch just happens, 0 is cheapest.

    Examples
    --------
    >>> ages = np.arange(8)[None, :] - np.array([[0], [3], [6]])
    >>> still = Evidence(9, (0, 3, 6), np.where(ages >= 0, 100.0, np.nan), own=0)
    >>> decide(still, age=9, prices=Prices(50.0)).retrain
    False
    >>> decays = Evidence(9, (0, 3, 6), np.where(ages >= 0, 100.0 + 2.0 * ages, np.nan), own=0)
    >>> decide(decays, age=9, prices=Prices(50.0)).retrain
    True

    Source: A. Mahadevan & M. Mathioudakis (2024), Cost-aware retraining for machine learning, Knowledge-Based
    Systems 293; F. W. Harris (1913), How many parts to make at once (the optimum under linear growth); H. Raiffa &
    R. Schlaifer (1961), Applied statistical decision theory, ch. 5 (what knowing is worth).
    """
    if age < 1:
        raise ValueError(f"an age of {age} windows")
    found, price = decay(seen), prices.together
    if not found.scale:
        words = "too early: no window has its labels yet"
        return Decision(False, words, -price, 0.0, math.inf, math.inf, age)
    life, average = cheapest_life(price, found.rate, max(_SHORTEST_FUTURE, seen.now))
    # What the champion lost so far for its age, if that grew evenly.
    accumulated = max(found.excess, 0.0) * (age - 1) / 2
    threshold = max(average, (price + accumulated) / age)
    gain = found.excess * age - price - accumulated
    ahead = min(max(life, age), max(_SHORTEST_FUTURE, seen.now))
    # While the newest model waits for its first labels, another one would tell little that it does not.
    worth = _worth(found, average, ahead) if np.isfinite(seen.losses[-1]).any() else 0.0
    noise = surely * found.standard_error
    retrain = found.excess >= threshold and found.excess > noise
    words = _words(found, threshold, noise, age, currency)
    return Decision(retrain, words, gain, found.excess, found.standard_error, threshold, age, found.rate, worth)


def pays_to_know(decision: Decision, prices: Prices) -> bool:
    """Return whether a challenger is worth its price now; a free one always is.

    Examples
    --------
    >>> told = Decision(False, "", -9.0, 0.0, 1.0, 5.0, age=4, worth_knowing=2.0)
    >>> [pays_to_know(told, Prices(50.0, price)) for price in (0.0, 1.0, 3.0)]
    [True, True, False]
    """
    return decision.worth_knowing >= prices.challenger


def cheapest_life(price: float, rate: float, longest: int) -> tuple[int, float]:
    """Return the windows of life that cost least on average, and that average, where each window costs `rate` more.

    Examples
    --------
    >>> cheapest_life(20.0, 0.4, 40)
    (10, 3.8)
    >>> cheapest_life(20.0, 0.0, 40)
    (40, 0.5)
    """
    lives = np.arange(1, longest + 1)
    averages = price / lives + max(rate, 0.0) * (lives - 1) / 2
    best = int(np.argmin(averages))
    return int(lives[best]), float(averages[best])


def _worth(found: Decay, threshold: float, windows: int) -> float:
    """Return what knowing the excess would bring over so many windows: how often, and by how much, it would decide."""
    off = abs(found.excess - threshold) / found.standard_error if found.standard_error else math.inf
    if off > 30:
        return 0.0
    density, beyond = math.exp(-off * off / 2) / math.sqrt(2 * math.pi), math.erfc(off / math.sqrt(2)) / 2
    return found.standard_error * windows * (density - off * beyond)


def _words(found: Decay, threshold: float, noise: float, age: int, currency: str) -> str:
    unit = f" {currency}" if currency else ""
    lead = f"a fresh model would save {found.excess:,.2f}{unit} a window (standard error {found.standard_error:,.2f})"
    if found.excess > 0 and found.excess <= noise:
        return f"leave it: {lead}, which may be noise"
    if found.excess >= threshold:
        return f"retrain: {lead}, and replacing pays from {threshold:,.2f}{unit} a window on"
    if found.excess <= 0:
        return f"leave it: after {age} window{'' if age == 1 else 's'} a fresh model would do no better"
    return f"leave it: {lead}; replacing pays from {threshold:,.2f}{unit} a window on"
