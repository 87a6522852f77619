"""What the year came to, read from the ledger and the tables alone, so that a killed demo tells the same story."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from daytwo.alerts.alerts import Alert
from daytwo.demo.flights import Fault
from daytwo.lifecycle.kept_aside.quarantine import tally
from daytwo.lifecycle.kept_aside.quarantine_events import REPLAYED
from daytwo.lifecycle.rows import DATASET, live_rows
from daytwo.lifecycle.shipping import ship_journal
from daytwo.lifecycle.sources.source_gaps import GAPS
from daytwo.lifecycle.system import System
from daytwo.lifecycle.versions import load_model, load_watch
from daytwo.monitoring.estimating.metrics import roc_auc
from daytwo.value.net import NetValue, WindowValue, net_value

_END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Story:
    """The demo's end. `summary` is the JSON object that `--json` prints, without the elapsed time."""

    summary: dict[str, Any]
    value: NetValue
    months: list[tuple[str, int, float, float]]


def tell(system: System, rows: int, fault: Fault) -> Story:
    """Add everything up."""
    ship_journal(system)
    first = system.registry.versions()[0]
    model = load_model(system.bundles, first.digest)
    live = live_rows(system, model.contract, model.payoff.columns, None, _END_OF_TIME).labelled()
    static_scores = model.score_many(live.matrix)
    settled = [one.settled for one in system.windows.windows() if one.settled]
    value = net_value(
        [WindowValue(_money(one, "live"), _money(one, "static"), int(str(one["labelled"]))) for one in settled],
        system.costs.costs(),
        currency=system.settings.value.currency,
    )
    kept, _ = tally(system)
    answered = system.tables.read("predictions", columns=["_id"]).height
    summary: dict[str, Any] = {
        "rows": rows,
        "history": system.tables.read(DATASET, columns=["flight_id"]).height,
        "predictions": answered,
        "quarantined": sum(kept.values()),
        "replayed": kept.get(REPLAYED, 0),
        "alerts": _alerts(system, fault),
        "versions": _versions(system),
        "refused": [
            {"release": one.id, "at": one.changed_at.isoformat(), "state": str(one.state), "words": one.words}
            for one in system.releases.releases()
            if str(one.state) in {"refused", "declined", "stopped", "rolled_back"}
        ],
        "realised": {
            "metric": "roc_auc",
            "static": round(roc_auc(live.labels, static_scores), 6),
            "live": round(roc_auc(live.labels, live.scores), 6),
            "rows": live.rows,
        },
        "value": {
            "currency": value.currency,
            "static": round(value.static, 2),
            "live": round(value.live, 2),
            "cost": round(value.cost, 2),
        },
    }
    return Story(summary, value, _months(live.times, live.labels, static_scores, live.scores))


def _money(settled: dict[str, Any], line: str) -> float:
    money = settled[line].get("money")
    return float(money["value"]) if money else 0.0


def _alerts(system: System, fault: Fault) -> list[dict[str, Any]]:
    return [
        {
            "at": alert.opened_at.isoformat(),
            "kind": alert.kind,
            "subject": alert.subject,
            "opened_by": alert.opened_by,
            "severity": str(alert.severity),
            "verdict": _verdict(system, alert, fault),
            "summary": alert.summary,
        }
        for alert in system.alerts.alerts()
    ]


def _verdict(system: System, alert: Alert, fault: Fault) -> str:
    """Say what an alert turned out to be: the fault, broken rows, a loss the labels confirm, or a false alarm."""
    last_day_seen = (alert.opened_at - timedelta(seconds=1)).date()
    if alert.subject == fault.column and fault.applies(last_day_seen):
        return "true: the injected fault"
    if alert.kind.startswith("contract."):
        return "true: rows broke the contract"
    if alert.kind == GAPS:
        return "true: values were missing"
    windows = {one.span.name: one.settled for one in system.windows.windows()}
    settled = windows.get(alert.opened_by.removeprefix("watch ").removeprefix("settle "))
    if settled is None:
        return "open: labels to come"
    realised = settled["champion"]
    usual = load_watch(system.bundles, str(settled["champion_digest"])).reference.performance.get("roc_auc")
    figure = realised.get("roc_auc") if isinstance(realised, dict) else None
    if usual is None or not isinstance(figure, dict):
        return "open: no realised figure"
    value = float(str(figure["value"]))
    return f"{'true' if value < usual[0] else 'false'}: realised ROC AUC {value:.3f}, usual {usual[0]:.3f}"


def _versions(system: System) -> list[dict[str, Any]]:
    numbers = {version.digest: version for version in system.registry.versions()}
    found, last = [], None
    for change in system.registry.history():
        if change.route.champion != last:
            last = change.route.champion
            found.append(
                {
                    "version": numbers[last].number,
                    "digest": last,
                    "promoted_at": change.at.isoformat(),
                    "reason": numbers[last].reason,
                }
            )
    return found


def _months(
    times: NDArray[np.datetime64],
    labels: NDArray[np.float64],
    static: NDArray[np.float64],
    live: NDArray[np.float64],
) -> list[tuple[str, int, float, float]]:
    frame = pl.DataFrame(
        {"month": pl.Series(times).dt.strftime("%B"), "when": times, "y": labels, "s": static, "l": live}
    )
    return [
        (str(key[0]), part.height, roc_auc(part["y"], part["s"]), roc_auc(part["y"], part["l"]))
        for key, part in frame.sort("when").group_by("month", maintain_order=True)
    ]
