"""A window has ended: judge it before its labels come, and tell people what they must hear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime

import polars as pl

from daytwo.core.finding import Finding, Severity
from daytwo.lifecycle.ageing import Ageing, ageing
from daytwo.lifecycle.early import early_finding
from daytwo.lifecycle.flow import Json, Run
from daytwo.lifecycle.late import biases
from daytwo.lifecycle.profiles import keep_profile
from daytwo.lifecycle.reference_age import stale_reference
from daytwo.lifecycle.rows import live_rows
from daytwo.lifecycle.slicing import expected_slices
from daytwo.lifecycle.system import System
from daytwo.lifecycle.telling import close_quiet, tell_people
from daytwo.lifecycle.versions import champion, load_watch, money_answers
from daytwo.lifecycle.windows import Span, WindowRecord
from daytwo.monitoring.alarming.alarm import AlarmState, start
from daytwo.monitoring.judging.judge import ALARM_SHARE, Window, WindowJudgement, judge
from daytwo.monitoring.judging.reference import Reference

# Alerts of these are over when a window does not repeat them.
_KINDS = (
    "performance.estimated",
    "performance.slice.estimated",
    "performance.decay",
    "traffic.early",
    "monitor.stale_reference",
)


def read_span(arguments: dict[str, Json]) -> Span:
    """Read a window from a flow's arguments."""
    return Span(
        int(str(arguments["index"])),
        datetime.fromisoformat(str(arguments["start"])),
        datetime.fromisoformat(str(arguments["end"])),
    )


def span_arguments(span: Span) -> dict[str, Json]:
    """Write a window as a flow's arguments."""
    return {"index": span.index, "start": span.start.isoformat(), "end": span.end.isoformat()}


def watch_window(run: Run, system: System, arguments: dict[str, Json]) -> Json:
    """Judge one window without its labels; keep the judgement and take its findings in as alerts."""
    span = read_span(arguments)
    found = run.step("judge", lambda: _judge(system, span))

    def tell() -> dict[str, Json]:
        assert isinstance(found, dict)
        if found["watched"] is None:
            return {"alerts": []}
        watched = found["watched"]
        assert isinstance(watched, dict)
        system.windows.put(WindowRecord(span, watched))
        system.windows.keep_fact(f"alarm:{watched['version']}", found["alarm"])
        findings = [_finding(one) for one in watched["findings"]]  # type: ignore[union-attr]
        opened = tell_people(system, findings, at=span.end, opened_by=f"watch {span.name}")
        close_quiet(system, findings, kinds=_KINDS, at=span.end)
        return {"alerts": list(opened)}

    return run.step("tell", tell)


def _judge(system: System, span: Span) -> dict[str, Json]:
    model = champion(system)
    if model is None:
        return {"watched": None, "alarm": None}
    rows = live_rows(system, model.contract, model.payoff.columns, span.start, span.end)
    watch = load_watch(system.bundles, model.digest)
    said = money_answers(model.payoff, model.score_many(rows.matrix), rows.column, rows.days) if rows.rows else None
    state = _alarm_state(system, model.digest, watch.reference)
    window = Window(
        start=span.start,
        end=span.end,
        matrix=rows.matrix,
        answers=said if said is not None else money_answers(model.payoff, rows.labels, rows.column, rows.days),
        times=rows.times,
        contract_share=_contract_share(system, span, rows.rows),
    )
    keep_profile(system, span, model.digest, window, watch.reference.layout)
    records = system.windows.windows()
    late = biases(records, version=model.digest, window=span.index)
    judgement, after = judge(
        window,
        watch.reference,
        state,
        budget=system.settings.monitor.false_alarms,
        estimator=watch.estimator,
        model=watch.raw,
        currency=system.settings.value.currency,
        biases=late,
        reasons=None if model.no_reasons else model.contributions,
    )
    aged = _aged(system, span, judgement, model.digest, records)
    chance, currency = (1 - ALARM_SHARE) * judgement.allowed, system.settings.value.currency
    slices = expected_slices(watch, window, model, rows.column, chance=chance, currency=currency)
    more = (*slices, *_more(system, span, window, judgement, aged))
    stale = stale_reference(system.registry.find(model.digest).created_at, span.end, after)
    judgement = replace(judgement, findings=(*judgement.findings, *more, *([stale] if stale else [])))
    kept = _as_json(judgement, model.digest) | {
        "late_labels": {name: asdict(one) for name, one in late.items()},
        "decay": aged.as_json(),
    }
    return {"watched": kept, "alarm": after.to_json().decode()}


def _more(system: System, span: Span, window: Window, judgement: WindowJudgement, aged: Ageing) -> tuple[Finding, ...]:
    """Return what other eyes see: decay over windows, answers that no window holds."""
    chance = (1 - ALARM_SHARE) * judgement.allowed
    currency = system.settings.value.currency
    rows_per_day = judgement.rows / window.days
    decaying = aged.findings(chance=chance, since=span.start, rows_per_day=rows_per_day, currency=currency)
    early = early_finding(system, span, judgement.rows)
    return (*decaying, *([early] if early else []))


def _aged(
    system: System, span: Span, judgement: WindowJudgement, digest: str, records: Sequence[WindowRecord]
) -> Ageing:
    return ageing(
        records,
        span,
        judgement.estimated,
        rows=judgement.rows,
        version=digest,
        trained_at=system.registry.find(digest).created_at,
        metric=system.settings.gate.metric,
        usual=load_watch(system.bundles, digest).reference.performance,
        margin=system.settings.gate.margin,
    )


def _alarm_state(system: System, digest: str, reference: Reference) -> AlarmState:
    kept = system.windows.fact(f"alarm:{digest}")
    if kept is None:
        return start(reference.channel_names, reference.history, constant={"contract": 0.0})
    return AlarmState.from_json(str(kept).encode())


def _contract_share(system: System, span: Span, good: int) -> float | None:
    inside = (pl.col("_time") >= span.start) & (pl.col("_time") < span.end) & (pl.col("_arm") == "fallback")
    if system.tables.version("predictions") is None:
        return None
    bad = system.tables.read("predictions", columns=["_id"], where=inside).height
    return bad / (good + bad) if good + bad else None


def _as_json(judgement: WindowJudgement, digest: str) -> dict[str, Json]:
    """Write what is kept of a judgement: JSON values only."""
    return {
        "version": digest,
        "rows": judgement.rows,
        "verdict": judgement.verdict,
        "findings": [finding_json(one) for one in judgement.findings],
        "estimated": {name: asdict(one) for name, one in judgement.estimated.items()},
        "uncorrected": {name: asdict(one) for name, one in judgement.uncorrected.items()},
        "budget": {"allowed": judgement.allowed, "spent": judgement.spent},
        "channels": dict(judgement.channels),
        "distances": {name: dict(one) for name, one in judgement.distances.items()},
    }


def finding_json(finding: Finding) -> dict[str, Json]:
    """Write a finding as JSON values."""
    kept = asdict(finding)
    return kept | {"severity": str(finding.severity), "since": finding.since.isoformat() if finding.since else None}


def _finding(kept: object) -> Finding:
    assert isinstance(kept, dict)
    since = datetime.fromisoformat(kept["since"]) if kept["since"] else None
    return Finding(**(kept | {"since": since, "severity": Severity(kept["severity"])}))
