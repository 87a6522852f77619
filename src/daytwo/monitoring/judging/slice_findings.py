"""Bad slices in words: what each of their rows brings or loses, and what it did in the reference.

`slices.py` finds them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

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

    `money` says whether they are money, else they are the task's own loss.
    """

    losses: Floats
    known: bool
    money: bool
    currency: str = ""


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
    found = find_slices(table, matrix[there], costs.losses[there], known=costs.known, chance=min(chance, 0.5) / CHECKS)
    return tuple(_finding(one, costs, since, days) for one in found[:TOLD])


def _finding(found: Slice, costs: Costs, since: datetime, days: float) -> Finding:
    unit = f" {costs.currency}" if costs.money and costs.currency else ""
    source = "realised" if costs.known else "estimated"
    verb = "brings" if costs.money else "loses"
    now, usual = (-found.value, -found.usual) if costs.money else (found.value, found.usual)
    summary = (
        f"{source}, where {found.name}: each of {found.rows:,} rows {verb} {now:.3g}{unit} instead of {usual:.3g}"
        f" (worse by {found.low:.2g} to {found.high:.2g})"
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
