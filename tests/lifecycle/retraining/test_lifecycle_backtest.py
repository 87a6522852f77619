"""The past of a project under other policies: real bundles and rows, challengers of a known quality."""

from dataclasses import dataclass

import numpy as np
import pytest

from daytwo.core.errors import Refused
from daytwo.lifecycle.retraining import backtest as tested
from daytwo.lifecycle.retraining.backtest import backtest


@dataclass
class Window:
    span: object
    settled: object


@pytest.fixture
def decaying(system, monkeypatch):
    """A project of twelve windows in which a version loses 100 more each window that it grows older."""
    age = np.arange(12)[None, :] - np.arange(12)[:, None]

    class Span:
        def __init__(self, index):
            self.index, self.name = index, f"w{index:04d}"

    class Book:
        def windows(self):
            return tuple(Window(Span(index), {"rows": 1}) for index in range(12))

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


def test_too_young_a_past_is_refused(system):
    with pytest.raises(Refused, match="a replay needs 4"):
        backtest(system)
