"""An alarm in words: which channels moved, why most likely, whether it harms, and what to do next."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from daytwo.core.finding import Finding, Severity
from daytwo.monitoring.alarming.alarm import Alarm
from daytwo.monitoring.judging.causes import Cause, column_cause
from daytwo.monitoring.judging.harm import Harm
from daytwo.monitoring.judging.reference import Reference
from daytwo.monitoring.profiles.profile import Profile

# The world moves many columns together and slowly; a feed breaks one, at once.
_ALONE = 2
_AT_ONCE = 6.0
_WORDS = {
    "prediction": "the predictions are distributed otherwise",
    "dependence": "columns move together otherwise than before",
    "volume": "the number of rows is unusual",
    "contract": "an unusual share of rows breaks the contract",
}


def drift_finding(
    alarm: Alarm, reference: Reference, whole: Profile, matrix: NDArray[np.floating], harm: Harm, since: datetime
) -> Finding:
    """Put one alarm into a finding about its most moved channel, with the others in the evidence."""
    top = alarm.moved[0]
    kind, _, column = top.channel.partition(":")
    cause = Cause(kind, _WORDS.get(kind, ""))
    if column:
        cause = column_cause(reference.layout, reference.whole, whole, matrix, reference.names.index(column))
    columns = {part.channel.partition(":")[2] or part.channel for part in alarm.moved}
    alone = len(columns) <= _ALONE and top.distance >= _AT_ONCE
    suspicious = alone or cause.kind in {"missing", "unit", "mix-up", "new level", "contract"}
    acts = harm.estimated_worse or suspicious
    others = f", and {len(columns) - 1} more" if len(columns) > 1 else ""
    effect = "estimated performance fell with it" if harm.estimated_worse else "no harm shown so far"
    return Finding(
        kind=f"drift.{kind}",
        subject=column or kind,
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


def _next_step(cause: Cause, column: str, *, acts: bool) -> str:
    if cause.kind == "contract":
        return "Read the reasons: `daytwo quarantine list`"
    if cause.kind in {"missing", "unit", "mix-up", "new level"} or (acts and column):
        return f"Ask the owner of the feed what changed in {column}; replay after the repair"
    return "Nothing to do now; the retraining rule weighs it with the money"
