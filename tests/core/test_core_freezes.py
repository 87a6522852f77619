from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.core.errors import SettingsError
from daytwo.core.freezes import frozen_by, read_freeze


@pytest.mark.parametrize(
    ("text", "moment", "holds"),
    [
        ("2026-12-19 to 2027-01-03", datetime(2026, 12, 19, 0, 0, tzinfo=UTC), True),
        ("2026-12-19 to 2027-01-03", datetime(2026, 12, 18, 23, 59, tzinfo=UTC), False),
        ("2026-12-19 to 2027-01-03", datetime(2027, 1, 3, 23, 59, tzinfo=UTC), True),
        ("2026-12-19 to 2027-01-03", datetime(2027, 1, 4, 0, 0, tzinfo=UTC), False),
        ("fri 16:00 to mon 08:00", datetime(2026, 11, 20, 15, 59, tzinfo=UTC), False),
        ("fri 16:00 to mon 08:00", datetime(2026, 11, 20, 16, 0, tzinfo=UTC), True),
        ("fri 16:00 to mon 08:00", datetime(2026, 11, 23, 7, 59, tzinfo=UTC), True),
        ("fri 16:00 to mon 08:00", datetime(2026, 11, 23, 8, 0, tzinfo=UTC), False),
        ("tue 22:00 to tue 23:00", datetime(2026, 11, 24, 22, 30, tzinfo=UTC), True),
        ("tue 22:00 to tue 23:00", datetime(2026, 11, 24, 21, 30, tzinfo=UTC), False),
    ],
)
def test_a_freeze_holds_from_its_first_moment_until_before_its_end(text, moment, holds):
    assert read_freeze(text).holds(moment) is holds


@given(st.datetimes(timezones=st.just(UTC)), st.integers(-500, 500))
def test_weekly_ones_come_again_every_seven_days(moment, weeks):
    freeze, now = (
        read_freeze("sat 00:00 to mon 06:30"),
        moment.replace(year=1990 + moment.year % 100, day=min(moment.day, 28)),
    )
    assert freeze.holds(now) == freeze.holds(now + weeks * timedelta(days=7))
    after = (now - timedelta(hours=6, minutes=30)).weekday() in {5, 6} or (now.weekday() == 5)
    assert freeze.holds(now) == after


@pytest.mark.parametrize(
    "text",
    ["", "weekends", "2026-02-30 to 2026-03-01", "2026-03-02 to 2026-03-01", "fri 25:00 to mon 08:00", "fri to mon"],
)
def test_what_is_no_time_is_refused_with_an_example(text):
    with pytest.raises(SettingsError, match="is no time in which nothing moves") as told:
        read_freeze(text)
    assert "fri 16:00 to mon 08:00" in told.value.hint


def test_the_first_that_holds_is_named():
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert frozen_by(("2026-12-19 to 2027-01-03", "fri 16:00 to mon 08:00"), now) == "fri 16:00 to mon 08:00"
    assert frozen_by((), now) == ""
