"""Which phase of the calendar a block belongs to, and whether that is worth telling apart."""

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from daytwo.monitoring.alarming.calendar import choose_calendar, phase_of

HOUR, DAY = 3_600, 86_400


@given(st.integers(-600_000_000, 4_000_000_000))
def test_phases_are_those_of_the_calendar(second):
    moment, at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second), np.datetime64(second, "s")
    assert phase_of("weekday", at) == str(moment.weekday())
    assert phase_of("hour of day", at) == str(moment.hour)
    assert phase_of("hour of week", at) == str(24 * moment.weekday() + moment.hour)
    assert phase_of("", at) == ""


def blocks(count, seconds):
    return [np.datetime64("2013-04-01T00:30") + np.timedelta64(seconds, "s") * i for i in range(count)]


def wobbling(count, rate=0.0):
    """Rows of 20 numbers that wander: each block is like the one before it by `rate`."""
    draw = np.random.default_rng(0)
    noise, found = draw.normal(size=(count, 20)), np.zeros((count, 20))
    for i in range(count):
        found[i] = rate * found[i - 1] + noise[i] if i else noise[i]
    return found


def test_weekdays_that_differ_are_told_apart_and_others_not():
    moments, shares = blocks(70, DAY), wobbling(70)
    assert choose_calendar(DAY, moments, shares, most=100) == ""
    shares[5::7, :6] += 2.0
    assert choose_calendar(DAY, moments, shares, most=100) == "weekday"
    assert choose_calendar(DAY, moments, shares, most=6) == ""
    assert choose_calendar(DAY, moments[:24], shares[:24], most=100) == ""


def test_weather_is_no_calendar():
    found = [choose_calendar(DAY, blocks(70, DAY), wobbling(70, rate), most=100) for rate in (0.5, 0.8, 0.95)]
    assert found == ["", "", ""]


def test_hours_are_told_apart_as_finely_as_blocks_allow():
    shares = wobbling(24 * 10)
    shares[[i for i in range(240) if 8 <= i % 24 < 18]] += 1.0
    assert choose_calendar(HOUR, blocks(240, HOUR), shares, most=500) == "hour of day"
    shares = wobbling(24 * 35)
    shares[[i for i in range(840) if i % 168 >= 120]] += 2.0
    assert choose_calendar(HOUR, blocks(840, HOUR), shares, most=500) == "hour of week"
    assert choose_calendar(6 * HOUR, blocks(840, HOUR), shares, most=500) == ""
    assert choose_calendar(HOUR, blocks(840, HOUR), np.ones((840, 3)), most=500) == ""
