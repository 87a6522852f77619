"""How well versions get out, by the four usual measures, counted from the ledger. Pure; `cli/flows.py` shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from daytwo.lifecycle.releases import Release
from daytwo.lifecycle.rollback import is_going_back
from daytwo.registry.versions import RouteChange

_MONTH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Delivery:
    """Measures of delivery; None where nothing happened that could be measured.

    `lead_time_s`: median seconds from the beginning of a release to its answering everybody. `per_month`: versions
    that went live in 30 days, since the first one did, and no less than 30 days. `failure_rate`: share of them, in
    [0, 1], that were taken back. `restore_s`: median seconds from a version's going live to its being taken back, so
    at most that of the harm. Moments are those of the ticks that did it.
    """

    deployments: int
    failures: int
    lead_time_s: float | None
    per_month: float | None
    failure_rate: float | None
    restore_s: float | None


def measure_delivery(history: Sequence[RouteChange], releases: Sequence[Release], now: datetime) -> Delivery:
    """Measure deployments from every change of the route, the oldest first, and the releases behind them.

    Source: N. Forsgren, J. Humble & G. Kim (2018), Accelerate, chapter 2 (the four measures).
    """
    live: list[RouteChange] = []
    leads, restores = [], []
    before = ""
    for change in history:
        champion = change.route.champion
        if champion != before and is_going_back(change):
            left = next((one for one in reversed(live) if one.route.champion == before), None)
            if left is not None:
                restores.append((change.at - left.at).total_seconds())
        elif champion != before:
            live.append(change)
            begun = [one.opened_at for one in releases if one.digest == champion and one.opened_at <= change.at]
            leads += [(change.at - begun[-1]).total_seconds()] if begun else []
        before = champion
    months = max((now - live[0].at) / _MONTH, 1.0) if live else 0.0
    return Delivery(
        deployments=len(live),
        failures=len(restores),
        lead_time_s=median(leads) if leads else None,
        per_month=len(live) / months if live else None,
        failure_rate=len(restores) / len(live) if live else None,
        restore_s=median(restores) if restores else None,
    )
