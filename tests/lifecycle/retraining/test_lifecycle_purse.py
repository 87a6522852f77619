"""The budget of retraining: of 30 days, for training, approvals and switches, whoever wants to spend."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.lifecycle.retraining.purse import Purse, afforded, purse, want_of_money
from daytwo.lifecycle.retraining.retrain import Decision
from daytwo.value.costs import APPROVAL, MONITORING, SERVING, SWITCH, TRAINING, Cost

NOW = datetime(2026, 11, 24, tzinfo=UTC)
WANTED = Decision(True, "retrain: it pays", 900.0, 80.0, 9.0, 40.0, 5)


def cost(days: float, kind: str, amount: float) -> Cost:
    return Cost(f"{kind} {days}", NOW - timedelta(days=days), kind, 1.0, "x", amount)


def test_only_what_retraining_cost_in_the_last_30_days_counts():
    costs = [
        cost(31, SWITCH, 1000.0),
        cost(30, SWITCH, 500.0),
        cost(29, SWITCH, 400.0),
        cost(3, TRAINING, 2.0),
        cost(2, APPROVAL, 20.0),
        cost(1, SERVING, 70.0),
        cost(1, MONITORING, 5.0),
        cost(-1, SWITCH, 300.0),
    ]
    held = purse(costs, NOW, budget=800.0)
    assert held.spent == 422.0
    assert held.frees_at == NOW + timedelta(days=1)
    assert held.pays(378.0)
    assert not held.pays(378.01)


def test_without_a_budget_everything_is_paid():
    assert afforded(WANTED, purse([cost(1, SWITCH, 1e9)], NOW, budget=0.0), price=1e9, currency="EUR") is WANTED


@pytest.mark.parametrize(("price", "retrain"), [(400.0, True), (400.01, False)])
def test_what_the_rest_does_not_pay_for_waits_and_keeps_its_numbers(price, retrain):
    said = afforded(WANTED, Purse(1000.0, 600.0, NOW), price=price, currency="EUR")
    assert said.retrain is retrain
    assert said.expected_gain == WANTED.expected_gain
    if not retrain:
        assert said.words.startswith(
            "leave it: 600 of 1,000 EUR for 30 days are spent (some of it comes back on 24 Nov"
        )
        assert said.words.endswith("without a budget: retrain: it pays")
        told = want_of_money(said.words, said.expected_gain, owner="ana", since=NOW)
        assert (told.owner, told.kind) == ("ana", "retrain.budget")
        assert "expected gain 900" in told.summary


@given(budget=st.floats(0, 1e6), spent=st.floats(0, 1e6), price=st.floats(0, 1e6))
def test_a_decision_not_to_retrain_is_never_changed_and_money_never_makes_one(budget, spent, price):
    leave = Decision(False, "leave it", 0.0, 0.0, 1.0, 2.0, 3)
    held = Purse(budget, spent)
    assert afforded(leave, held, price=price, currency="EUR") is leave
    assert afforded(WANTED, held, price=price, currency="EUR").retrain == (not budget or spent + price <= budget)
