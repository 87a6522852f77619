"""monitor: how windows were judged, as JSON and in words; the verdict is the exit code."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daytwo.wiring import open_system

KEYS = {"window", "rows", "verdict", "findings", "estimated", "realised", "budget"}


def test_monitor_shows_the_newest_window_or_the_one_asked_for(daytwo, watched):
    said = daytwo("monitor", "--json", "-C", watched)
    told = said.json
    assert said.code == 0
    assert set(told) == KEYS
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
    assert "Labels: 90% of the rows have theirs." in words
    assert "ROC AUC" in words
    missing = daytwo("monitor", "--window", 8, "-C", watched)
    assert missing.code == 2
    assert "no window 8" in missing.err


def test_monitor_shows_the_last_few_windows(daytwo, watched):
    told = daytwo("monitor", "--last", 2, "--json", "-C", watched).json
    assert [one["window"] for one in told["windows"]] == ["w0001", "w0002"]
    assert all(set(one) == KEYS for one in told["windows"])
    words = daytwo("monitor", "--last", 2, "-C", watched).out
    assert "w0001: ok" in words
    assert "w0000" not in words
    both = daytwo("monitor", "--last", 2, "--window", 1, "-C", watched)
    assert both.code == 2
    assert "exclude each other" in both.err


def test_monitor_shows_the_windows_of_one_version(daytwo, watched):
    system = open_system(watched, {})
    digest = system.registry.find("v1").digest
    newest = system.windows.windows()[-1]
    system.windows.put(replace(newest, watched=newest.watched | {"version": digest}))
    system.audit._engine.dispose()
    assert daytwo("monitor", "--model", "v1", "--json", "-C", watched).json["window"] == "w0002"
    assert daytwo("monitor", "--model", "v1", "--window", 0, "-C", watched).code == 2
    unknown = daytwo("monitor", "--model", "v7", "-C", watched)
    assert unknown.code == 2
    assert "v7" in unknown.err


def test_a_window_that_went_worse_leaves_with_1(daytwo, watched):
    system = open_system(watched, {})
    newest = system.windows.windows()[-1]
    system.windows.put(replace(newest, watched=newest.watched | {"verdict": "worse"}))
    system.audit._engine.dispose()
    said = daytwo("monitor", "--json", "-C", watched)
    assert (said.code, said.json["verdict"]) == (1, "worse")
    assert daytwo("monitor", "--window", 1, "-C", watched).code == 0
    words = daytwo("monitor", "-C", watched)
    assert words.code == 1
    assert "doing worse than usual" in words.out


def test_monitor_before_any_window_has_ended(daytwo, live_project):
    assert "No window has ended yet" in daytwo("monitor", "-C", live_project).out
    said = daytwo("monitor", "--json", "-C", live_project)
    assert (said.code, said.json["window"]) == (0, None)
    assert set(said.json) == KEYS


def test_options_before_a_word_are_not_lost_in_silence(daytwo):
    assert daytwo("monitor", "nothing").code == 2


def test_monitor_says_on_what_evidence_an_estimate_is_corrected(daytwo, watched):
    system = open_system(watched, {})
    newest = system.windows.windows()[-1]
    late = {"value": -0.031, "standard_error": 0.005, "applies": True, "windows": 2, "labels_until": 1}
    figures = {"roc_auc": newest.watched["estimated"]["roc_auc"] | {"method": "CBPE, corrected by late labels"}}
    kept = {"estimated": figures, "late_labels": {"roc_auc": late, "f1": late | {"applies": False}}}
    system.windows.put(replace(newest, watched=newest.watched | kept))
    system.audit._engine.dispose()
    told = daytwo("monitor", "-C", watched).out
    assert "Expected by CBPE, corrected by late labels." in told
    assert "Late labels of 2 windows, up to w0001: the estimate of ROC AUC is off by \N{MINUS SIGN}0.031" in told
    assert "F1" not in told
