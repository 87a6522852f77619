"""Rows past their time go, in all tables, once a day, and it is said; what versions were learned from stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from daytwo.lifecycle.flow import InlineRunner
from daytwo.lifecycle.retention import cut, kept_rows
from daytwo.lifecycle.rows import DATASET
from daytwo.lifecycle.worker import flows, tick
from daytwo.predictions.table_columns import PREDICTION
from daytwo.wiring import open_system

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MOMENT = pl.Datetime("us", "UTC")


def old_and_new(system):
    """Put one row of two years ago and one of yesterday into every table."""
    times = [NOW - timedelta(days=730), NOW - timedelta(days=1)]
    texts = {name: ["old", "new"] for name in ("_id", "_key")}
    frames = {
        "predictions": {**texts, "_received_at": times, "_time": times, "_arm": ["fallback"] * 2, "_score": [0.5] * 2},
        "shadow": {"_id": texts["_id"], "_time": times},
        "labels": {"_prediction": texts["_id"], "_key": [None, None], "label": [1.0, 0.0], "received_at": times},
        "feedback": {"_prediction": texts["_id"], "at": times},
    }
    for table, columns in frames.items():
        frame = pl.DataFrame(columns, schema_overrides={"_key": pl.String})
        if table == "predictions":
            frame = frame.with_columns(
                pl.lit(None, kind).alias(name) for name, kind in PREDICTION.items() if name not in columns
            )
        system.tables.append(table, frame, batch="two")


def test_what_is_past_its_time_goes_once_a_day_and_is_told(project, daytwo):
    system = open_system(project, {})
    old_and_new(system)
    learned = system.tables.read(DATASET).height
    before = {one.table: one for one in kept_rows(system, NOW)}
    assert (before["predictions"].past, before["predictions"].oldest) == (1, NOW - timedelta(days=730))

    events = tick(system, InlineRunner(flows(system)), NOW)
    (told,) = [one.words for one in events if one.kind == "removed"]
    assert told == "rows past their time: 1 of predictions, 1 of shadow, 1 of labels, 1 of feedback"
    for table in ("predictions", "shadow"):
        assert system.tables.read(table)["_id"].to_list() == ["new"]
    assert system.tables.read(DATASET).height == learned
    entries = [one.entry for one in system.audit.read() if one.entry.action == "old rows removed"]
    assert [entry.detail["rows"]["labels"] for entry in entries] == [1]

    runner = InlineRunner(flows(system))
    assert not [one for one in tick(system, runner, NOW + timedelta(days=1)) if one.kind == "removed"]
    shown = daytwo("retention", "-C", project, "--json").json
    assert {one["table"]: one["past"] for one in shown["tables"]}["predictions"] == 0


def test_a_person_may_have_it_done_at_once_or_keep_everything(project, daytwo):
    old_and_new(open_system(project, {}))
    kept = daytwo("retention", "--now", "-C", project, "--json", DAYTWO_DATA__RETENTION_DAYS="0").json
    assert (kept["before"], kept["removed"]) == (None, {})
    said = daytwo("retention", "--now", "-C", project)
    assert "1 rows removed of predictions" in said.out
    assert "Everything is kept" in daytwo("retention", "-C", project, DAYTWO_DATA__RETENTION_DAYS="0").out


def test_rows_are_never_forgotten_before_they_were_learned_from(project):
    system = open_system(project, {"DAYTWO_DATA__RETENTION_DAYS": "60"})
    assert "90d" in system.settings.retrain.windows
    assert cut(system, NOW) == NOW - timedelta(days=90)
    late = open_system(project, {"DAYTWO_DATA__RETENTION_DAYS": "60", "DAYTWO_MONITOR__LABEL_DELAY": "365d"})
    assert cut(late, NOW) < NOW - timedelta(days=365)
