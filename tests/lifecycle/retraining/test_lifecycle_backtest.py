"""The past of a project under other policies: real bundles and rows, challengers of a known quality."""

from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest

from daytwo.core.errors import Refused
from daytwo.lifecycle.retraining import backtest as tested
from daytwo.lifecycle.retraining.alarms import alarms_of
from daytwo.lifecycle.retraining.backtest import backtest
from daytwo.lifecycle.windows import Span, WindowRecord


@dataclass
class Window:
    span: object
    settled: object
    watched: object = None


@pytest.fixture
def decaying(system, monkeypatch):
    """A project of twelve windows in which a version loses 100 more each window that it grows older."""
    age = np.arange(12)[None, :] - np.arange(12)[:, None]

    class Span:
        def __init__(self, index):
            self.index, self.name = index, f"w{index:04d}"

    class Book:
        def windows(self):
            worse = [{"kind": "performance.realised", "severity": "warning", "summary": "worse"}]
            return tuple(
                Window(Span(index), {"rows": 1, "findings": worse if index == 3 else []}) for index in range(12)
            )

    monkeypatch.setattr(tested, "_losses", lambda *_: np.where(age >= 0, 1_000.0 + 100.0 * age, np.nan))
    object.__setattr__(system, "windows", Book())
    return system


def test_every_policy_is_there_the_cheapest_first_and_hindsight_is_the_least(decaying):
    found = backtest(decaying)
    assert [one.policy for one in found.policies if one.is_set] == ["marginal"]
    totals = [one.total for one in found.policies]
    assert totals == sorted(totals)
    assert all(
        one.missed == pytest.approx(one.total - found.hindsight.total) and one.missed >= 0 for one in found.policies
    )
    never = next(one for one in found.policies if one.policy == "never")
    assert (never.loss, never.cost) == (12 * 1_000 + 100 * 66, 0.0)
    every = next(one for one in found.policies if one.policy == "every 4")
    assert (every.switches, every.loss) == ((4, 8), 12 * 1_000 + 3 * 600)
    alarm = next(one for one in found.policies if one.policy == "on alarm")
    assert (alarm.switches, alarm.loss) == ((5,), 12 * 1_000 + 100 * (10 + 21))


def test_a_project_that_waits_for_alarms_finds_its_own_policy_among_them(decaying):
    changed = msgspec.structs.replace(decaying.settings.retrain, policy="on alarm")
    settings = msgspec.structs.replace(decaying.settings, retrain=changed)
    object.__setattr__(decaying, "settings", settings)
    assert [one.policy for one in backtest(decaying).policies if one.is_set] == ["on alarm"]


def test_what_is_for_information_only_makes_no_new_version():
    moved = {"kind": "drift.column", "severity": "info", "summary": "wind moved"}
    grave = moved | {"severity": "warning"}
    late = {"kind": "source.late", "severity": "critical", "summary": "late"}
    span = Span(0, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 8, tzinfo=UTC))
    assert alarms_of(WindowRecord(span, {"findings": [moved, late]}, None)) == ()
    assert alarms_of(WindowRecord(span, {"findings": [grave]}, {"findings": [grave]})) == ("wind moved",) * 2


def test_too_young_a_past_is_refused(system):
    with pytest.raises(Refused, match="a replay needs 4"):
        backtest(system)
