"""A lifecycle that cannot go on: told once, sent out after a minute, told and kept when it is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from daytwo.lifecycle.standstill import KIND, PATIENCE, Standstill

BEGAN = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
AWAY = "the ledger db:5432/air cannot be read or written: connection refused"


class Pager:
    """Takes alerts on, unless it is `down`."""

    def __init__(self):
        self.got, self.down = [], False

    def send(self, alert):
        self.got.append(alert)
        return not self.down


@pytest.fixture
def pager():
    return Pager()


@pytest.fixture
def system(make_system, ledger, pager):
    return replace(make_system(ledger), channel=pager)


@pytest.fixture
def told():
    return []


@pytest.fixture
def standstill(system, told):
    return Standstill(system, say=told.append)


def test_what_passes_within_a_minute_wakes_nobody(standstill, system, pager, told):
    for second in (0, 5, 10):
        standstill.stands("life", AWAY, BEGAN + timedelta(seconds=second))
    standstill.goes_on("life", BEGAN + timedelta(seconds=31))
    standstill.goes_on("life", BEGAN + timedelta(seconds=33))
    assert [(one.kind, one.words) for one in told] == [
        ("trouble", AWAY),
        ("goes on", "the lifecycle goes on; it stood still for 31 s"),
    ]
    assert pager.got == []
    assert system.alerts.alerts() == ()


def test_what_lasts_reaches_people_without_the_ledger_and_is_kept_when_it_is_over(standstill, system, pager, told):
    for second in range(0, 301, 5):
        standstill.stands("life", AWAY, BEGAN + timedelta(seconds=second))
    (alert,) = pager.got
    assert (alert.kind, alert.severity, alert.owner) == (KIND, "critical", "ops@airline.example")
    assert "stands still since 03:00 UTC: the ledger db:5432/air" in alert.summary
    assert system.alerts.alerts() == ()
    over = BEGAN + timedelta(minutes=6)
    standstill.goes_on("life", over)
    (kept,) = system.alerts.alerts()
    assert (kept.id, kept.opened_at, kept.closed_at, kept.verdict) == (alert.id, BEGAN, over, "recovered")
    assert told[-1].words == "the lifecycle goes on; it stood still for 6 minutes"
    # The next one is another one.
    for second in (0, 60):
        standstill.stands("life", AWAY, over + timedelta(hours=1, seconds=second))
    assert [one.opened_at for one in pager.got] == [BEGAN, over + timedelta(hours=1)]
    assert pager.got[1].id != alert.id


def test_a_channel_that_does_not_take_it_is_asked_again_each_minute(standstill, pager):
    pager.down = True
    for second in range(0, 181, 5):
        standstill.stands("life", AWAY, BEGAN + timedelta(seconds=second))
    assert len(pager.got) == 3
    pager.down = False
    standstill.stands("life", AWAY, BEGAN + 4 * PATIENCE)
    standstill.stands("life", AWAY, BEGAN + 9 * PATIENCE)
    assert len(pager.got) == 4


def test_another_cause_is_told_too(standstill, told):
    standstill.stands("life", AWAY, BEGAN)
    standstill.stands("life", "the disk is full", BEGAN + timedelta(seconds=5))
    standstill.stands("life", "the disk is full", BEGAN + timedelta(seconds=10))
    assert [one.words for one in told] == [AWAY, "the disk is full"]


def test_it_is_over_once_every_source_goes_on(standstill, told):
    standstill.stands("beat", AWAY, BEGAN)
    standstill.stands("life", AWAY, BEGAN + timedelta(seconds=2))
    standstill.goes_on("beat", BEGAN + timedelta(seconds=30))
    assert [one.kind for one in told] == ["trouble"]
    standstill.goes_on("life", BEGAN + timedelta(seconds=40))
    standstill.goes_on("beat", BEGAN + timedelta(seconds=45))
    assert [one.words for one in told] == [AWAY, "the lifecycle goes on; it stood still for 40 s"]
