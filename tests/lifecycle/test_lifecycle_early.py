"""Answers about times before the first version went live are in no window: they are counted and told, not lost."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from daytwo.core.finding import Severity
from daytwo.core.settings import ModelSettings
from daytwo.lifecycle.early import Early, early_answers, early_finding
from daytwo.lifecycle.windows import LIVE_SINCE, Span

LIVE = datetime(2013, 4, 1, 12, tzinfo=UTC)
HOUR, WEEK = timedelta(hours=1), timedelta(days=7)
FIRST = Span(0, LIVE, LIVE + WEEK)
SECOND = Span(1, LIVE + WEEK, LIVE + 2 * WEEK)


def answer(system, times, *, received=LIVE + HOUR, arm="champion"):
    """Keep answers about these times, all received at once."""
    moment = pl.Datetime("us", "UTC")
    rows = pl.DataFrame(
        {"_time": times, "_received_at": [received] * len(times), "_arm": [arm] * len(times)},
        schema_overrides={"_time": moment, "_received_at": moment},
    )
    system.tables.append("predictions", rows, batch=f"{arm} {received} {times[0]} {len(times)}")


@pytest.fixture
def live(system):
    system.windows.keep_fact(LIVE_SINCE, LIVE.isoformat())
    return replace(system, settings=replace_time(system.settings, "at"))


def replace_time(settings, column):
    model = ModelSettings(name="flights", target="late", time=column)
    return type(settings)(model=model, data=settings.data)


def test_before_anything_is_live_or_answered_nothing_is_early(system, live):
    assert early_answers(live) is None
    answer(live, [LIVE, LIVE + HOUR])
    assert early_answers(live) is None
    assert early_finding(live, FIRST, 2) is None


def test_every_answer_is_in_a_window_or_among_the_early_ones(live):
    times = [LIVE - WEEK, LIVE - HOUR, LIVE - timedelta(microseconds=1), LIVE, LIVE + HOUR, LIVE + WEEK]
    answer(live, times)
    answer(live, [LIVE - 2 * WEEK], arm="fallback")  # answered without the model: judged by the contract's share
    early = early_answers(live)
    assert early == Early(3, LIVE - WEEK, LIVE - timedelta(microseconds=1), LIVE)
    in_windows = sum(span.start <= time < span.end for time in times for span in (FIRST, SECOND))
    assert early.rows + in_windows == len(times)


def test_people_are_told_by_the_window_in_which_they_came(live):
    answer(live, [LIVE - WEEK] * 40)
    answer(live, [LIVE - HOUR] * 10, received=LIVE + WEEK)
    told = early_finding(live, FIRST, 0)
    assert told is not None
    assert (told.kind, told.subject, told.severity) == ("traffic.early", "at", Severity.WARNING)
    assert told.summary.startswith("40 answers are about times before the first version went live on 2013-04-01 12:00")
    assert told.evidence["rows"] == 40
    assert told.owner == "data@airline.example"
    second = early_finding(live, SECOND, 0)
    assert second is not None
    assert second.evidence["rows"] == 10


@pytest.mark.parametrize(("held", "is_told"), [(189, True), (190, False)])
def test_the_few_of_the_first_hour_are_counted_and_not_told(live, held, is_told):
    answer(live, [LIVE - HOUR] * 10)
    assert (early_finding(live, FIRST, held) is not None) is is_told
    early = early_answers(live)
    assert early is not None
    assert early.rows == 10
