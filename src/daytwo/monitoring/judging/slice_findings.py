"""Bad slices in words: what each of their rows brings or loses, and what it did in the reference.

`slices.py` finds them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

import numpy as np
from numpy.typing import ArrayLike, NDArray

from daytwo.core.finding import Finding, Severity
from daytwo.monitoring.judging.harm import CHECKS
from daytwo.monitoring.judging.slice_table import SliceTable
from daytwo.monitoring.judging.slices import Slice, find_slices
from daytwo.monitoring.profiles.bins import Floats

# So many of the worst are told.
TOLD = 3


@dataclass(frozen=True, slots=True)
class Costs:
    """What the rows of a window cost: `losses` of shape (n,), `known` from labels or expected without.

    `money` says whether they are money, lost against the right decision, else they are the task's own loss. `days`
    names each row's day.
    """

    losses: Floats
    known: bool
    money: bool
    currency: str = ""
    days: ArrayLike | None = None


def slice_findings(
    table: SliceTable,
    matrix: NDArray[np.floating],
    costs: Costs,
    *,
    chance: float,
    since: datetime,
    days: float,
) -> tuple[Finding, ...]:
    """Return the worst slices of a window; rows whose loss is not known are left out.

    `chance` is the share of windows in which all checks of performance may cry wolf, `days` the window's length.
    """
    there = np.isfinite(costs.losses)
    when = None if costs.days is None else np.asarray(costs.days)[there]
    found = find_slices(
        table, matrix[there], costs.losses[there], known=costs.known, chance=min(chance, 0.5) / CHECKS, days=when
    )
    return tuple(_finding(one, costs, since, days) for one in found[:TOLD])


def _finding(found: Slice, costs: Costs, since: datetime, days: float) -> Finding:
    unit = f" {costs.currency}" if costs.money and costs.currency else ""
    source = "realised" if costs.known else "estimated"
    summary = (
        f"{source}, where {found.name}: each of {found.rows:,} rows loses {_number(found.value)}{unit} by mistakes,"
        f" usually {_number(found.usual)} (more by {_number(found.low)} to {_number(found.high)})"
    )
    if costs.money:
        summary += f", {found.harm:,.0f}{unit} in this window"
    return Finding(
        kind=f"performance.slice.{source}",
        subject=found.name,
        severity=Severity.WARNING,
        summary=summary,
        since=since,
        evidence={"source": source, **asdict(found)},
        money_per_day=found.harm / days if costs.money else None,
        next_step="Look at these rows: has what feeds them changed, or what they mean? Then `daytwo train`",
    )


def _number(value: float) -> str:
    """Three digits, and never a power of ten."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
