"""Rows, memory and computing: each limit on both sides."""

from datetime import timedelta

import pytest

from daytwo.lifecycle.gating.gate_supply import Supply, cost_gate, data_gate, memory_gate

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("supply", "max_age", "passed", "told"),
    [
        (Supply(1_000, 500, 500, 10 * DAY), None, True, "learnt from 500 rows, the newest labelled one 10.0 days old"),
        (Supply(1_000, 501, 499, None), None, False, "50.1% of 1,000 rows broke the contract, over 50.0%"),
        (Supply(0, 0, 200, None), None, True, "0.0% of 0 broke the contract"),
        (Supply(1_000, 0, 199, None), None, False, "learnt from 199 rows, and 200 are asked for"),
        (Supply(1_000, 0, 999, 31 * DAY), 30 * DAY, False, "the newest labelled row is 31.0 days old, over 30.0"),
        (Supply(1_000, 0, 999, 30 * DAY), 30 * DAY, True, "30.0 days old"),
        (Supply(1_000, 0, 999, None), 30 * DAY, False, "rows bear no time"),
    ],
)
def test_rows(supply, max_age, passed, told):
    result = data_gate(supply, max_rejected=0.5, fewest_rows=200, max_age=max_age)
    assert result.passed == passed
    assert told in result.words


def test_everything_that_is_wrong_with_the_rows_is_said():
    result = data_gate(Supply(100, 90, 10, 9 * DAY), max_rejected=0.5, fewest_rows=200, max_age=DAY)
    assert result.words.count(";") == 2


def test_memory():
    assert memory_gate(512 << 20, 1 << 20, max_mb=512).passed
    over = memory_gate((512 << 20) + 1, 3 << 20, max_mb=512)
    assert not over.passed
    assert over.evidence["disk_mb"] == 3


def test_computing_is_priced_by_hand():
    # 100 us a row, 36 million rows a day: an hour of a core a day, 30 hours in 30 days.
    found = cost_gate(100.0, 36e6, core_hour=0.05, budget=1.5, currency="USD")
    assert found.evidence["cost"] == pytest.approx(1.5)
    assert cost_gate(100.0, 36e6, core_hour=0.05, budget=1.51, currency="USD").passed
    assert not cost_gate(100.0, 36e6, core_hour=0.05, budget=1.49, currency="USD").passed
