"""`daytwo retrain --why` and `daytwo policy backtest` on projects that are young, and on one with settled windows."""

import json


def test_a_project_with_nothing_live_says_so(tmp_path, rows_file, daytwo):
    daytwo("init", rows_file, "--target", "late", "--key", "trip", "--owner", "ana", "--into", tmp_path / "young")
    said = daytwo("retrain", "--why", "-C", tmp_path / "young")
    assert said.code == 2
    assert "nothing is live yet" in said.err


def test_a_young_version_says_what_is_still_to_come(project, daytwo):
    told = daytwo("retrain", "--why", "--json", "-C", project).json
    assert (told["policy"], told["version"], told["retrain"], told["window"]) == ("marginal", "v1", None, "")
    assert "a settled window" in told["changes"][0]
    said = daytwo("policy", "backtest", "-C", project)
    assert said.code == 1
    assert "a replay needs 4" in said.err


def test_the_calendar_says_when(project, daytwo):
    told = daytwo("retrain", "--why", "--json", "-C", project, DAYTWO_RETRAIN__POLICY="every 3d").json
    assert told["due"] is not None
    assert json.dumps(told["changes"]).count("a new version is due on") == 1


def test_a_policy_that_is_none_is_refused_with_what_is_one(project, daytwo):
    said = daytwo("retrain", "--why", "-C", project, DAYTWO_RETRAIN__POLICY="always")
    assert said.code == 2
    assert "'every 7d'" in said.err
