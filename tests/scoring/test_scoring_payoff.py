import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daytwo.core.errors import DataError, SettingsError
from daytwo.core.schema import Task
from daytwo.core.settings import ValueSettings
from daytwo.scoring.payoff import Advice, Payoff

FLIGHTS = Payoff.from_settings(ValueSettings(true_positive="2.5 * seats - 120", false_positive=-120), Task.BINARY)
# Every kind of part that an expression can have.
EVERYTHING = Payoff.from_settings(
    ValueSettings(
        true_positive="a / b - 3 * (kind == 'x') + ((a > 1) + (b > 1))",
        false_positive="-(member) * a - -(a >= b)",
        false_negative="(not member and a < b) * 5",
        true_negative="0.1",
    ),
    Task.BINARY,
)


def test_acting_pays_when_it_is_expected_to_bring_more_than_leaving():
    # 100 seats: 130 for a hit, -120 for a false alarm: worth it above 120 / 250.
    assert FLIGHTS.advise(0.5, {"seats": 100}) == Advice(act=True, gain=5.0)
    assert FLIGHTS.advise(0.48, {"seats": 100}).gain == pytest.approx(0)
    assert FLIGHTS.advise(0.47, {"seats": 100}).act is False
    assert FLIGHTS.columns == ("seats",)


def test_a_gain_of_nothing_is_no_reason_to_act():
    even = Payoff.from_settings(ValueSettings(true_positive=1, false_positive=-1), Task.BINARY)
    assert even.advise(0.5, {}) == Advice(act=False, gain=0.0)


def test_where_an_amount_is_not_known_nobody_acts():
    for row in ({}, {"seats": None}, {"seats": math.nan}):
        assert FLIGHTS.advise(0.99, row) == Advice(act=False, gain=None)
    columns = {"seats": np.array([100.0, np.nan])}
    assert FLIGHTS.decide_many([0.9, 0.9], columns.__getitem__).tolist() == [True, False]
    assert np.isnan(FLIGHTS.gain_many([0.9, 0.9], columns.__getitem__)).tolist() == [False, True]


def test_a_comparison_with_a_missing_value_is_missing_and_not_false():
    payoff = Payoff.from_settings(ValueSettings(true_positive="5 + (a > 3)", false_positive=0), Task.BINARY)
    columns = {"a": np.array([4.0, np.nan, 1.0])}
    assert payoff.decide_many([0.9] * 3, columns.__getitem__).tolist() == [True, False, True]


NUMBERS = st.one_of(st.none(), st.floats(-1e6, 1e6), st.integers(-1000, 1000))
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "a": NUMBERS,
            "b": NUMBERS,
            "kind": st.one_of(st.none(), st.sampled_from(["x", "y", "Straße"])),
            "member": st.one_of(st.none(), st.booleans()),
            "p": st.floats(0, 1),
        }
    ),
    min_size=1,
    max_size=10,
)


@given(ROWS)
@settings(max_examples=200, deadline=None)
def test_one_row_and_many_agree_to_the_last_bit(rows):
    columns = {
        "a": np.array([math.nan if row["a"] is None else row["a"] for row in rows], dtype=float),
        "b": np.array([math.nan if row["b"] is None else row["b"] for row in rows], dtype=float),
        "kind": np.array([row["kind"] for row in rows], dtype=object),
        "member": np.array([row["member"] for row in rows], dtype=object),
    }
    p = np.array([row["p"] for row in rows])
    advice = [EVERYTHING.advise(row["p"], row) for row in rows]
    gains = EVERYTHING.gain_many(p, columns.__getitem__)
    assert [None if math.isnan(gain) else gain for gain in gains.tolist()] == [one.gain for one in advice]
    assert EVERYTHING.decide_many(p, columns.__getitem__).tolist() == [one.act for one in advice]


@given(ROWS)
@settings(max_examples=50, deadline=None)
def test_what_is_expected_is_the_mean_of_what_can_come_of_it(rows):
    full = [row for row in rows if None not in row.values() and abs(row["b"]) > 1e-3]
    columns = {name: np.array([row[name] for row in full]) for name in ("a", "b", "kind", "member")}
    n = len(full)
    p = np.array([row["p"] for row in full])
    if not n:
        return

    def money(*, act, label):
        return EVERYTHING.realised_many(np.full(n, act), np.full(n, label), columns.__getitem__)

    acting = p * money(act=True, label=1) + (1 - p) * money(act=True, label=0)
    leaving = p * money(act=False, label=1) + (1 - p) * money(act=False, label=0)
    assert EVERYTHING.gain_many(p, columns.__getitem__) == pytest.approx(acting - leaving, rel=1e-9, abs=1e-6)


