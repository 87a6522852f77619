"""Beside monitor: the drill, the heartbeats, the budget, and a change taken as normal; on a real project."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from tests.cli.conftest import BEGIN, WEEK, made_up_rows

from daytwo.lifecycle.flow import InlineRun
from daytwo.lifecycle.versions import champion
from daytwo.lifecycle.watch import span_arguments, watch_window
from daytwo.lifecycle.watchmen.beats import keep_beat
from daytwo.lifecycle.windows import LIVE_SINCE, STANDS_AT, Span
from daytwo.wiring import open_system


def answer(system, rows: pl.DataFrame, span: Span, mark: str) -> None:
    """Answer rows in a window, as the server would have."""
    model = champion(system)
    assert model is not None
    at = [span.start + i * WEEK / rows.height for i in range(rows.height)]
    ids = [f"{mark}-{i}" for i in range(rows.height)]
    time = pl.Datetime("us", "UTC")
    told = rows.drop("at", "late").with_columns(
        pl.Series("at", [one.replace(tzinfo=None) for one in at], pl.Datetime("us")),
        pl.Series("_time", at, time),
        pl.Series("_received_at", at, time),
        pl.Series("_id", ids),
        pl.Series("_key", ids),
        pl.Series("_score", np.full(rows.height, 0.5)),
        pl.lit(False).alias("_act"),
        pl.lit(model.digest).alias("_version"),
        pl.lit("champion").alias("_arm"),
    )
    marks = [name for name in model.contract.features.names if name not in told.columns]
    system.tables.append("predictions", told.with_columns(pl.lit(False).alias(name) for name in marks), batch=mark)


def live(system, weeks: int, change=lambda rows, week: rows) -> None:
    system.windows.keep_fact(LIVE_SINCE, BEGIN.isoformat())
    for week in range(weeks):
        span = Span(week, BEGIN + week * WEEK, BEGIN + (week + 1) * WEEK)
        answer(system, change(made_up_rows(252, seed=100 + week), week), span, f"w{week}")
        watch_window(InlineRun(f"w{week}"), system, span_arguments(span))
    system.windows.keep_fact(STANDS_AT, (BEGIN + weeks * WEEK).isoformat())


@pytest.fixture
def judged(project):
    """A project with two quiet weeks."""
    live(open_system(project, {}), 2)
    return project


def state_of(project):
    system = open_system(project, {})
    facts = [str(system.windows.fact(name)) for name in (LIVE_SINCE, f"alarm:{champion(system).digest}")]
    return (*facts, len(system.windows.windows()), len(system.alerts.alerts()), system.tables.version("predictions"))


def test_a_drill_proves_that_an_alert_comes_and_leaves_nothing_but_its_record(daytwo, judged):
    before = state_of(judged)
    said = daytwo("monitor", "drill", "--column", "wind", "--shift", 2, "--json", "-C", judged)
    assert said.code == 0, said.out + said.err
    assert said.json["passed"]
    assert 1 <= said.json["found_after"] <= said.json["alerted_after"] <= 3
    assert said.json["alert"]
    assert state_of(judged) == before
    system = open_system(judged, {})
    assert system.windows.fact("last_drill")["passed"]
    assert next(one.entry for one in system.audit.read() if one.entry.action == "monitor drill").subject == "wind +2 sd"


def test_a_drill_without_an_alert_leaves_with_1_and_wrong_words_with_2(daytwo, judged):
    nothing = daytwo("monitor", "drill", "--column", "wind", "--shift", 0, "--windows", 2, "-C", judged)
    assert nothing.code == 1
    assert "Not found within 2 windows" in nothing.out
    holes = daytwo("monitor", "drill", "--column", "carrier", "-C", judged)
    assert holes.code == 0, holes.out + holes.err
    for wrong in (["--column", "gust"], ["--shift", 1, "--missing", 0.2], ["--send"]):
        assert daytwo("monitor", "drill", *wrong, "-C", judged).code in {1, 2}


def test_a_project_that_no_longer_ticks_is_overdue(daytwo, judged):
    system = open_system(judged, {})
    now = BEGIN + 2 * WEEK + timedelta(minutes=10)
    system.windows.keep_fact(STANDS_AT, now.isoformat())
    for monitor in ("sources", "windows"):
        keep_beat(system, monitor, now)
    fresh = daytwo("monitor", "beats", "--json", "-C", judged)
    assert [one["kind"] for one in fresh.json["overdue"]] == ["monitor.unsettled"]
    system.windows.keep_fact(STANDS_AT, (BEGIN + 3 * WEEK + timedelta(hours=1)).isoformat())
    late = daytwo("monitor", "beats", "-C", judged)
    assert late.code == 1
    assert "w0002" in late.out
    assert "is not judged" in late.out
    assert "no window has been judged or settled since 2013-04-15" in late.out


def test_the_budget_says_what_is_allowed_spent_and_how_long_a_shift_takes(daytwo, judged):
    told = daytwo("monitor", "budget", "--shift", 1, "--json", "-C", judged).json
    assert told["windows"] == 2
    assert told["spent"] == 0
    assert told["allowed"] == pytest.approx(2 * 7 / 91.3125)
    assert told["delays"]["wind"]["median"] <= 8
    words = daytwo("monitor", "budget", "-C", judged).out
    assert "1 per quarter" in words
    assert "wind" in words


def test_a_change_is_taken_as_normal_by_name_and_only_where_one_is_open(daytwo, judged):
    refused = daytwo("monitor", "acknowledge", "--as", "ana", "-C", judged)
    assert refused.code != 0
    assert "no drift alarm is open" in refused.err
    system = open_system(judged, {})
    live(system, 4, lambda rows, week: rows.with_columns(pl.col("wind") + 15) if week > 1 else rows)
    said = daytwo("monitor", "acknowledge", "--as", "ana", "--json", "-C", judged)
    assert said.code == 0, said.err
    assert "wind" in said.json["learnt_anew"]
    assert [one.entry.actor for one in system.audit.read() if one.entry.action == "acknowledge change"] == ["ana"]
