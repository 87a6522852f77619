"""Reasons afterwards are the reasons that would have stood with the answer."""

from __future__ import annotations

import json

import pytest
from tests.serving.conftest import make_bundle, raw, trip, wait_for

from daytwo.core.errors import Conflict, NotFound
from daytwo.serving.client import Client


def test_reasons_afterwards_are_those_of_the_answer(shared):
    rows = [trip(number) for number in range(4)] + [trip(5, carrier="ZZ"), trip(6, wind=None)]
    answers = shared.predict(rows, explain=True)["predictions"]
    for answer in answers:
        told = shared.explanation(answer["prediction_id"])
        assert told["reasons"] == answer["reasons"]
        assert (told["version"], told["score"]) == (answer["version"], answer["score"])


def test_a_request_that_is_sent_again_is_told_the_same_reasons(shared):
    rows = [trip(3), trip(4, carrier="XX"), trip(5, seats="many"), trip(6, wind=None)]
    first = shared.predict(rows, request_id="why", explain=True)
    assert ["reasons" in one for one in first["predictions"]] == [True, True, False, True]
    assert shared.predict(rows, request_id="why", explain=True) == first
    without = shared.predict(rows, request_id="why")
    assert not any("reasons" in one for one in without["predictions"])
    later = shared.predict([trip(7)], request_id="why-later")
    assert "reasons" not in later["predictions"][0]
    explained = shared.predict([trip(7)], request_id="why-later", explain=True)["predictions"][0]
    assert explained["reasons"] == shared.explanation(explained["prediction_id"])["reasons"]


def test_a_row_of_the_fallback_has_its_breaches_for_reasons(shared):
    (answer,) = shared.predict([trip(1, wind=-5.0)])["predictions"]
    told = shared.explanation(answer["prediction_id"])
    assert (told["reasons"], told["fallback"], told["arm"]) == ([], "base_rate", "fallback")
    assert told["breaches"] == answer["breaches"]


def test_what_would_turn_the_decision_is_told_and_turns_it(shared):
    turned = 0
    for number in range(6):
        row = trip(number)
        (answer,) = shared.predict([row])["predictions"]
        told = shared.change(answer["prediction_id"])
        assert (told["act"], told["score"], told["version"]) == (answer["act"], answer["score"], answer["version"])
        assert bool(told["changes"]) != bool(told["why"])
        for change in told["changes"]:
            changed = row | {step["column"]: step["after"] for step in change["steps"]}
            (other,) = shared.predict([changed])["predictions"]
            assert (other["act"], other["score"]) == (not answer["act"], change["score"])
            turned += 1
    assert turned


def test_what_no_model_answered_no_change_would_turn(shared):
    (answer,) = shared.predict([trip(1, wind=-5.0)])["predictions"]
    with pytest.raises(Conflict, match="base_rate answered this row"):
        shared.change(answer["prediction_id"])
    with pytest.raises(NotFound, match="daytwo explain"):
        shared.change("1a206c31f272ecea30d-000000000")


def test_what_is_not_there_leads_to_the_command(shared):
    with pytest.raises(NotFound, match="daytwo explain"):
        shared.explanation("1a206c31f272ecea30d-000000000")
    assert raw(shared, "POST", "/predictions/x/explanation")[0] == 405
    assert json.loads(raw(shared, "GET", "/predictions/x/reasons")[1])["error"]["code"] == "not_found"


def test_a_version_that_is_gone_is_a_conflict_that_leads_to_the_command(own_place):
    _, port = own_place.start()
    with Client("127.0.0.1", port) as client:
        (answer,) = client.predict([trip(1)])["predictions"]
        other = make_bundle(own_place.bundles, seed=2)
        wait_for(client, own_place.route(other.digest).generation)
        with pytest.raises(Conflict, match=r"no longer loaded.*daytwo explain"):
            client.explanation(answer["prediction_id"])
