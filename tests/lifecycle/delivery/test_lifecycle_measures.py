"""The four measures of delivery, by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from daytwo.lifecycle.delivery.measures import Delivery, measure_delivery
from daytwo.lifecycle.releases import Release, State
from daytwo.registry.route import Route
from daytwo.registry.versions import RouteChange

BEGIN = datetime(2013, 4, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def change(generation, champion, after, cause="advance", **more):
    return RouteChange(Route(generation, champion, **more), BEGIN + after, "daytwo", "", cause)


def test_nothing_live_measures_nothing():
    assert measure_delivery((), (), BEGIN) == Delivery(0, 0, None, None, None, None)


def test_two_versions_of_which_one_is_taken_back():
    releases = (
        Release("release-1", State.LIVE, "", "ana", BEGIN - HOUR, BEGIN, digest="a"),
        Release("release-2", State.ROLLED_BACK, "", "ana", BEGIN + 10 * DAY, BEGIN, digest="b"),
    )
    history = (
        change(1, "a", 0 * DAY),
        change(2, "a", 11 * DAY, canary="b", canary_share=0.05),
        change(3, "b", 13 * DAY),
        change(4, "a", 15 * DAY, "rollback:ben"),
    )
    found = measure_delivery(history, releases, BEGIN + 60 * DAY)
    assert (found.deployments, found.failures, found.per_month, found.failure_rate) == (2, 1, 1.0, 0.5)
    assert found.lead_time_s == pytest.approx((3600 + 3 * 86_400) / 2)
    assert found.restore_s == 2 * 86_400
