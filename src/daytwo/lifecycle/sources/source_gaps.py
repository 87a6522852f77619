"""Whether defaults stand in for so many missing values that their source must have fallen silent.

A row whose missing value became a default is answered, so it is no bad row and `source_health.py` does not see it.
Here the last day's answers are looked at, column by column, against the share that the contract lets be missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from daytwo.contracts.column import Column
from daytwo.contracts.contract import Contract
from daytwo.core.finding import Finding, Severity
from daytwo.lifecycle.kept_aside.quarantine_events import REPLAY_OF
from daytwo.lifecycle.sources.arrivals import came_at
from daytwo.lifecycle.system import System
from daytwo.predictions.record import ASKED

GAPS = "source.missing"
# Fewer answers say nothing of a share.
_FEWEST = 50
# From here on hardly any value is left that was measured.
_LOUD = 0.5
# More columns at once are told as one.
_MOST = 3


def gaps(system: System, contract: Contract, source: str, since: datetime, now: datetime) -> list[Finding]:
    """Return a finding for each feature in which defaults stand in for more than `max_null_share` of the values.

    Judged are the rows that the model answered from `since` up to `now`; replays do not count. Where many columns lack
    so many values, they are one finding about the `source`.
    """
    promised = {
        column.imputed_name: column
        for column in contract.columns
        if column.imputed_name and column.max_null_share is not None
    }
    known = set(system.tables.schema("predictions")) if system.tables.version("predictions") is not None else set()
    flags = [name for name in promised if name in known]
    if not flags:
        return []
    when = came_at(system, "predictions")
    rows = system.tables.read(
        "predictions", columns=[*flags, REPLAY_OF], where=(when >= since) & (when < now) & (pl.col("_arm") != ASKED)
    )
    rows = rows.filter(pl.col(REPLAY_OF).is_null())
    found = []
    for name in flags:
        answered = rows.get_column(name).drop_nulls()
        share = float(answered.mean() or 0.0)  # type: ignore[arg-type]  # the mean of truths is a number
        gap = _Gap(promised[name], share, promised[name].max_null_share or 0.0, answered.len())
        if gap.rows >= _FEWEST and share > gap.limit:
            found.append(gap)
    owner = contract.owner or system.settings.data.owner
    if len(found) > _MOST:
        worst = max(found, key=lambda gap: gap.share)
        names = ", ".join(gap.column.name for gap in found)
        subject = (source, f"{names}: {worst.words} in {worst.column.name}")
        return [_finding(*subject, found, since, owner)]
    return [
        _finding(gap.column.name, f"{gap.column.name}: {gap.words}", [gap], since, gap.column.owner or owner)
        for gap in found
    ]


@dataclass(frozen=True, slots=True)
class _Gap:
    """A column of which so large a share of `rows` was missing."""

    column: Column
    share: float
    limit: float
    rows: int

    @property
    def words(self) -> str:
        return (
            f"defaults stand in for missing values in {self.share:.0%} of {self.rows:,} rows of the last day; "
            f"the contract bears {self.limit:.0%}"
        )


def _finding(subject: str, summary: str, found: Sequence[_Gap], since: datetime, owner: str) -> Finding:
    return Finding(
        kind=GAPS,
        subject=subject,
        severity=Severity.CRITICAL if max(gap.share for gap in found) > _LOUD else Severity.WARNING,
        summary=summary,
        since=since,
        evidence={gap.column.name: {"rows": gap.rows, "share": round(gap.share, 6)} for gap in found},
        owner=owner,
        next_step="Ask who sends these values whether their source stands still, or whether a field has a new name",
    )
