"""Approvals: four eyes, bound to digests, for a limited time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from daytwo.core.errors import Refused
from daytwo.governance.approvals import Decision, Request, must_be_allowed, standing
from daytwo.governance.sql import SqlApprovals

ON_BOTH = True
NOW = datetime(2013, 4, 1, 12, tzinfo=UTC)
REQUEST = Request("release-1", "d" * 64, "e" * 64, "ana", 1, NOW, NOW + timedelta(days=14), "better by 0.02")
YES = Decision("release-1", "d" * 64, "e" * 64, "ben", True, "looks right", NOW + timedelta(hours=1))


def test_one_yes_of_another_person_is_enough_where_one_is_needed():
    assert standing(REQUEST, [], NOW) is None
    assert standing(REQUEST, [YES], NOW) is True


def test_the_author_cannot_approve():
    with pytest.raises(Refused, match="ana made dddddddddddd and cannot approve it"):
        must_be_allowed(REQUEST, "ana", NOW)
    assert standing(REQUEST, [replace(YES, person="ana")], NOW) is None


@pytest.mark.parametrize("change", [{"digest": "f" * 64}, {"evidence": "f" * 64}])
def test_a_yes_to_other_content_or_other_evidence_does_not_count(change):
    assert standing(REQUEST, [replace(YES, **change)], NOW) is None


def test_one_no_ends_it():
    no = replace(YES, person="cleo", approved=False)
    assert standing(REQUEST, [YES, no], NOW) is False


def test_two_needed_means_two_people():
    request = replace(REQUEST, needed=2)
    assert standing(request, [YES, YES], NOW) is None
    assert standing(request, [YES, replace(YES, person="cleo")], NOW) is True


def test_an_expired_request_is_refused_and_counts_as_no():
    late = REQUEST.expires_at
    assert standing(REQUEST, [], late) is False
    with pytest.raises(Refused, match="expired at 2013-04-15 12:00"):
        must_be_allowed(REQUEST, "ben", late)


def test_the_ledger_keeps_a_request_once_and_a_persons_last_word(ledger):
    approvals = SqlApprovals(ledger)
    approvals.ask(REQUEST)
    approvals.ask(replace(REQUEST, digest="f" * 64))
    approvals.decide(YES)
    approvals.decide(replace(YES, approved=False, reason="second thoughts"))
    assert approvals.requests() == (REQUEST,)
    assert approvals.request("release-1") == REQUEST
    assert approvals.request("release-2") is None
    assert approvals.decisions("release-1") == (replace(YES, approved=False, reason="second thoughts"),)


def test_where_all_requests_stand_is_what_each_one_says_alone(ledger):
    approvals = SqlApprovals(ledger)
    moments = (NOW, YES.at, REQUEST.expires_at)
    flows = ("nobody", "yes", "no", "other digest", "two of three")
    for flow in flows:
        approvals.ask(replace(REQUEST, flow=flow, needed=3 if flow == "two of three" else 1))
    for flow, who, more in (
        ("yes", "ben", {}),
        ("no", "ben", {}),
        ("no", "eve", {"approved": False}),
        ("other digest", "ben", {"digest": "f" * 64}),
        ("two of three", "ben", {}),
        ("two of three", "eve", {}),
        ("never asked", "eve", {}),
    ):
        approvals.decide(replace(YES, flow=flow, person=who, **more))
    for at in moments:
        alone = {flow: standing(approvals.request(flow), approvals.decisions(flow), at) for flow in flows}
        assert approvals.standings(at) == alone
    assert alone == {"nobody": False, "yes": True, "no": False, "other digest": False, "two of three": False}
