"""An alarm in words: which channels moved, why most likely, whether it harms, and what to do next."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from daytwo.core.finding import Finding, Severity
from daytwo.monitoring.alarming.alarm import Alarm
from daytwo.monitoring.alarming.listeners import unfiltered
from daytwo.monitoring.judging.causes import Cause
from daytwo.monitoring.judging.harm import Harm
from daytwo.monitoring.judging.moved import explain_moved, telling
from daytwo.monitoring.judging.reference import Reference
from daytwo.monitoring.profiles.profile import Profile

# The world moves many columns together and slowly; a feed breaks one, at once.
_ALONE = 2
_AT_ONCE = 6.0
# Causes that lie in a feed more often than in the world; for those of a column its owner can be asked.
_OF_FEED = frozenset({"missing", "unit", "mix-up", "new level", "new", "outside"})
# Channels by which one column's change is heard in others too.
_OF_OTHERS = frozenset({"leftover", "unfit", "pair", "dependence", "attribution"})
_SUSPICIOUS = _OF_FEED | {"contract", "unfit"}


def drift_finding(
    alarm: Alarm, reference: Reference, whole: Profile, matrix: NDArray[np.floating], harm: Harm, since: datetime
) -> Finding:
    """Put one alarm into a finding about its most moved channel, with the others in the evidence."""
    top = alarm.moved[0]
    kind, subject, cause = explain_moved(top, reference.layout, reference.whole, reference.moments, whole, matrix)
    column = subject if subject != kind else ""
    columns = _moved_themselves(alarm)
    alone = len(columns) <= _ALONE and top.distance >= _AT_ONCE
    suspicious = alone or cause.kind in _SUSPICIOUS
    acts = harm.estimated_worse or suspicious
    others = f", and {len(columns) - 1} more" if len(columns) > 1 else ""
    effect = "estimated performance fell with it" if harm.estimated_worse else "no harm shown so far"
    return Finding(
        kind=f"drift.{kind}",
        subject=subject,
        severity=Severity.WARNING if acts else Severity.INFO,
        summary=f"{column or 'data'} moved{others} since {alarm.since}: {cause.words}; {effect}",
        since=since,
        evidence={
            "cause": cause.kind,
            "listener": alarm.listener,
            "evidence": alarm.evidence,
            "needed": alarm.needed,
            "since": alarm.since,
            "at": alarm.at,
            "moved": [
                {"channel": part.channel, "value": part.value, "usual": part.usual, "distance": part.distance}
                for part in alarm.moved
            ],
        },
        money_per_day=harm.money_per_day if harm.estimated_worse else None,
        next_step=_next_step(cause, column, acts=acts),
    )


def _moved_themselves(alarm: Alarm) -> set[str]:
    """Return the columns and concerns that moved, without those that only fit a moved column no longer."""
    told = [part.channel for part in telling(alarm.moved)]
    # A known fault of one column looks like one of those it goes with: only the most moved is believed.
    own = [told[0], *(told[i] for i in unfiltered(told))]
    named = [channel.partition(":") for channel in own]
    direct = {name or kind for kind, _, name in named if kind not in _OF_OTHERS}
    return direct or {name or kind for kind, _, name in named}


def _next_step(cause: Cause, column: str, *, acts: bool) -> str:
    if cause.kind == "contract":
        return "Read the reasons: `daytwo quarantine list`"
    if cause.kind in _OF_FEED or (acts and column):
        return f"Ask the owner of the feed what changed in {column}; replay after the repair"
    return "Nothing to do now; the retraining rule weighs it with the money"
