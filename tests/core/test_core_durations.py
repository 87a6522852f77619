"""Durations and rates, as people write them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.core.durations import duration, rate_per_day
from daytwo.core.errors import SettingsError

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@given(st.integers(0, 10_000), st.sampled_from(sorted(SECONDS)))
def test_a_duration_is_its_number_of_units(number, unit):
    assert duration(f"{number}{unit}") == duration(f"  {number} {unit} ") == timedelta(seconds=number * SECONDS[unit])


def test_a_fraction_of_a_unit():
    assert duration("1.5h") == timedelta(minutes=90)


@pytest.mark.parametrize("text", ["", "2", "d", "-2d", "2 days", "2d 3h", "1e3s", ".5d", "nan d", "2D"])
def test_what_is_no_duration_is_refused_with_an_example(text):
    with pytest.raises(SettingsError, match=r"no duration.*such as '2d'"):
        duration(text)


@pytest.mark.parametrize("text", ["9999999999w", "9" * 400 + "d"])
def test_a_duration_longer_than_a_calendar_is_refused(text):
    with pytest.raises(SettingsError, match="too long a duration"):
        duration(text)


@pytest.mark.parametrize(
    ("text", "per_day"),
    [
        ("1 per day", 1),
        ("7 per week", 1),
        ("1 per quarter", 4 / 365.25),
        ("12 per year", 12 / 365.25),
        ("0.5 per month", 6 / 365.25),
    ],
)
def test_rates_are_events_a_day(text, per_day):
    assert rate_per_day(text) == pytest.approx(per_day, rel=1e-12)


@pytest.mark.parametrize("text", ["", "1 per fortnight", "one per day", "1 a day", "-1 per day", "1 per"])
def test_what_is_no_rate_is_refused_with_the_periods_there_are(text):
    with pytest.raises(SettingsError, match=r"no rate.*quarter"):
        rate_per_day(text)
