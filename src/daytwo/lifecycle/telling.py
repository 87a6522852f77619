"""Findings reach people: each becomes an alert once, and is closed when a look does not repeat it. Light."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from daytwo.alerts.alerts import closed, gone_quiet, take_in
from daytwo.core.finding import Finding
from daytwo.lifecycle.system import System


def tell_people(system: System, findings: list[Finding], *, at: datetime, opened_by: str) -> tuple[str, ...]:
    """Open alerts for findings, send the new ones out, and return their summaries."""
    owned = [replace(one, owner=one.owner or system.settings.model.owner) for one in findings]
    intake = take_in(owned, system.alerts.alerts(), at=at, opened_by=opened_by)
    for alert in (*intake.opened, *intake.repeated):
        system.alerts.put(alert)
    if system.channel is not None:
        for alert in intake.opened:
            system.channel.send(alert)
    return tuple(alert.summary for alert in intake.opened)


def close_quiet(system: System, findings: list[Finding], *, kinds: tuple[str, ...], at: datetime) -> tuple[str, ...]:
    """Close the open alerts of these kinds that a look did not repeat, and return what they were about."""
    quiet = [a for a in gone_quiet(system.alerts.alerts(), findings, kinds=kinds) if a.opened_at < at]
    for alert in quiet:
        system.alerts.put(closed(alert, at=at, by="daytwo", verdict="recovered"))
    return tuple(f"{alert.kind.rsplit('.', 1)[-1]} {alert.subject}" for alert in quiet)
