import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.core.schema import Feature, Schema
from daytwo.explain.likeness import Likeness
from daytwo.explain.options import Allowed, Menu, Way

SCHEMA = Schema((Feature("wind"), Feature("carrier", ("AA", "EV", "UA"))))
RANDOM = np.random.default_rng(1)
MANY = np.column_stack([RANDOM.uniform(0, 50, 500), RANDOM.choice([0, 1, 1, 2], 500)]).astype(np.float32)
LIKE = Likeness(MANY, SCHEMA)
THRESHOLDS = np.array([3.1415, 10.0, 10.02, 27.777])


ANY = Allowed()


def values(value, allowed=ANY, thresholds=THRESHOLDS, like=LIKE, feature=0):
    return sorted(Menu(feature, allowed, thresholds, like).options(value).values.tolist())


def test_each_other_stretch_gives_one_round_value_near_the_rows_own():
    assert values(5.0) == pytest.approx([3.1, 10.01, 11, 28])
    assert values(40.0) == pytest.approx([3.1, 10, 10.01, 27])  # as a float32, 10.02 is beyond the threshold 10.02


def test_the_end_of_a_stretch_belongs_to_it():
    assert values(10.0, thresholds=np.array([10.0])) == [11]
    assert values(10.5, thresholds=np.array([10.0])) == [10]


def test_whole_numbers_stay_whole_and_limits_hold():
    assert values(5, Allowed(is_whole=True)) == [3, 11, 28]
    assert values(5, Allowed(low=9, high=20)) == pytest.approx([10.01, 11])
    assert values(5, Allowed(Way.DOWN)) == pytest.approx([3.1])
    assert values(5, Allowed(Way.UP, high=11)) == pytest.approx([10.01, 11])


def test_what_is_fixed_or_missing_stays():
    assert values(5, Allowed(Way.FIXED)) == []
    assert values(math.nan) == []
    assert values(math.nan, Allowed(codes=(0, 1)), feature=1) == []


def test_a_level_costs_the_more_the_fewer_rows_have_it():
    found = Menu(1, Allowed(codes=(0, 1, 2)), np.zeros(0), LIKE).options(0.0)
    assert found.values.tolist()[0] == 1
    assert found.costs.tolist() == sorted(found.costs.tolist())
    assert found.costs[0] == pytest.approx(1 - (MANY[:, 1] == 1).mean())
    assert values(1.0, Allowed(Way.UP, codes=(0, 1, 2)), feature=1) == [2]


def test_a_number_of_few_values_takes_only_those_that_occur():
    codes = np.column_stack([RANDOM.choice([3, 9, 14, 40], 500), np.zeros(500)]).astype(np.float32)
    like = Likeness(codes, SCHEMA)
    assert values(9, thresholds=np.array([5.0, 11, 20, 30]), like=like) == [3, 14, 40]
    assert values(9, Allowed(high=20), np.array([5.0, 11, 20, 30]), like) == [3, 14]


def test_a_number_costs_the_share_of_rows_passed_by():
    found = Menu(0, Allowed(), THRESHOLDS, LIKE).options(5.0)
    wind = MANY[:, 0]
    for value, cost in zip(found.values, found.costs, strict=True):
        passed = ((wind > min(5, value)) & (wind < max(5, value))).mean()
        assert cost == pytest.approx(passed, abs=0.005)


NUMBERS = st.floats(-1e6, 1e6, width=32, allow_subnormal=False)


@given(
    st.lists(NUMBERS, min_size=1, max_size=6, unique=True).map(sorted),
    NUMBERS,
    st.booleans(),
)
def test_every_value_lies_in_a_stretch_of_its_own_other_than_the_rows(thresholds, value, is_whole):
    edges = np.array(thresholds)
    found = np.array(values(value, Allowed(is_whole=is_whole), edges), dtype=np.float32)
    stretches = np.searchsorted(edges, found.astype(np.float64), "left")
    own = np.searchsorted(edges, value, "left")
    assert own not in stretches
    assert len(set(stretches.tolist())) == len(stretches)
    if is_whole:
        assert (found == np.floor(found)).all()
    else:
        assert len(found) == len(edges)
