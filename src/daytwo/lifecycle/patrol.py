"""The quick eye between windows: which contract rules break right now, far more often than chance, and which healed.

A window may last a week; a feed that breaks is told about at the next tick.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import msgspec
import polars as pl
from scipy.special import bdtrc

from daytwo.alerts.alerts import closed, gone_quiet
from daytwo.contracts.contract import Contract
from daytwo.core.finding import Finding, Severity
from daytwo.lifecycle.flow import Json, Run
from daytwo.lifecycle.system import System
from daytwo.lifecycle.versions import champion
from daytwo.lifecycle.watch import tell_people

# How far back the eye looks, and how long a rule must be quiet before its alert is closed as repaired.
SIGHT = timedelta(days=1)
# The share of rows that may break a rule by chance where the contract does not say, or has seen none yet.
_USUAL_SHARE = 1e-3
# A burst is told when chance would bring it less than once in so many looks at one rule.
_CHANCE = 1e-6
_FEWEST = 3


def patrol(run: Run, system: System, arguments: dict[str, Json]) -> Json:
    """Look at the rows of the last day up to `now`; open alerts for bursts, close those whose feed healed."""
    now = datetime.fromisoformat(str(arguments["now"]))

    def work() -> dict[str, Json]:
        model = champion(system)
        if model is None or system.tables.version("predictions") is None:
            return {"opened": [], "closed": []}
        seen = (pl.col("_time") >= now - SIGHT) & (pl.col("_time") < now)
        rows = system.tables.read("predictions", columns=["_arm"], where=seen).height
        bad = pl.DataFrame()
        if system.tables.version("quarantine") is not None:
            when = pl.coalesce("_time", "_received_at")
            bad = system.tables.read("quarantine", where=(when >= now - SIGHT) & (when < now))
        findings = bursts(model.contract, bad, rows, since=now - SIGHT, owner=system.settings.data.owner)
        opened = tell_people(system, findings, at=now, opened_by=run.id)
        return {"opened": list(opened), "closed": list(_heal(system, findings, rows, now))}

    return run.step("look", work)


def bursts(contract: Contract, bad: pl.DataFrame, rows: int, *, since: datetime, owner: str) -> list[Finding]:
    """Return a finding for each column and rule that `bad` rows of all `rows` broke more often than by chance.

    `bad` has the quarantine's columns `_id` and `reasons`.
    """
    counts: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], list[str]] = {}
    for reasons in bad["reasons"].to_list() if bad.height else []:
        for reason in msgspec.json.decode(reasons):
            place = (reason["column"], reason["rule"])
            counts[place] += 1
            examples.setdefault(place, [])
            if len(examples[place]) < 3:
                examples[place].append(f"{reason['message']} (got {reason['value']})")
    known = {column.name: column for column in contract.columns}
    findings = []
    for (column, rule), count in sorted(counts.items()):
        usual = known[column].false_alarm_rate if column in known else None
        share = max(usual or _USUAL_SHARE, 1e-5)
        if count < _FEWEST or bdtrc(count - 1, max(rows, count), share) >= _CHANCE:
            continue
        told = examples[column, rule]
        findings.append(
            Finding(
                kind=f"contract.{rule}",
                subject=column,
                severity=Severity.CRITICAL if count > 0.1 * rows else Severity.WARNING,
                summary=f"{count:,} of {rows:,} rows of the last day break the contract: {column}: {told[0]}",
                since=since,
                evidence={"rows": rows, "bad": count, "usual_share": share, "examples": told},
                owner=(known[column].owner if column in known else "") or owner,
                next_step=f"See them: 'daytwo quarantine list --column {column}'; replay them once the feed is mended",
            )
        )
    return findings


def _heal(system: System, findings: list[Finding], rows: int, now: datetime) -> tuple[str, ...]:
    """Close contract alerts that a whole day with traffic did not repeat."""
    if not rows:
        return ()
    healed = []
    for alert in gone_quiet(system.alerts.alerts(), findings, kinds=("contract.",)):
        if now - alert.last_seen_at >= SIGHT:
            system.alerts.put(closed(alert, at=now, by="daytwo", verdict="repaired"))
            healed.append(alert.subject)
    return tuple(healed)
