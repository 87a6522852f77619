"""Nothing goes live without a whole plan, and the plan of what is live is looked at again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from daytwo.lifecycle.delivery.overdue import plan_findings
from daytwo.lifecycle.delivery.plan import Plan, lacks, plan_gate

TODAY = date(2013, 5, 1)
NOW = datetime(2013, 5, 1, tzinfo=UTC)
WHOLE = Plan(
    model_owner="ops",
    contract_owner="data",
    features=9,
    kpi="money saved",
    budget=1_000.0,
    policy="marginal",
    fallback="base_rate",
    review_by="2014-01-01",
    champion="a" * 64,
    kept=True,
    monitored=True,
    currency="USD",
)
EMPTY = Plan("", " ", 0, "", 0.0, "", "", "", "a" * 64, False, False, "USD")


def test_a_whole_plan_passes_and_says_what_it_is():
    result = plan_gate(WHOLE, TODAY)
    assert result.passed
    assert result.words == (
        "owned by ops, data; for money saved; may cost 1,000 USD in 30 days; retrained marginal; fallback base_rate;"
        " back to aaaaaaaaaaaa; reviewed by 2014-01-01"
    )


def test_a_refusal_names_everything_that_is_missing_and_what_supplies_it():
    result = plan_gate(EMPTY, TODAY)
    assert not result.passed
    assert result.evidence["lacks"] == [
        "an owner of the model",
        "an owner of the contract",
        "a contract with inputs",
        "monitors",
        "a budget",
        "a KPI",
        "a retraining policy",
        "a fallback",
        "a version to roll back to",
        "a day by which people look at it again",
    ]
    for mend in (
        "owner in [model]",
        "owner in contract.toml",
        "budget in [plan]",
        "kpi in [plan]",
        "fallback in [serve]",
    ):
        assert mend in result.words


def test_a_first_version_goes_back_to_its_fallback_which_cannot_be_the_version_before():
    first = replace(WHOLE, champion=None, kept=False)
    assert "first version, so back to base_rate" in plan_gate(first, TODAY).words
    (lack,) = lacks(replace(first, fallback="previous"), TODAY)
    assert (lack.what, "nothing to answer with" in lack.mend) == ("a fallback", True)
    assert not lacks(replace(WHOLE, fallback="previous"), TODAY)


@pytest.mark.parametrize(("review_by", "is_due"), [("2013-05-01", False), ("2013-04-30", True), ("soon", True)])
def test_a_plan_expires_on_the_day_after_its_review_was_due(review_by, is_due):
    plan = replace(WHOLE, review_by=review_by)
    assert bool(lacks(plan, TODAY)) is is_due
    assert [one.kind for one in plan_findings(plan, 0.0, NOW)] == (["plan.lacks"] if is_due else [])


def test_what_costs_more_than_the_plan_allows_is_a_finding():
    assert not plan_findings(WHOLE, 1_000.0, NOW)
    (finding,) = plan_findings(WHOLE, 1_000.5, NOW)
    assert (finding.kind, finding.summary) == (
        "plan.budget",
        "the model cost 1,000.50 USD in 30 days, the plan allows 1,000.00",
    )
