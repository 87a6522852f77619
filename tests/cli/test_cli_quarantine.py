"""`daytwo quarantine` on rows of a file: listed by rule, exported, tried, mended, taken in again, or given up."""

import polars as pl
import pytest


@pytest.fixture
def broken(daytwo, project, rows_file, tmp_path):
    """A project that took in a file of which the first two rows have a wind a million times too strong."""
    rows = (
        pl.read_parquet(rows_file)
        .head(20)
        .with_columns(trip=pl.col("trip") + "-again", at=pl.col("at").dt.offset_by("10y"))
    )
    wind = [value * (1e6 if number < 2 else 1.0) for number, value in enumerate(rows["wind"])]
    rows.with_columns(wind=pl.Series(wind)).write_parquet(tmp_path / "june.parquet")
    assert daytwo("ingest", "june.parquet", "-C", project).code == 0

    def say(*arguments):
        return daytwo("quarantine", *arguments, "-C", project)

    return say


def test_rows_are_listed_by_rule_and_exported(broken, tmp_path):
    told = broken("list", "--source", "june.parquet", "--json").json
    wind = next(rule for rule in told["rules"] if rule["column"] == "wind")
    assert (wind["source"], wind["rows"], wind["share"]) == ("june.parquet", 2, 0.1)
    shown = broken("list", "--column", "wind", "--since", "6h", "--limit", "1")
    assert "10%" in shown.out
    assert "The first 1" in shown.out
    assert broken("list", "--until", "2013-01-01", "--json").json["rows"] == 0
    wrong = broken("list", "--since", "lately")
    assert wrong.code == 2
    assert "is no time" in wrong.err
    assert broken("list", "--export", "out.csv", "--json").json["rows"] == told["rows"]
    assert pl.read_csv(tmp_path / "out.csv").height == told["rows"]


def test_rows_are_tried_mended_and_taken_in_again(broken):
    how = ("--column", "wind", "--scale", "wind=1e-6")
    tried = broken("repair", *how, "--dry-run")
    assert "2 rows would pass the contract; 0 rows would still break it. Nothing is changed." in tried.out
    assert "Say who" in broken("repair", *how).err
    assert "Say how" in broken("repair", "--as", "ana").err
    wrong = broken("repair", "--column", "wind", "--scale", "wind=2", "--as", "ana", "--json").json
    assert (wrong["repaired"], wrong["still_bad"], wrong["rules"][0]["column"]) == (0, 2, "wind")
    assert "no repaired row matches" in broken("replay", "--as", "ana").err
    done = broken("repair", *how, "--as", "ana")
    assert "2 rows mended, as the contract wants them; 0 rows still break it" in done.out
    (one, _) = broken("list", "--state", "repaired", "--json").json["quarantine"]
    assert one["mended"]["wind"] == pytest.approx(one["row"]["wind"] * 1e-6)
    replayed = broken("replay", "--as", "ana")
    assert "2 rows were mended and taken in anew, 0 still break the contract." in replayed.out
    shown = broken("show", one["id"])
    assert "replayed." in shown.out
    assert "replay-" in shown.out
    events = broken("show", one["id"], "--json").json["events"]
    assert [event["status"] for event in events] == ["repaired", "sending", "replayed"]
