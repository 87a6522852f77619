"""The quick eye between windows: which source is not as it was, right now, and which alert has healed.

A window may last a week; a feed that breaks, or falls silent, is told about at the next tick. What it looks for stands
in `source_health.py`.
"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from daytwo.alerts.alerts import Alert, closed, gone_quiet
from daytwo.core.finding import Finding
from daytwo.lifecycle.flow import Json, Run
from daytwo.lifecycle.kept_aside.quarantine import Which, shelf
from daytwo.lifecycle.kept_aside.verdicts import SERVER
from daytwo.lifecycle.sources.arrivals import came_at
from daytwo.lifecycle.sources.source_gaps import GAPS
from daytwo.lifecycle.sources.source_health import SIGHT, look
from daytwo.lifecycle.system import System
from daytwo.lifecycle.telling import close_quiet, tell_people
from daytwo.predictions.record import ASKED

# These speak of rows, and heal when a whole day with traffic did not repeat them.
_OF_ROWS = ("contract.", "source.burst")
# These are over as soon as a look does not repeat them.
_OF_NOW = ("source.silent", "source.stale", GAPS)


def patrol(run: Run, system: System, arguments: dict[str, Json]) -> Json:
    """Look at every source at `now`; open alerts for what is wrong, close those that have healed."""
    now = datetime.fromisoformat(str(arguments["now"]))

    def work() -> dict[str, Json]:
        findings = look(system, now)
        opened = tell_people(system, findings, at=now, opened_by=run.id)
        over = close_quiet(system, findings, kinds=_OF_NOW, at=now)
        return {"opened": list(opened), "closed": [*_heal(system, findings, now), *over]}

    return run.step("look", work)


def _heal(system: System, findings: list[Finding], now: datetime) -> tuple[str, ...]:
    """Close alerts about rows whose source sends good ones again, or whose rows have all been dealt with."""
    quiet = [
        alert
        for alert in gone_quiet(system.alerts.alerts(), findings, kinds=_OF_ROWS)
        if now - alert.last_seen_at >= SIGHT
    ]
    healed = [alert for alert in quiet if _is_over(system, alert, now)]
    for alert in healed:
        system.alerts.put(closed(alert, at=now, by="daytwo", verdict="repaired"))
    return tuple(alert.subject for alert in healed)


def _is_over(system: System, alert: Alert, now: datetime) -> bool:
    source = str(alert.evidence.get("source", SERVER))
    if source == SERVER:
        return _traffic(system, now)
    left = [
        shelf(system, Which(str(alert.evidence.get("rule", "")), str(alert.evidence.get("column", "")), str(file)))
        for file in _files(alert)
    ]
    return not any(rows.height for rows in left)


def _files(alert: Alert) -> list[object]:
    files = alert.evidence.get("files")
    return list(files) if isinstance(files, list | tuple) else []


def _traffic(system: System, now: datetime) -> bool:
    if system.tables.version("predictions") is None:
        return False
    when = came_at(system, "predictions")
    seen = (when >= now - SIGHT) & (when < now) & (pl.col("_arm") != ASKED)
    return system.tables.read("predictions", columns=["_arm"], where=seen).height > 0
