"""alerts, value: what was found in windows, and what people did about it."""

from __future__ import annotations

import pytest


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
