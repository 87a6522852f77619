"""Clocks: always UTC, never naive."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from daytwo.core.clock import ManualClock, SystemClock

NOON = datetime(2013, 4, 1, 12, tzinfo=UTC)


def test_the_system_clock_tells_utc():
    before = datetime.now(UTC)
    told = SystemClock().now()
    assert told.tzinfo is UTC
    assert before <= told <= datetime.now(UTC)


def test_a_manual_clock_stands_still_until_it_is_set():
    clock = ManualClock(NOON)
    assert clock.now() == clock.now() == NOON
    clock.set(NOON + timedelta(hours=1))
    assert clock.now() == NOON + timedelta(hours=1)


def test_a_moment_of_another_zone_is_told_in_utc():
    clock = ManualClock(datetime(2013, 4, 1, 8, tzinfo=timezone(timedelta(hours=-4))))
    assert clock.now() == NOON
    assert clock.now().tzinfo is UTC


def test_a_naive_moment_is_refused():
    with pytest.raises(ValueError, match="aware"):
        ManualClock(datetime(2013, 4, 1))  # noqa: DTZ001 - that is the point
