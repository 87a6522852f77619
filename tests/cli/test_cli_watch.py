"""monitor, alerts, value: what was found in windows, and what people did about it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from daytwo.alerts.alerts import take_in
from daytwo.core.finding import Finding, Severity
from daytwo.lifecycle.windows import Span, WindowRecord
from daytwo.value.costs import Cost
from daytwo.wiring import open_system

BEGIN = datetime(2013, 4, 1, tzinfo=UTC)
WEEK = timedelta(days=7)


def figure(value, spread=0.02):
    return {"value": value, "low": value - spread, "high": value + spread, "maturity": None}


@pytest.fixture
def watched(project):
    """Three windows: two settled, the newest only watched, and two alerts."""
    system = open_system(project, {})
    finding = {
        "kind": "drift.column",
        "subject": "wind",
        "severity": "warning",
        "summary": "wind has moved",
        "next_step": "",
    }
    for index in range(3):
        span = Span(index, BEGIN + index * WEEK, BEGIN + (index + 1) * WEEK)
        seen = {
            "version": "0" * 64,
            "rows": 100 + index,
            "verdict": "drift" if index == 2 else "ok",
            "findings": [finding] if index == 2 else [],
            "estimated": {"roc_auc": figure(0.8 - index / 100), "money": figure(50.0, 5.0)},
            "budget": {"allowed": 0.07, "spent": 1},
        }
        came = {
            "rows": 100 + index,
            "labelled": 90,
            "champion_digest": "0" * 64,
            "live": {"roc_auc": figure(0.79), "money": figure(60.0, 5.0)},
            "static": {"roc_auc": figure(0.75), "money": figure(40.0, 5.0)},
            "decision": {"retrain": False, "words": "leave it: a fresh model would do no better"},
        }
        system.windows.put(WindowRecord(span, seen, came if index < 2 else None))
    findings = [
        Finding("drift.column", "wind", Severity.WARNING, "wind has moved", money_per_day=12.0, owner="ana"),
        Finding(
            "contract.type", "seats", Severity.CRITICAL, "seats [text] came as words", owner="ana", next_step="See"
        ),
    ]
    for alert in take_in(findings, (), at=BEGIN + 3 * WEEK, opened_by="watch w0002").opened:
        system.alerts.put(alert)
    system.costs.add(Cost("one", BEGIN, "training", 1.0, "cpu_s", 5.0))
    system.audit._engine.dispose()
    return project


def test_monitor_shows_the_newest_window_or_the_one_asked_for(daytwo, watched):
    told = daytwo("monitor", "--json", "-C", watched).json
    assert set(told) >= {"window", "rows", "verdict", "findings", "estimated", "realised", "budget"}
    assert (told["window"], told["rows"], told["verdict"]) == ("w0002", 102, "drift")
    assert told["estimated"]["roc_auc"] == {"value": 0.78, "low": pytest.approx(0.76), "high": pytest.approx(0.8)}
    assert told["realised"] == {"maturity": None}
    assert told["findings"][0]["subject"] == "wind"
    assert told["budget"] == {"allowed": 0.07, "spent": 1}
    first = daytwo("monitor", "--window", 0, "--json", "-C", watched).json
    assert first["realised"]["roc_auc"]["value"] == 0.79
    assert first["realised"]["maturity"] == 0.9
    words = daytwo("monitor", "--window", 0, "-C", watched).out
    assert "Retraining: leave it" in words
    assert "ROC AUC" in words
    missing = daytwo("monitor", "--window", 8, "-C", watched)
    assert missing.code == 2
    assert "no window 8" in missing.err


def test_monitor_before_any_window_has_ended(daytwo, live_project):
    assert "No window has ended yet" in daytwo("monitor", "-C", live_project).out
    assert daytwo("monitor", "--json", "-C", live_project).json["window"] is None


def test_alerts_are_listed_taken_up_and_closed(daytwo, watched):
    listed = daytwo("alerts", "list", "--json", "-C", watched).json["alerts"]
    assert [one["subject"] for one in listed] == ["wind", "seats"]
    wind, seats = (one["id"] for one in listed)
    assert daytwo("alerts", "-C", watched, "--json").json == {"alerts": listed}
    assert daytwo("alerts", "-C", watched).out == daytwo("alerts", "list", "-C", watched).out
    words = daytwo("alerts", "list", "-C", watched).out
    assert "seats [text] came as words" in words.replace("\n", " ")
    assert daytwo("alerts", cwd=watched).out == words.replace(f" -C {watched}", "")
    assert daytwo("alerts", "ack", wind, "--as", "ana", "-C", watched).code == 0
    closed = daytwo("alerts", "close", seats[:6], "--as", "ana", "--verdict", "false", "--json", "-C", watched).json
    assert closed["verdict"] == "false"
    left = daytwo("alerts", "list", "--json", "-C", watched).json["alerts"]
    assert [(one["subject"], one["acknowledged_by"]) for one in left] == [("wind", "ana")]
    assert len(daytwo("alerts", "list", "--all", "--json", "-C", watched).json["alerts"]) == 2
    again = daytwo("alerts", "close", seats, "--as", "ana", "--verdict", "true", "-C", watched)
    assert again.code == 1
    assert "was closed by ana" in again.err
    assert daytwo("alerts", "ack", "nothing", "--as", "ana", "-C", watched).code == 2
    actions = [one["entry"]["action"] for one in daytwo("audit", "--json", "-C", watched).json["log"]]
    assert actions[-2:] == ["acknowledge alert", "close alert"]


def test_value_adds_up(daytwo, watched):
    told = daytwo("value", "--json", "-C", watched).json
    assert (told["live"], told["static"], told["rows"]) == (120.0, 80.0, 180)
    assert told["cost"] == pytest.approx(sum(told["costs"].values()))
    assert told["net"] == pytest.approx(120.0 - told["cost"])
    assert [one["live"]["value"] for one in told["windows"]] == [60.0, 60.0]
    assert daytwo("status", "-C", watched, "--json").json["value"]["live"] == 120.0
    words = daytwo("value", "-C", watched).out
    assert "120 USD" in words
    assert "net." in words


def test_value_before_any_window_is_settled(daytwo, live_project):
    told = daytwo("value", "--json", "-C", live_project).json
    assert told["net"] is None
    assert told["cost"] > 0
    assert "unknown" in daytwo("value", "-C", live_project).out


@pytest.mark.parametrize(("group", "word"), [("alerts", "list"), ("audit", "verify")])
def test_an_option_before_the_word_it_is_meant_for_is_not_lost_in_silence(daytwo, group, word):
    said = daytwo(group, "--json", word)
    assert said.code == 2
    assert f"--json belongs behind 'daytwo {group} {word}'" in said.err
