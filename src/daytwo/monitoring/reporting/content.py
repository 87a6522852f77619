"""What a report holds, whoever made it: windows with their figures, distances and findings, and what is usual.

`making.py` fills it from frames, `lifecycle/reporting.py` from a project; `page.py` shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from daytwo.core.finding import Finding
from daytwo.monitoring.reporting.calibration import Calibration


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its 95 % interval; a bound is None where it is unknown."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """One window. `verdict` is `ok`, `drift`, `worse`, `warming`, `empty`, or "" where nobody judged it.

    `estimated` and `realised` are by metric. `distances` are by column, then by name. `reach` is by column how far it
    moved, in units of the furthest that any reference window went: above 1 is further than all of them. `maturity` is
    the share of rows whose label is known, None where nobody counted. `allowed` is the budget of this window in false
    alarms.
    """

    name: str
    rows: int
    verdict: str
    alarm: bool
    estimated: Mapping[str, Figure] = field(default_factory=dict)
    realised: Mapping[str, Figure] = field(default_factory=dict)
    maturity: float | None = None
    distances: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    reach: Mapping[str, float] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    allowed: float = 0.0


@dataclass(frozen=True, slots=True)
class Content:
    """A whole report. `usual` are the reference's own figures by metric; `notes` say how it was made.

    `metrics` are shown as charts in this order; `currency` is the unit of the metric `money`. `commands` are what to
    call next.
    """

    title: str
    windows: tuple[Seen, ...]
    usual: Mapping[str, Figure] = field(default_factory=dict)
    metrics: tuple[str, ...] = ()
    calibration: Calibration | None = None
    currency: str = ""
    notes: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of any window, in order of first appearance."""
        return tuple(dict.fromkeys(name for one in self.windows for name in one.distances))
