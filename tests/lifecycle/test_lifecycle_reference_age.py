from datetime import UTC, datetime, timedelta

from daytwo.lifecycle.reference_age import stale_reference
from daytwo.monitoring.alarming.alarm import AlarmState

NOW = datetime(2014, 4, 1, tzinfo=UTC)
QUIET = AlarmState(("a", "b", "c", "d"), ())


def test_a_reference_of_this_year_whose_channels_are_quiet_is_fresh():
    assert stale_reference(NOW - timedelta(days=365), NOW, QUIET) is None


def test_a_reference_older_than_a_year_is_stale_since_then():
    found = stale_reference(NOW - timedelta(days=400), NOW, QUIET)
    assert found is not None
    assert found.since == NOW - timedelta(days=35)
    assert "400 days old" in found.summary


def test_a_reference_that_half_of_the_channels_have_left_is_stale():
    moved = AlarmState(QUIET.names, (), open={"a": 0, "c": 3})
    found = stale_reference(NOW - timedelta(days=30), NOW, moved)
    assert found is not None
    assert "50% of its channels have moved" in found.summary
    assert found.evidence == {"days": 30, "moved": 0.5}
