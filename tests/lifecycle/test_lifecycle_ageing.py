"""Kept windows become a line: labels where enough are known, else estimates, never both."""

from datetime import UTC, datetime, timedelta

import pytest

from daytwo.lifecycle.ageing import ageing
from daytwo.lifecycle.windows import Span, WindowRecord
from daytwo.monitoring.estimating.performance import Estimate

BEGIN, WEEK = datetime(2013, 4, 1, tzinfo=UTC), timedelta(days=7)


def figure(value, error):
    return {
        "value": value,
        "low": value - 2 * error,
        "high": value + 2 * error,
        "method": "CBPE",
        "standard_error": error,
        "maturity": None,
    }


def span(index):
    return Span(index, BEGIN + index * WEEK, BEGIN + (index + 1) * WEEK)


def record(index, *, version="a", labelled=True):
    watched = {
        "version": version,
        "rows": 200,
        "estimated": {"roc_auc": figure(0.8, 0.01), "money": figure(400.0, 20.0)},
    }
    settled = {
        "champion_digest": version,
        "labelled": 100,
        "champion": {
            "roc_auc": figure(0.8 - 0.007 * index, 0.005),
            "money": figure(100 * (2.0 - 0.07 * index), 1.0),
        },
    }
    return WindowRecord(span(index), watched, settled if labelled else None)


def fitted(records, newest=8):
    estimates = {"roc_auc": Estimate(0.8, 0.78, 0.82, "CBPE", 0.01), "money": Estimate(400, 360, 440, "CBPE", 20.0)}
    return ageing(
        records,
        span(newest),
        estimates,
        rows=200,
        version="a",
        trained_at=BEGIN - timedelta(days=10),
        metric="roc_auc",
        usual={"roc_auc": (0.8, 0.005)},
        margin=0.1,
    )


def test_with_enough_labels_the_line_goes_through_what_came_true():
    found = fitted([record(index) for index in range(8)])
    assert found.source == "realised"
    metric, money = found.found
    assert metric.per_day == pytest.approx(0.001)
    assert metric.limit == pytest.approx(0.7)
    assert metric.day == 10 + 7 * 7 + 3.5
    assert metric.days_left == pytest.approx((0.8 - 0.007 * 7 - 0.7) / 0.001)
    assert money.per_day == pytest.approx(0.01)
    assert money.days_left == pytest.approx((2.0 - 0.07 * 7) / 0.01)
    assert found.as_json()["money"]["source"] == "realised"
    told = found.findings(chance=0.03, since=BEGIN, rows_per_day=30.0, currency="USD")
    assert [one.subject for one in told] == ["roc_auc", "money"]


def test_before_labels_estimates_speak_and_nothing_is_mixed():
    found = fitted([record(index, labelled=index < 3) for index in range(8)])
    assert found.source == "estimated"
    assert [one.windows for one in found.found] == [9, 9]
    assert found.found[0].per_day == pytest.approx(0.0, abs=1e-12)
    assert found.findings(chance=0.03, since=BEGIN, rows_per_day=30.0, currency="USD") == ()


def test_windows_of_another_version_are_of_another_age():
    assert fitted([record(index, version="b") for index in range(8)]).found == ()
