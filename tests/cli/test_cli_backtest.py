"""`daytwo backtest`: windows of the past of a real project; nothing of it is kept."""

from pathlib import Path


def kept(folder: Path) -> dict[str, int]:
    return {str(one.relative_to(folder)): one.stat().st_mtime_ns for one in folder.rglob("*.parquet")}


def test_windows_of_the_past_are_tested_and_nothing_is_kept(project, daytwo):
    before = kept(project)
    told = daytwo("backtest", "--windows", "2", "--json", "-C", project, DAYTWO_MONITOR__WINDOW="1d").json
    assert [one["end"] for one in told["windows"]][:-1] == [one["start"] for one in told["windows"]][1:]
    assert all(one["known"] < one["start"] for one in told["windows"])
    whole = told["together"]["evaluation"]
    assert whole["rows"] == sum(one["evaluation"]["rows"] for one in told["windows"])
    assert whole["figures"]["roc_auc"]["low"] < whole["figures"]["roc_auc"]["value"] < 1
    said = daytwo("backtest", "--windows", "2", "-C", project, DAYTWO_MONITOR__WINDOW="1d")
    assert said.code == 0
    assert "learned from" in said.out
    assert before == kept(project)


def test_windows_without_a_past_are_told(project, daytwo):
    said = daytwo("backtest", "--windows", "1", "-C", project, DAYTWO_MONITOR__WINDOW="3650d")
    assert said.code == 2
    assert "none of the last 1 windows can be tested" in said.err
