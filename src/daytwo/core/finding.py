"""The one currency of judgement: what is wrong, where, since when, how bad, and what to do.

A contract breach, drift, a refused gate, a missed SLO and a spent budget are all a `Finding`,
so that alerts, console and audit read one language.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Severity(StrEnum):
    """How loudly a finding speaks."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Finding:
    """One judgement in plain words, with its evidence.

    `kind` is dotted, the room first (`contract.range`, `drift.column`, `gate.quality`); `subject` names the thing
    judged (a column, a slice, a version). `money_per_day` is the estimated loss in the project's currency, None
    where unknown. `evidence` holds only JSON values.
    """

    kind: str
    subject: str
    severity: Severity
    summary: str
    since: datetime | None = None
    evidence: Mapping[str, object] = field(default_factory=dict)
    money_per_day: float | None = None
    owner: str = ""
    next_step: str = ""
