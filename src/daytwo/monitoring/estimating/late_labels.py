"""Late labels: by how much estimates without labels have been wrong lately, and whether that is worth correcting.

When a window's labels arrive, the difference of what it came to and what was estimated is one noisy look at the
estimator's bias. A Kalman filter (local level) follows that bias; the next estimates are moved by it only where it is
beyond chance and has lasted. Without a change of meaning it stays silent, for a correction then is only noise.
`estimator.py` makes the estimates, `performance.py` the figures with labels.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from daytwo.monitoring.estimating.performance import Estimate, Z

# How fast a bias wanders: variance per window, as a share of the variance with which a window shows it.
DRIFT = 0.15
# Beyond chance: two-sided 10 %; that it must last too keeps it far below that where there is no bias.
SURE = 1.6448536269514722
# A difference so many standard errors off what was foreseen is a break: what went before says nothing any more.
BREAK = 4.0
# One window alone proves a bias when it lies so many standard errors off; else two in a row must agree.
PROOF = 5.0
# So many windows back it is looked whether the bias would have served.
MEMORY = 10
# What the estimator says of its own error stands until so many differences between looks are known.
TRUSTED = 2
_BOUNDED = {"roc_auc", "average_precision", "accuracy", "f1", "event_rate", "brier"}


@dataclass(frozen=True, slots=True)
class Miss:
    """Realised minus estimated figure of window number `window`.

    `standard_error` is that of the realised figure, from chance alone; `beyond` what the estimator says it misses by
    beside that. How much of the latter comes and goes, and how much stays and is bias, the looks themselves tell.
    """

    window: int
    value: float
    standard_error: float
    beyond: float = 0.0


@dataclass(frozen=True, slots=True)
class Bias:
    """What the estimator is believed to be off by in a coming window, in the metric's unit.

    `applies` says whether it is beyond chance and lasting, so that estimates are corrected by it. `windows` counts the
    labelled ones it rests on, `labels_until` is the number of the newest of them.
    """

    value: float
    standard_error: float
    applies: bool
    windows: int
    labels_until: int

    @property
    def deviations(self) -> float:
        """How many standard errors the bias lies off nothing."""
        return self.value / self.standard_error if self.standard_error > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Level:
    """What the filter knows of the bias: its mean, its variance, and the window up to which it was followed."""

    mean: float = 0.0
    variance: float = 0.0
    window: int | None = None


def follow(level: Level, miss: Miss) -> Level:
    """Return what is known of the bias after one more labelled window.

    The bias is a random walk whose variance grows by `DRIFT` times the look's own variance per window; a window
    without labels only widens it. A look that lies `BREAK` standard errors off what was foreseen starts anew.

    Examples
    --------
    >>> round(follow(Level(0.0, 1.0, 3), Miss(4, 2.15, 1.0)).mean, 3)  # 2.15 times 1.15 / 2.15
    1.15

    Source: R. Kalman (1960), J. Basic Eng. 82(1); M. West & J. Harrison (1997), Bayesian Forecasting and Dynamic
    Models, ch. 2 (local level) and 11 (intervention after a break).
    """
    noise = miss.standard_error**2
    steps = 1 if level.window is None else max(miss.window - level.window, 1)
    foreseen = level.variance + DRIFT * noise * steps
    surprise = miss.value - level.mean
    if surprise**2 > BREAK**2 * (foreseen + noise):
        foreseen = surprise**2 - noise
    gain = foreseen / (foreseen + noise)
    return Level(level.mean + gain * surprise, (1 - gain) * foreseen, miss.window)


def bias(misses: Sequence[Miss], *, window: int) -> Bias | None:
    """Return what the estimator is believed to be off by in window number `window`.

    Parameters
    ----------
    misses : oldest first
        One for every window whose labels have come; those without a finite standard error above 0 are left out.
    window : int
        The window that is estimated now, later than all of `misses`.

    Returns
    -------
    Bias or None
        None where no window has labels yet.

    Examples
    --------
    >>> bias([Miss(i, -0.1, 0.01) for i in range(3)], window=4).applies
    True
    >>> bias([Miss(0, 0.01, 0.01), Miss(1, -0.01, 0.01)], window=2).applies
    False
    """
    known = [one for one in misses if math.isfinite(one.value) and 0 < one.standard_error < math.inf]
    if not known:
        return None
    known = [_with_unrest(known[: i + 1]) for i in range(len(known))]
    level, moves = Level(), list[float]()
    for i, miss in enumerate(known):
        level = follow(level, miss)
        lasts = abs(level.mean) > SURE * math.sqrt(level.variance) and _lasts(known[max(i - 1, 0) : i + 1], level.mean)
        moves.append(level.mean if lasts else 0.0)
    newest = known[-1]
    ahead = max(window - newest.window, 1)
    spread = math.sqrt(level.variance + DRIFT * newest.standard_error**2 * ahead)
    applies = moves[-1] != 0.0 and _serves(known, moves, ahead)
    return Bias(level.mean, spread, applies, len(known), newest.window)


def corrected(estimate: Estimate, metric: str, found: Bias | None, *, rows: int = 1) -> Estimate:
    """Return the estimate moved by the bias where that applies, with the bias's own doubt in the interval.

    `rows` scales the bias for a sum over rows, such as money, whose bias was followed per row. Figures that are
    shares stay in [0, 1].

    Examples
    --------
    >>> guess = Estimate(0.8, 0.78, 0.82, "CBPE", 0.01)
    >>> round(corrected(guess, "roc_auc", Bias(-0.1, 0.01, True, 3, 2)).value, 3)
    0.7
    """
    if found is None or not found.applies:
        return estimate
    top = 1.0 if metric in _BOUNDED else math.inf
    bottom = -math.inf if metric == "money" else 0.0
    value = min(max(estimate.value + found.value * rows, bottom), top)
    error = math.hypot(estimate.standard_error, found.standard_error * rows)
    return replace(
        estimate,
        value=value,
        low=max(value - Z * error, bottom),
        high=min(value + Z * error, top),
        method=f"{estimate.method}, corrected by late labels",
        standard_error=error,
    )


def _with_unrest(looks: Sequence[Miss]) -> Miss:
    """Return the newest look with an error that also holds what comes and goes from window to window.

    That is told by half the squares of successive differences, beyond what chance explains. Before `TRUSTED` of them
    are known the estimator's own word stands, and it is never exceeded.
    """
    newest = looks[-1]
    if not newest.beyond:
        return newest
    beyond = newest.beyond**2
    if len(looks) > TRUSTED:
        seen = statistics.median(
            (b.value - a.value) ** 2 / (a.standard_error**2 + b.standard_error**2) for a, b in pairwise(looks)
        )
        # The median of a squared normal value is 0.455 times its mean.
        beyond = min(max(seen / 0.455 - 1, 0.0) * newest.standard_error**2, beyond)
    return replace(newest, standard_error=math.sqrt(newest.standard_error**2 + beyond))


def _lasts(newest: Sequence[Miss], level: float) -> bool:
    """Whether the newest look is proof enough, or the two newest agree with the level in sign."""
    last = newest[-1]
    if last.value * level > 0 and abs(last.value) > PROOF * last.standard_error:
        return True
    return len(newest) > 1 and all(one.value * level > 0 for one in newest)


def _serves(known: Sequence[Miss], moves: Sequence[float], ahead: int) -> bool:
    """Whether moving estimates by what was believed `ahead` windows before has lately done no harm.

    A bias that comes and goes faster than labels arrive is real at every look, and yet of no use.
    """
    gain, j = 0.0, 0
    for miss in known:
        while known[j].window <= miss.window - ahead:
            j += 1
        if j and miss.window > known[-1].window - MEMORY:
            gain += (miss.value**2 - (miss.value - moves[j - 1]) ** 2) / miss.standard_error**2
    return gain >= 0
