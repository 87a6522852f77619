"""What counts as one group of rows when evidence is weighed."""

import numpy as np
import pytest

from daytwo.core.schema import Feature, Schema
from daytwo.lifecycle.evidence import groups_of
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
