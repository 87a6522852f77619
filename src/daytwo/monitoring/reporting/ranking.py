"""What did most harm over all windows: findings and moved columns put together by subject, the costliest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from daytwo.core.finding import Severity
from daytwo.monitoring.reporting.content import Content, Seen

_ORDER = [Severity.CRITICAL, Severity.WARNING, Severity.INFO]
_NOT_HARM = ("monitor.",)


@dataclass(frozen=True, slots=True)
class Harm:
    """One subject: in which windows something was found of it, the worst that was said, and money lost per day."""

    subject: str
    kind: str
    severity: Severity
    windows: tuple[str, ...]
    money_per_day: float | None
    summary: str
    next_step: str


@dataclass(frozen=True, slots=True)
class ColumnCourse:
    """One column over all windows.

    `reach` has one value a window, None where it was not measured; `beyond` counts those above 1. `worst` is the
    window that moved furthest, `distances` are that window's.
    """

    name: str
    reach: tuple[float | None, ...]
    beyond: int
    first: str
    worst: str
    distances: Mapping[str, float]


def harms(content: Content) -> tuple[Harm, ...]:
    """Return the subjects of all findings, by money per day, then by how bad and how often."""
    found: dict[tuple[str, str], list[tuple[Seen, int]]] = {}
    for seen in content.windows:
        for i, finding in enumerate(seen.findings):
            if not finding.kind.startswith(_NOT_HARM):
                found.setdefault((finding.kind.partition(".")[0], finding.subject), []).append((seen, i))
    return tuple(sorted((_harm(those) for those in found.values()), key=_rank))


def columns(content: Content) -> tuple[ColumnCourse, ...]:
    """Return every column's course, the one that moved furthest first."""
    return tuple(sorted((_course(content, name) for name in content.columns), key=_furthest))


def _harm(those: Sequence[tuple[Seen, int]]) -> Harm:
    findings = [seen.findings[i] for seen, i in those]
    money = [one.money_per_day for one in findings if one.money_per_day is not None]
    worst = min(findings, key=lambda one: (_ORDER.index(one.severity), -(one.money_per_day or 0.0)))
    return Harm(
        worst.subject,
        worst.kind,
        worst.severity,
        tuple(dict.fromkeys(seen.name for seen, _ in those)),
        max(money, default=None),
        worst.summary,
        worst.next_step,
    )


def _rank(one: Harm) -> tuple[float, int, int, str]:
    return -(one.money_per_day or 0.0), _ORDER.index(one.severity), -len(one.windows), one.subject


def _course(content: Content, name: str) -> ColumnCourse:
    values = tuple(seen.reach.get(name) for seen in content.windows)
    known = [(value, seen) for value, seen in zip(values, content.windows, strict=True) if value is not None]
    beyond = [seen for value, seen in known if value > 1]
    worst = max(known, key=lambda one: one[0], default=(None, None))[1]
    return ColumnCourse(
        name,
        values,
        len(beyond),
        beyond[0].name if beyond else "",
        worst.name if worst else "",
        worst.distances.get(name, {}) if worst else {},
    )


def _furthest(one: ColumnCourse) -> tuple[float, str]:
    return -max((value for value in one.reach if value is not None), default=float("-inf")), one.name
