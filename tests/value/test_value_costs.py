"""Costs: time measured, priced as the settings say, added up by kind."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.core.settings import CostSettings
from daytwo.value.costs import APPROVAL, MONITORING, SERVING, SWITCH, TRAINING, Cost, by_kind, cpu_cost, person_cost

NOW = datetime(2013, 4, 1, tzinfo=UTC)
PRICES = CostSettings(core_hour=0.05, person_hour=80.0)
KINDS = (SERVING, TRAINING, MONITORING, APPROVAL, SWITCH)
COSTS = st.lists(
    st.builds(Cost, st.text(), st.just(NOW), st.sampled_from(KINDS), st.just(1.0), st.just("x"), st.integers(0, 10**6)),
    max_size=20,
)


def test_an_hour_of_one_core_costs_its_price():
    assert cpu_cost("fit", NOW, TRAINING, 3600.0, PRICES) == Cost("fit", NOW, TRAINING, 3600.0, "cpu_s", 0.05)
    assert cpu_cost("fit", NOW, TRAINING, 90.0, PRICES).amount == pytest.approx(0.00125)


def test_a_quarter_of_a_persons_hour_costs_a_quarter():
    assert person_cost("yes", NOW, APPROVAL, 15.0, PRICES) == Cost("yes", NOW, APPROVAL, 15.0, "person_min", 20.0)


@given(COSTS)
def test_sums_by_kind_are_all_there_is_the_dearest_first(costs):
    sums = by_kind(costs)
    assert sum(sums.values()) == sum(cost.amount for cost in costs)
    assert set(sums) == {cost.kind for cost in costs}
    assert list(sums.values()) == sorted(sums.values(), reverse=True)


@given(COSTS, st.randoms())
def test_the_order_of_expenses_does_not_count(costs, random):
    shuffled = list(costs)
    random.shuffle(shuffled)
    assert by_kind(shuffled) == by_kind(costs)
