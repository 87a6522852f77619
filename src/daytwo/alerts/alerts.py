"""Alerts: what of the findings a person must hear, once, and whether somebody has taken it up.

A finding of the same kind about the same subject joins the open alert instead of opening another. Pure: `sql.py`
keeps alerts in the ledger, `apprise.py` sends them out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from daytwo.core.digest import digest_json
from daytwo.core.finding import Finding, Severity


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that is wrong. `opened_by` names the flow or window that saw it first; `seen` counts sightings.

    `id` is made of model, kind, subject and the opening moment, so a repeated step opens the same alert.
    """

    id: str
    kind: str
    subject: str
    severity: Severity
    summary: str
    opened_at: datetime
    opened_by: str
    last_seen_at: datetime
    seen: int = 1
    money_per_day: float | None = None
    owner: str = ""
    next_step: str = ""
    evidence: Mapping[str, object] = field(default_factory=dict)
    acknowledged_by: str = ""
    closed_at: datetime | None = None
    closed_by: str = ""
    verdict: str = ""


class AlertBook(Protocol):
    """Where alerts are kept."""

    def put(self, alert: Alert) -> None:
        """Keep the alert under its id, replacing what was there."""
        ...

    def alerts(self) -> tuple[Alert, ...]:
        """Every alert there was, the oldest first."""
        ...


class Channel(Protocol):
    """A way to reach people."""

    def send(self, alert: Alert) -> bool:
        """Send the alert; return whether it was taken on."""
        ...


@dataclass(frozen=True, slots=True)
class Intake:
    """What became of findings: alerts opened anew, and open ones seen again."""

    opened: tuple[Alert, ...]
    repeated: tuple[Alert, ...]


def take_in(findings: Iterable[Finding], known: Iterable[Alert], *, at: datetime, opened_by: str) -> Intake:
    """Turn findings into alerts: INFO findings stay findings, the others open an alert or join the open one.

    Taking in the same findings of the same `opened_by` again changes nothing.
    """
    alerts = list(known)
    opened: list[Alert] = []
    repeated: list[Alert] = []
    for finding in findings:
        if finding.severity is Severity.INFO:
            continue
        fresh = _open(finding, at, opened_by)
        if any(alert.id == fresh.id for alert in alerts):
            continue
        standing = next((alert for alert in alerts if _same(alert, finding)), None)
        if standing is None:
            opened.append(fresh)
            alerts.append(fresh)
        elif standing.last_seen_at < at:
            again = replace(standing, last_seen_at=at, seen=standing.seen + 1, money_per_day=finding.money_per_day)
            repeated.append(again)
            alerts[alerts.index(standing)] = again
    return Intake(tuple(opened), tuple(repeated))


def gone_quiet(known: Iterable[Alert], findings: Iterable[Finding], *, kinds: tuple[str, ...]) -> tuple[Alert, ...]:
    """Return the open alerts whose kind begins with one of `kinds` and that no finding repeats."""
    repeated = {(finding.kind, finding.subject) for finding in findings}
    return tuple(
        alert
        for alert in known
        if alert.closed_at is None and alert.kind.startswith(kinds) and (alert.kind, alert.subject) not in repeated
    )


def acknowledged(alert: Alert, by: str) -> Alert:
    """Return the alert taken up by a person."""
    return replace(alert, acknowledged_by=by)


def closed(alert: Alert, *, at: datetime, by: str, verdict: str) -> Alert:
    """Return the alert closed, with what it turned out to be (`true`, `false` or `repaired`)."""
    return replace(alert, closed_at=at, closed_by=by, verdict=verdict)


def _same(alert: Alert, finding: Finding) -> bool:
    return alert.closed_at is None and (alert.kind, alert.subject) == (finding.kind, finding.subject)


def _open(finding: Finding, at: datetime, opened_by: str) -> Alert:
    return Alert(
        id=digest_json([finding.kind, finding.subject, opened_by])[:12],
        kind=finding.kind,
        subject=finding.subject,
        severity=finding.severity,
        summary=finding.summary,
        opened_at=at,
        opened_by=opened_by,
        last_seen_at=at,
        money_per_day=finding.money_per_day,
        owner=finding.owner,
        next_step=finding.next_step,
        evidence=dict(finding.evidence),
    )
