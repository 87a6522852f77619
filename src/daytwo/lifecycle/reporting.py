"""A report of a project's windows: what was kept of each, put into `monitoring/reporting`'s words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl

from daytwo.core.errors import NotFound
from daytwo.core.finding import Finding, Severity
from daytwo.core.schema import Task
from daytwo.lifecycle.maturity import answered, label_maturity
from daytwo.lifecycle.system import System
from daytwo.lifecycle.versions import load_watch
from daytwo.lifecycle.windows import WindowRecord
from daytwo.monitoring.estimating.performance import Z
from daytwo.monitoring.judging.reference import Reference
from daytwo.monitoring.reporting.calibration import Calibration, calibration
from daytwo.monitoring.reporting.content import Content, Figure, Seen
from daytwo.monitoring.reporting.moving import reaches
from daytwo.monitoring.reporting.report import Report

_MONEY = "money"


def report_windows(
    system: System, *, begin: datetime | None = None, end: datetime | None = None, version: str | None = None
) -> Report:
    """Report on every window that lies within [`begin`, `end`]; of one version alone where it is named.

    Raises
    ------
    NotFound
        If there is no such version, or no such window.
    """
    digest = None if version is None else system.registry.find(version).digest
    every = system.windows.windows()
    records = [one for one in every if _inside(one, begin, end) and digest in {None, version_of(one)}]
    if not records:
        raise NotFound(
            "no window with something known lies there",
            hint=f"{len(every)} windows have ended so far; see 'daytwo monitor --last 12'",
        )
    references = _references(system, records)
    first, last = records[0].span.start, records[-1].span.end
    newest = references.get(version_of(records[-1]))
    metric, currency = system.settings.gate.metric, system.settings.value.currency
    whose = f" of {version}" if version else ""
    content = Content(
        title=f"{system.settings.model.name}{whose}, {first:%Y-%m-%d} to {last:%Y-%m-%d}",
        windows=tuple(_seen(system, one, references.get(version_of(one))) for one in records),
        usual={} if newest is None else _usual(newest),
        metrics=(metric, _MONEY),
        calibration=_calibration(system, records),
        currency=currency,
        notes=tuple(_notes(system, newest)),
        commands=(f"daytwo monitor --window {records[-1].span.index}", "daytwo alerts", "daytwo value"),
    )
    return Report(content)


def version_of(record: WindowRecord) -> str:
    """Return the digest of the version that answered in a window, "" where nobody noted it."""
    return str((record.watched or {}).get("version") or (record.settled or {}).get("champion_digest") or "")


def _inside(record: WindowRecord, begin: datetime | None, end: datetime | None) -> bool:
    span = record.span
    return (begin is None or _utc(span.start) >= _utc(begin)) and (end is None or _utc(span.end) <= _utc(end))


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _references(system: System, records: Sequence[WindowRecord]) -> dict[str, Reference]:
    """Return the reference of every version that is still known."""
    known = {one.digest for one in system.registry.versions()}
    return {
        digest: load_watch(system.bundles, digest).reference
        for digest in dict.fromkeys(version_of(one) for one in records)
        if digest in known
    }


def _seen(system: System, record: WindowRecord, reference: Reference | None) -> Seen:
    watched: Mapping[str, Any] = record.watched or {}
    settled: Mapping[str, Any] = record.settled or {}
    rows, labelled = int(settled.get("rows", watched.get("rows", 0))), int(settled.get("labelled") or 0)
    findings = tuple(_finding(one) for one in [*watched.get("findings", []), *settled.get("findings", [])])
    history = {} if reference is None else _history(reference)
    return Seen(
        name=record.span.name,
        rows=rows,
        verdict=str(watched.get("verdict") or ""),
        alarm=any(one.kind.startswith("drift.") for one in findings),
        estimated=_figures(watched.get("estimated"), int(watched.get("rows") or 0)),
        realised=_figures(settled.get("live"), labelled),
        maturity=label_maturity(system, record),
        distances=watched.get("distances") or {},
        reach=reaches(watched.get("channels") or {}, history),
        findings=findings,
        allowed=float((watched.get("budget") or {}).get("allowed") or 0.0),
    )


def _history(reference: Reference) -> dict[str, tuple[float, ...]]:
    return {name: tuple(row[i] for row in reference.history) for i, name in enumerate(reference.channel_names)}


def _figures(kept: Mapping[str, Any] | None, rows: int) -> dict[str, Figure]:
    """Return figures by metric, money per row."""
    found = {}
    for name, one in (kept or {}).items():
        scale = max(rows, 1) if name == _MONEY else 1
        value, low, high = (None if one.get(part) is None else one[part] / scale for part in ("value", "low", "high"))
        if value is not None:
            found[name] = Figure(value, low, high)
    return found


def _usual(reference: Reference) -> dict[str, Figure]:
    return {
        name: Figure(value, value - Z * error, value + Z * error)
        for name, (value, error) in reference.performance.items()
    }


def _finding(kept: Mapping[str, Any]) -> Finding:
    since = datetime.fromisoformat(kept["since"]) if kept.get("since") else None
    return Finding(**(dict(kept) | {"since": since, "severity": Severity(kept["severity"])}))


def _calibration(system: System, records: Sequence[WindowRecord]) -> Calibration | None:
    if system.settings.model.task is not Task.BINARY:
        return None
    rows = answered(system, records[0].span.start, records[-1].span.end).filter(pl.col("label").is_not_null())
    scores, labels = (rows[name].cast(pl.Float64) for name in ("_score", "label"))
    return calibration(scores.fill_null(float("nan")).to_numpy(), labels.to_numpy())


def _notes(system: System, reference: Reference | None) -> list[str]:
    told = [f"The budget is {system.settings.monitor.false_alarms}, over everything that is said about the model."]
    if reference is not None:
        told.append(
            f"The reference of the newest version has {reference.rows:,} rows in {reference.blocks:,} blocks; what is"
            " usual is the performance on its labelled rows that the model was not trained on."
        )
    told.append(
        "How far a column moved is told by its distance to the reference in noise units, sized for rows and levels."
    )
    return told
