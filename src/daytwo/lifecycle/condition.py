"""What servers are told of the champion's condition: that its newest judged window went worse than usual, and how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daytwo.lifecycle.system import System
from daytwo.lifecycle.windows import WindowRecord
from daytwo.registry.condition import CONDITION_FILE, Condition, write_condition
from daytwo.registry.versions import current_route

_WORSE = "worse"


def project_condition(system: System) -> None:
    """Write the condition for the servers: after a crash it may lag behind the ledger, as the route may."""
    route = current_route(system.registry)
    if route is not None:
        condition = Condition(route.champion, degraded_words(system.windows.windows(), route.champion))
        write_condition(system.route_path.with_name(CONDITION_FILE), condition)


def degraded_words(records: tuple[WindowRecord, ...], champion: str) -> str:
    """Say what went worse in the newest judged window that the champion answered; empty where nothing did."""
    for record in reversed(records):
        watched: Mapping[str, Any] = record.watched or {}
        settled: Mapping[str, Any] = record.settled or {}
        if champion not in {watched.get("version"), settled.get("champion_digest")}:
            continue
        if (settled.get("verdict") or watched.get("verdict")) != _WORSE:
            return ""
        findings = [*settled.get("findings", []), *watched.get("findings", [])]
        why = str(findings[0]["summary"]) if findings else "its figures are worse than usual"
        return f"worse than usual in the window from {record.span.start:%Y-%m-%d %H:%M} on: {why}"
    return ""