def test_realised_money_is_that_of_the_outcome():
    payoff = Payoff.from_settings(
        ValueSettings(true_positive="a", false_positive=-1, false_negative="-2 * a", true_negative=0.5), Task.BINARY
    )
    columns = {"a": np.array([10.0, np.nan, 10.0, np.nan, 10.0, np.nan])}
    act, label = [True, True, False, False, True, True], [1, 0, 1, 0, np.nan, 1]
    money = payoff.realised_many(act, label, columns.__getitem__)
    assert money[:4].tolist() == [10, -1, -20, 0.5]
    assert np.isnan(money[4:]).all()


def test_a_regression_is_never_acted_on_and_its_error_costs():
    payoff = Payoff.from_settings(ValueSettings(error_cost="0.1 * price", true_positive="nonsense +"), Task.REGRESSION)
    assert payoff.columns == ("price",)
    assert payoff.advise(12.0, {"price": 5}) == Advice(act=None, gain=None)
    columns = {"price": np.array([10, 20, 30])}
    money = payoff.realised_many([5.0, 5.0, 5.0], [7.0, 1.0, np.nan], columns.__getitem__)
    assert money[:2] == pytest.approx([-2.0, -8.0])
    assert np.isnan(money[2])
    assert np.isnan(payoff.gain_many([5.0], lambda _: np.array([10]))).all()
    assert payoff.threshold() is None


@pytest.mark.parametrize(
    ("amounts", "threshold"),
    [
        ({"true_positive": 3, "false_positive": -1}, 0.25),
        ({"true_positive": 1, "false_positive": -1, "false_negative": -8}, 0.1),
        ({"true_positive": 1, "false_positive": 1}, None),
        ({"true_positive": 2, "false_positive": 1}, 0.0),
        ({"true_positive": 0, "false_positive": -1}, 1.0),
        ({"true_positive": "a"}, None),
    ],
)
def test_a_constant_payoff_has_one_threshold(amounts, threshold):
    assert Payoff.from_settings(ValueSettings(**amounts), Task.BINARY).threshold() == threshold


def test_just_above_the_threshold_one_acts_and_below_one_does_not():
    payoff = Payoff.from_settings(ValueSettings(true_positive=2, false_positive=-1, false_negative=-4), Task.BINARY)
    threshold = payoff.threshold()
    assert payoff.advise(threshold + 1e-9, {}).act
    assert not payoff.advise(threshold - 1e-9, {}).act


@pytest.mark.parametrize("payoff", [FLIGHTS, EVERYTHING, Payoff.from_settings(ValueSettings(), Task.REGRESSION)])
def test_json_round_trip(payoff):
    assert Payoff.from_json(payoff.to_json()) == payoff
    assert Payoff.from_json(payoff.to_json()).to_json() == payoff.to_json()


def test_damaged_json_and_a_wrong_expression_are_refused():
    with pytest.raises(DataError, match="no payoff"):
        Payoff.from_json(b"[]")
    with pytest.raises(SettingsError, match="import"):
        Payoff.from_settings(ValueSettings(true_positive="__import__('os')"), Task.BINARY)


def test_an_amount_that_is_no_number_is_named():
    payoff = Payoff.from_settings(ValueSettings(true_positive="2 * carrier"), Task.BINARY)
    with pytest.raises(SettingsError, match=r"\[value\] true_positive gives no number"):
        payoff.advise(0.5, {"carrier": "AA"})
    for column in (np.array(["AA"]), np.array(["2013-01-01"], dtype="datetime64[us]")):
        with pytest.raises(SettingsError, match=r"\[value\] true_positive gives no number"):
            payoff.gain_many([0.5], {"carrier": column}.__getitem__)


def test_amounts_are_given_by_name_for_estimates():
    amounts = FLIGHTS.amounts_many(2, {"seats": np.array([100, 200])}.__getitem__)
    assert amounts["true_positive"].tolist() == [130, 380]
    assert amounts["true_negative"].tolist() == [0, 0]


@pytest.mark.parametrize("amount", ["2 * 'AA'", "'AA'", "1" + "0" * 400])
def test_a_constant_that_is_no_number_is_named_when_the_payoff_is_made(amount):
    with pytest.raises(SettingsError, match=r"\[value\] false_positive gives no number"):
        Payoff.from_settings(ValueSettings(false_positive=amount), Task.BINARY)


def test_a_constant_expression_counts_like_the_number_it_is():
    written = Payoff.from_settings(ValueSettings(true_positive="3 * (2 > 1) / 4"), Task.BINARY)
    number = Payoff.from_settings(ValueSettings(true_positive=0.75), Task.BINARY)
    assert written.advise(0.6, {}) == number.advise(0.6, {})
    assert written.amounts_many(2, {}.__getitem__)["true_positive"].tolist() == [0.75, 0.75]
