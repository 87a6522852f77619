"""How fast a model grows stale: what its figures lose per day, with an interval, and when that becomes too much.

A weighted straight line through the windows since the model went live, each weighed by its own standard error. Where
windows scatter more than their errors say, the interval is widened by that scatter. `harm.py` next door judges one
window by itself; a slow loss that no single window shows is seen here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from scipy.special import stdtr, stdtrit

from daytwo.core.finding import Finding, Severity
from daytwo.monitoring.estimating.metrics import HIGHER_IS_BETTER
from daytwo.monitoring.judging.harm import WORDS

# Below this a line says nothing about its own scatter.
MIN_WINDOWS = 5


@dataclass(frozen=True, slots=True)
class Level:
    """A figure of one window: `day` is the age of the model in days at the window's middle."""

    day: float
    value: float
    standard_error: float


@dataclass(frozen=True, slots=True)
class Decay:
    """What a figure loses per day; > 0 is getting worse, in the figure's unit.

    `low` and `high` bound the loss per day with 95 %, `chance` is the probability of so steep a loss (one-sided) if
    nothing were lost. `now` is the line's value at the newest window, `day` its age. `limit` is the value from which
    it is too bad, `days_left` how many days after `day` the line crosses it: 0 where it has, None where it never will.
    """

    metric: str
    per_day: float
    low: float
    high: float
    chance: float
    now: float
    day: float
    windows: int
    limit: float | None
    days_left: float | None


def decay(levels: Sequence[Level], *, metric: str, limit: float | None = None) -> Decay | None:
    """Fit what a figure loses per day since the model was trained.

    Parameters
    ----------
    levels : one per window, in any order
        Those without a finite standard error above 0 are left out.
    metric : str
        Says whether higher is better.
    limit : float, optional
        The value from which the figure is too bad.

    Returns
    -------
    Decay or None
        None with fewer than `MIN_WINDOWS` windows, or where all are of one day.

    Examples
    --------
    >>> line = [Level(7.0 * i, 0.8 - 0.001 * 7 * i, 0.01) for i in range(6)]
    >>> found = decay(line, metric="roc_auc", limit=0.7)
    >>> round(found.per_day, 6), round(found.days_left, 6)
    (0.001, 65.0)

    Source: weighted least squares with a dispersion of at least 1 (R. Birge 1932, Phys. Rev. 40, 207), quantiles of
    Student's t with windows - 2 degrees of freedom.
    """
    known = [one for one in levels if 0 < one.standard_error < math.inf and math.isfinite(one.value)]
    days = np.array([one.day for one in known])
    if len(known) < MIN_WINDOWS or np.ptp(days) == 0:
        return None
    values = np.array([one.value for one in known])
    weights = np.array([one.standard_error for one in known]) ** -2
    middle, mean = np.average(days, weights=weights), np.average(values, weights=weights)
    spread = float(weights @ (days - middle) ** 2)
    slope = float(weights @ ((days - middle) * (values - mean))) / spread
    freedom = len(known) - 2
    rest = values - mean - slope * (days - middle)
    dispersion = max(float(weights @ rest**2) / freedom, 1.0)
    error = math.sqrt(dispersion / spread)
    sign = -1.0 if metric in HIGHER_IS_BETTER else 1.0
    loss, reach = sign * slope, float(stdtrit(freedom, 0.975)) * error
    newest = float(days.max())
    now = float(mean + slope * (newest - middle))
    return Decay(
        metric=metric,
        per_day=loss,
        low=loss - reach,
        high=loss + reach,
        chance=float(stdtr(freedom, -loss / error)),
        now=now,
        day=newest,
        windows=len(known),
        limit=limit,
        days_left=None if limit is None else _days_left(sign * (limit - now), loss),
    )


def _days_left(room: float, loss: float) -> float | None:
    """How many days until a loss per day has used up the room that is left."""
    if room <= 0:
        return 0.0
    return room / loss if loss > 0 else None


def decay_finding(
    found: Decay, *, chance: float, since: datetime, source: str, rows_per_day: float, currency: str = ""
) -> Finding | None:
    """Return a finding where a figure decays beyond chance.

    Parameters
    ----------
    chance : probability
        How often this may be said where nothing is lost, per window.
    source : `realised` or `estimated`
        What the line was drawn through.
    rows_per_day : float
        Turns money per row into money a day.
    """
    if found.chance >= chance:
        return None
    is_money = found.metric == "money"
    name = WORDS.get(found.metric, found.metric)
    unit = f" {currency}" if is_money and currency else ""
    left = _left_words(found, unit)
    return Finding(
        kind="performance.decay",
        subject=found.metric,
        severity=Severity.WARNING,
        summary=(
            f"{source} {name} gets worse by {found.per_day:.2g}{unit} a day ({found.low:.2g} to {found.high:.2g})"
            f" over {found.windows} windows{left}"
        ),
        since=since,
        evidence={
            "per_day": found.per_day,
            "low": found.low,
            "high": found.high,
            "chance": found.chance,
            "windows": found.windows,
            "now": found.now,
            "limit": found.limit,
            "days_left": found.days_left,
        },
        money_per_day=found.per_day * found.day * rows_per_day if is_money and found.day > 0 else None,
        next_step="Let a fresh model learn from the newest labels: `daytwo train`",
    )


def _left_words(found: Decay, unit: str) -> str:
    if found.limit is None or found.days_left is None:
        return ""
    if found.days_left == 0:
        return f"; it is beyond the limit of {found.limit:.4g}{unit} already"
    return f"; at this rate it reaches the limit of {found.limit:.4g}{unit} in {found.days_left:.0f} days"
