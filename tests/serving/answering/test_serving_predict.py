from __future__ import annotations

import math
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from tests.serving.conftest import trip

from daytwo.core.errors import SettingsError
from daytwo.registry.bundle import BundleStore
from daytwo.registry.route import Route
from daytwo.serving.answering.live import Versions
from daytwo.serving.answering.predict import answer, score_rows
from daytwo.serving.answering.replies import NOTHING_KNOWN, reply, reply_again
from daytwo.serving.answering.requests import PredictRequest
from daytwo.serving.answering.router import Router


@pytest.fixture(scope="module")
def live(champion_files):
    store = BundleStore(champion_files)
    return Versions(store).live(Route(1, store.list()[0]))


class Broken:
    """A model whose engine fails in a chosen way."""

    def __init__(self, model, score):
        self._model, self._score = model, score

    def __getattr__(self, name):
        return getattr(self._model, name)

    def score(self, features):
        return self._score(features)

    def score_many(self, matrix):
        return np.array([self._score(row) for row in matrix])


def ask(live, rows, **more):
    request = PredictRequest(msgspec.json.encode(rows), rows, "r", explain=False, replay_of=None)
    return answer(request, live, Router("s"), prefix="p-", start=0, received_at_us=0, fingerprint=0, **more).record


def fail(_features):
    raise RuntimeError("the engine broke")


@pytest.mark.parametrize("count", [1, 20])
@pytest.mark.parametrize("score", [fail, lambda _: math.nan, lambda _: math.inf])
def test_a_model_that_fails_is_answered_for_by_the_fallback(live, score, count):
    broken = replace(live, champion=replace(live.champion, model=Broken(live.champion.model, score)))
    rows = [trip(number) for number in range(count)]
    record = ask(broken, rows)
    assert record.failed == tuple(range(count))
    assert record.scores == [0.25] * count
    answers = reply(record, "trips", {}, rows, NOTHING_KNOWN).predictions
    assert {one.arm for one in answers} == {"fallback"}
    assert {one.warnings[0].rule for one in answers} == {"model_failed"}
    assert all(one.act is False and one.gain is None for one in answers)


def test_only_the_rows_that_failed_get_the_fallback(live):
    model = live.champion.model
    half = Broken(model, lambda features: math.nan if features[1] > 200 else model.score(list(map(float, features))))
    rows = [trip(number) for number in range(40)]
    record = ask(replace(live, champion=replace(live.champion, model=half)), rows)
    assert record.failed == tuple(i for i, row in enumerate(rows) if row["seats"] > 200)
    assert 0 < len(record.failed) < 40


def test_scores_and_advice_of_a_block_are_those_of_its_rows(live):
    rows = [
        trip(number, carrier="AA" if number % 5 else "ZZ", wind=None if number % 7 == 0 else 3.3)
        for number in range(50)
    ]
    block, alone = ask(live, rows), [ask(live, [row]) for row in rows]
    assert block.scores == [one.scores[0] for one in alone]
    assert block.gains == [one.gains[0] for one in alone]
    assert block.acts == [one.acts[0] for one in alone]


def test_a_column_without_a_promise_that_breaks_the_payoff_gives_no_advice(live):
    class Odd:
        columns = ("seats",)

        def advise(self, score, row):
            raise SettingsError("no number")

    model = Broken(live.champion.model, live.champion.model.score)
    model.payoff = Odd()
    record = ask(replace(live, champion=replace(live.champion, model=model)), [trip(1)])
    assert record.acts == [False]
    assert record.gains == []
    assert record.scores[0] is not None


def test_a_reply_can_be_made_again_from_its_record(live):
    rows = [trip(1), trip(2, wind="x"), trip(3, carrier="ZZ")]
    record = ask(live, rows)
    assert reply_again(record, "trips", NOTHING_KNOWN) == reply(record, "trips", {}, rows, NOTHING_KNOWN)


def test_no_rows_are_no_work(live):
    assert score_rows(live.champion, []) == []


def routed(live, **changes):
    return replace(live, route=msgspec.structs.replace(live.route, **changes))


def test_the_holdout_group_is_scored_and_not_acted_on_and_the_record_keeps_the_advice(live):
    rows = [trip(number) for number in range(60)]
    usual, record = ask(live, rows), ask(routed(live, holdout=0.4), rows)
    held = [i for i, row in enumerate(rows) if Router("s").is_held(row["tail"], 0.4)]
    assert 0 < len(held) < 60
    assert (record.scores, record.gains) == (usual.scores, usual.gains)
    assert record.arms == ("champion", "holdout")
    assert [i for i in range(60) if record.is_held(i)] == held
    assert record.advised == {i: usual.acts[i] for i in held}
    assert True in record.advised.values()
    assert record.acts == [False if i in held else usual.acts[i] for i in range(60)]
    answers = reply(record, "trips", {}, rows, NOTHING_KNOWN).predictions
    assert [i for i, one in enumerate(answers) if one.arm == "holdout"] == held
    for i in held:
        assert (answers[i].holdout, answers[i].act, answers[i].gain) == (True, False, None)
    assert all(one.holdout is msgspec.UNSET for i, one in enumerate(answers) if i not in held)
    assert reply_again(record, "trips", NOTHING_KNOWN).predictions == answers


def test_a_fallback_advises_nothing_to_the_holdout_group_either(live):
    rows = [trip(1, wind=-5.0)]
    record = ask(routed(live, holdout=1.0), rows)
    assert (record.arms, record.fallbacks, record.acts) == (("holdout",), {0: "base_rate"}, [False])
    answer = reply(record, "trips", {}, rows, NOTHING_KNOWN).predictions[0]
    assert (answer.arm, answer.holdout, answer.act) == ("fallback", True, False)


def test_whoever_asks_a_version_by_name_is_answered_by_it_whatever_the_route_says(live):
    rows = [trip(1), trip(2, wind=-5.0)]
    record = ask(routed(live, holdout=1.0), rows, named=live.champion)
    assert (record.arms, record.version_of, record.advised) == (("asked",), [], {})
    answers = reply(record, "trips", {}, rows, NOTHING_KNOWN).predictions
    assert [one.arm for one in answers] == ["asked", "asked"]
    assert (answers[1].fallback, answers[1].quarantine_id) == ("base_rate", msgspec.UNSET)
    assert answers[1].breaches[0].column == "wind"


def test_a_model_that_fails_again_and_again_is_not_asked_any_more(live):
    calls = []

    def fail_and_count(_features):
        calls.append(1)
        raise RuntimeError("the engine broke")

    broken = replace(live, champion=replace(live.champion, model=Broken(live.champion.model, fail_and_count)))
    records = [ask(broken, [trip(number)]) for number in range(8)]
    assert len(calls) == 5
    assert [record.unasked for record in records] == [()] * 5 + [(0,)] * 3
    assert all(record.failed == (0,) and record.scores == [0.25] for record in records)
    rules = [reply(record, "trips", {}, [trip(0)], NOTHING_KNOWN).predictions[0].warnings[0].rule for record in records]
    assert rules == ["model_failed"] * 5 + ["model_unasked"] * 3


def test_a_row_that_breaks_the_model_by_itself_does_not_stop_the_others(live):
    model = live.champion.model
    half = Broken(model, lambda features: math.nan if features[1] > 200 else model.score(list(map(float, features))))
    broken = replace(live, champion=replace(live.champion, model=half))
    for _ in range(30):
        record = ask(broken, [trip(0, seats=300), trip(1, seats=100)])
        assert (record.failed, record.unasked) == ((0,), ())
