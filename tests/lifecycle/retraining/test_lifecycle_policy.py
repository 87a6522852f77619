"""What a policy says at a settled window, whatever the marginal rule would say, and what it says of that."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.core.retraining import retrain_policy
from daytwo.lifecycle.retraining.decay import Evidence
from daytwo.lifecycle.retraining.policy import Standing, judged, next_due
from daytwo.lifecycle.retraining.retrain import Prices, decide

DAY = timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=UTC)
AGES = np.arange(6)[None, :] - np.array([[0], [2], [4]])


def weighed(rate):
    losses = np.where(AGES >= 0, 100.0 + rate * AGES, np.nan)
    return decide(Evidence(7, (0, 2, 4), losses, own=0), age=7, prices=Prices(50.0))


DECAYS, KEEPS = weighed(30.0), weighed(0.0)


def standing(days, *, trained=0.0, findings=()):
    return Standing(START + days * DAY, START, START - trained * DAY, findings)


def said(policy, pays, where, stale_after=None):
    return judged(retrain_policy(policy), pays, where, stale_after=stale_after)


def test_the_marginal_rule_speaks_for_itself():
    assert said("marginal", DECAYS, standing(40)) == DECAYS
    assert said("marginal", KEEPS, standing(40)) == KEEPS


@pytest.mark.parametrize(("days", "retrain"), [(6.99, False), (7, True), (20, True)])
@pytest.mark.parametrize("pays", [DECAYS, KEEPS])
def test_the_calendar_decides_by_the_time_a_version_is_live(days, retrain, pays):
    decision = said("every 7d", pays, standing(days))
    assert decision.retrain is retrain
    assert "every 7 days" in decision.words
    assert ("by money it would be time" in decision.words) is pays.retrain


def test_alarms_decide_where_they_are_asked():
    found = said("on alarm", KEEPS, standing(3, findings=("wind moved", "worse")))
    assert (found.retrain, found.words) == (True, "retrain: wind moved, and 1 more")
    assert not said("on alarm", DECAYS, standing(3)).retrain


def test_never_is_never():
    assert not said("never", DECAYS, standing(999, findings=("worse",)), stale_after=DAY).retrain


@pytest.mark.parametrize("policy", ["marginal", "every 900d", "on alarm"])
def test_a_version_that_is_too_old_is_replaced_under_every_policy(policy):
    before = said(policy, KEEPS, standing(10, trained=79.9), stale_after=90 * DAY)
    after = said(policy, KEEPS, standing(10, trained=80), stale_after=90 * DAY)
    assert (before.retrain, after.retrain) == (False, True)
    assert "trained 90 days ago; the limit is 90 days" in after.words


@given(
    st.sampled_from(["marginal", "every 7d", "on alarm", "never"]),
    st.floats(0, 400),
    st.floats(0, 400),
    st.sampled_from([KEEPS, DECAYS]),
    st.booleans(),
)
def test_the_numbers_are_those_of_the_rule_and_the_calendar_keeps_its_word(policy, days, trained, pays, limited):
    stale_after = 90 * DAY if limited else None
    where = standing(days, trained=trained)
    decision = said(policy, pays, where, stale_after)
    numbers = ("expected_gain", "excess", "standard_error", "threshold", "age")
    assert [getattr(decision, name) for name in numbers] == [getattr(pays, name) for name in numbers]
    due = next_due(retrain_policy(policy), where, stale_after=stale_after)
    if due is not None and where.at >= due:
        assert decision.retrain
    assert decision.words.startswith("retrain: ") is decision.retrain or policy == "marginal"
