from datetime import UTC, datetime, timedelta

from daytwo.core.finding import Severity
from daytwo.lifecycle.watchmen.beats import MONITORS, Course, beats, keep_beat, look_after, overdue
from daytwo.lifecycle.windows import LIVE_SINCE, Span, WindowRecord

SINCE = datetime(2013, 4, 1, tzinfo=UTC)
WEEK, DAY = timedelta(days=7), timedelta(days=1)
COURSE = Course(SINCE, WEEK, 2 * DAY)


def record(index, *, watched=True, settled=False):
    span = Span(index, SINCE + index * WEEK, SINCE + (index + 1) * WEEK)
    return WindowRecord(span, {"rows": 1} if watched else None, {"rows": 1} if settled else None)


def all_beat(at):
    return dict.fromkeys(MONITORS, at)


def test_nothing_is_overdue_before_a_version_is_live_or_while_all_is_in_time():
    now = SINCE + WEEK + timedelta(minutes=10)
    assert overdue({}, [], Course(None, WEEK, DAY), now) == []
    assert overdue(all_beat(now), [], COURSE, now) == []
    assert overdue(all_beat(now), [record(0)], COURSE, now) == []


def test_a_monitor_that_is_silent_for_half_an_hour_is_critical_even_if_it_never_beat():
    now = SINCE + timedelta(hours=1)
    found = overdue({"sources": now - timedelta(minutes=31)}, [], COURSE, now)
    assert [(one.kind, one.subject, one.severity) for one in found] == [
        ("monitor.heartbeat", "sources", Severity.CRITICAL),
        ("monitor.heartbeat", "windows", Severity.CRITICAL),
    ]
    assert found[1].since == SINCE


def test_a_window_that_nobody_judged_or_settled_is_named_once():
    now = SINCE + 3 * WEEK + timedelta(hours=1)
    found = overdue(all_beat(now), [record(0, settled=True), record(2)], COURSE, now)
    assert [(one.kind, one.subject) for one in found] == [("monitor.late", "w0001")]
    found = overdue(all_beat(now), [record(0), record(1, settled=True), record(2)], COURSE, now)
    assert [(one.kind, one.subject) for one in found] == [("monitor.unsettled", "w0000")]


def test_beats_are_kept_by_monitor_and_looked_after_by_the_settings(system):
    assert beats(system) == {}
    keep_beat(system, "sources", SINCE)
    keep_beat(system, "windows", SINCE + DAY)
    keep_beat(system, "sources", SINCE + DAY)
    assert beats(system) == all_beat(SINCE + DAY)
    assert look_after(system, SINCE + 9 * DAY) == []
    system.windows.keep_fact(LIVE_SINCE, SINCE.isoformat())
    kinds = [one.kind for one in look_after(system, SINCE + 8 * DAY)]
    assert kinds == ["monitor.heartbeat", "monitor.heartbeat", "monitor.late"]
