"""What counts as one group of rows when evidence is weighed."""

import numpy as np
import pytest

from daytwo.core.schema import Feature, Schema, Task
from daytwo.core.settings import ValueSettings
from daytwo.lifecycle.gating.challenge import groups_of
from daytwo.lifecycle.gating.evidence import paired_on
from daytwo.scoring.payoff import Payoff
from daytwo.training.dataset import TrainingData


def rows(times):
    n = 3_000
    schema = Schema((Feature("x"),))
    return TrainingData(schema, np.zeros((n, 1), np.float32), np.zeros(n), times, {})


@pytest.mark.parametrize(
    ("times", "unit", "groups"),
    [
        (None, "rows", 3_000),
        (np.datetime64("2013-01-01", "us") + np.arange(3_000) * np.timedelta64(20, "m"), "days", 42),
        (np.repeat(np.array(["2008-05", "2008-06"], "datetime64[us]"), 1_500), "groups of rows", 20),
    ],
)
def test_rows_are_grouped_by_days_where_there_are_enough_of_them(times, unit, groups):
    found, called = groups_of(rows(times))
    assert called == unit
    assert np.unique(found).size == groups
    assert (np.diff(found) >= 0).all()


def test_both_versions_decide_by_the_same_payoff():
    test = rows(None)
    dear = Payoff.from_settings(ValueSettings(true_positive=10.0, false_positive=-1.0), Task.BINARY)
    low, high = np.full(test.rows, 0.05), np.full(test.rows, 0.2)  # acting pays above 1 in 11
    beside = paired_on(test, dear, high, low)
    assert beside.candidate_acts is not None
    assert beside.champion_acts is not None
    assert (beside.candidate_acts == 1).all()
    assert (beside.champion_acts == 0).all()
    number = Payoff.from_settings(ValueSettings(error_cost=2.0), Task.REGRESSION)
    assert paired_on(test, number, high, low).candidate_acts is None
