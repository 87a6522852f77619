"""A reference grows stale: after a year it has no season left that is like now, and what moved for good hides more."""

from __future__ import annotations

from datetime import datetime, timedelta

from daytwo.core.finding import Finding, Severity
from daytwo.monitoring.alarming.alarm import AlarmState

# After a year every season has come back once and is compared with that of the year before.
EXPIRES = timedelta(days=365)
# Channels whose alarm is open are not listened to; with half of them open the watch is half blind.
_BLIND = 0.5


def stale_reference(trained_at: datetime, now: datetime, state: AlarmState) -> Finding | None:
    """Warn where a reference is older than a year, or half of its channels or more have moved since."""
    age = now - trained_at
    moved = len(state.open) / max(len(state.names), 1)
    if age <= EXPIRES and moved < _BLIND:
        return None
    old = f"the reference is {age.days} days old" if age > EXPIRES else ""
    left = f"{moved:.0%} of its channels have moved and are no longer listened to" if moved >= _BLIND else ""
    return Finding(
        kind="monitor.stale_reference",
        subject="reference",
        severity=Severity.WARNING,
        summary=f"{old or left}{'; ' + left if old and left else ''}: what is normal now is not what it knows",
        since=trained_at + EXPIRES if age > EXPIRES else now,
        evidence={"days": age.days, "moved": round(moved, 4)},
        next_step="Train on newer rows ('daytwo train'), or take what moved as normal: 'daytwo monitor acknowledge'",
    )
