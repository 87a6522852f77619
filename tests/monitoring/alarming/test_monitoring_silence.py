"""Silence: as long as ever at that time of day and week, and some more; how often that is wrong is counted here."""

import numpy as np
import pytest

from daytwo.monitoring.alarming.silence import Wait, longest_usual

HOUR = 3_600.0


def test_with_less_than_a_week_nothing_is_said():
    assert longest_usual([], 0, 0) is None
    assert longest_usual([Wait(day, 2, 60.0) for day in range(6)], 6, 2) is None
    assert longest_usual([Wait(day, 2, 60.0) for day in range(7)], 7, 2) is not None


def test_a_feed_by_the_clock_is_missed_soon_after_its_time():
    daily = [Wait(day, 2, 24 * HOUR + 60 * (day % 3)) for day in range(14)]
    assert longest_usual(daily, 14, 2) < 26.6 * HOUR
    minutely = [Wait(day, hour, 61.0) for day in range(14) for hour in range(24)]
    assert longest_usual(minutely, 14, 9) == 61.0 + 900.0


def test_nights_are_quiet_and_days_are_not():
    waits = [Wait(day, hour, 60.0) for day in range(14) for hour in range(6, 21)]
    waits += [Wait(day, 21, 9 * HOUR) for day in range(14)]
    assert longest_usual(waits, 14, 21) > 9 * HOUR
    assert longest_usual(waits, 14, 12) < 0.3 * HOUR


def test_weekends_are_quiet_once_three_weeks_are_known():
    def weeks(n):
        return [Wait(day, 17, (63.0 if day % 7 == 4 else 15.0) * HOUR) for day in range(7 * n) if day % 7 < 5]

    wednesday, friday = 2, 4
    assert longest_usual(weeks(2), 14 + wednesday, 17) > 63 * HOUR  # not known yet that only Fridays are so
    assert longest_usual(weeks(4), 28 + wednesday, 17) < 17 * HOUR
    assert longest_usual(weeks(4), 28 + friday, 17) > 63 * HOUR


def counted(rate_a_day: float, days: int, *, nights: bool) -> float:
    """False silences a year of rows that come at random, judged by the four weeks before."""
    random = np.random.default_rng(int(rate_a_day) + nights)
    hours = np.arange(24 * days) % 24
    rates = np.where((hours < 6) & nights, 0.05, 1.0) * rate_a_day / 24
    came = np.repeat(np.arange(24 * days), random.poisson(rates)) * HOUR
    came = np.sort(came + random.uniform(0, HOUR, came.size))
    longest: dict[int, dict[int, float]] = {}
    for begin, wait in zip(came[:-1], np.diff(came), strict=True):
        hour = longest.setdefault(int(begin // 86_400), {})
        hour[int(begin % 86_400 // HOUR)] = max(wait, hour.get(int(begin % 86_400 // HOUR), 0.0))
    false = 0
    for day in range(28, days - 7):
        past = [Wait(one, hour, wait) for one in range(day - 28, day) for hour, wait in longest.get(one, {}).items()]
        for hour, wait in longest.get(day, {}).items():
            limit = longest_usual(past, day, hour)
            false += limit is not None and wait > limit
    return false / (days - 35) * 365.25


@pytest.mark.parametrize("nights", [False, True])
@pytest.mark.parametrize(("rate", "days", "a_year"), [(1, 1000, 3.0), (6, 600, 8.0), (24, 300, 8.0), (240, 120, 3.0)])
def test_false_silences_a_year_are_few(rate, days, a_year, nights):
    assert counted(rate, days, nights=nights) <= a_year
