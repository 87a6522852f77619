from __future__ import annotations

import json
import math
from dataclasses import replace

import msgspec
import polars as pl
import pytest
from tests.serving.conftest import make_bundle, raw, shipped, trip, trips_contract, wait_for

from daytwo.contracts.action import Action, Breach
from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract, Rule
from daytwo.contracts.decoder import Decoder
from daytwo.core.errors import SettingsError
from daytwo.core.schema import Kind
from daytwo.explain.reasons import Reason
from daytwo.predictions.record import BreachRecord, decode, encode
from daytwo.registry.bundle import BundleStore
from daytwo.registry.route import Route
from daytwo.serving.answering.fallback import check_fallback, fallback_of
from daytwo.serving.answering.live import Versions
from daytwo.serving.answering.predict import answer
from daytwo.serving.answering.replies import NOTHING_KNOWN, reply, reply_again
from daytwo.serving.answering.requests import PredictRequest
from daytwo.serving.answering.router import Router
from daytwo.serving.counts import Counts
from daytwo.serving.metrics import Metrics

BAD = trip(2, wind="36 dm/s")


@pytest.fixture(scope="module")
def two(champion_files, tmp_path_factory):
    """A store with a champion, and a version before it whose wind may be a text, for it does not look at it."""
    store = BundleStore(tmp_path_factory.mktemp("two"))
    champion = make_bundle(store)
    lenient = trips_contract()
    lenient = lenient.renewed(
        columns=tuple(replace(one, role=Role.IGNORED) if one.name == "wind" else one for one in lenient.columns)
    )
    return store, champion.digest, make_bundle(store, contract=lenient).digest


def live_with(two, fallback, **route):
    store, champion, previous = two
    return Versions(store, fallback).live(Route(1, champion, previous=previous, **route))


def ask(live, *rows):
    rows = list(rows)
    request = PredictRequest(msgspec.json.encode(rows), rows, "r", explain=False, replay_of=None)
    record = answer(request, live, Router("s"), prefix="p-", start=0, received_at_us=0, fingerprint=0).record
    assert decode(encode(record)) == record
    told = reply(record, "trips", {}, rows, NOTHING_KNOWN)
    assert reply_again(record, "trips", NOTHING_KNOWN) == told
    return record, told.predictions


class Failing:
    """A model whose engine fails."""

    def __init__(self, model):
        self._model = model

    def __getattr__(self, name):
        return getattr(self._model, name)

    def score(self, features):
        raise RuntimeError("the engine broke")


def with_failing_champion(live):
    return replace(live, champion=replace(live.champion, model=Failing(live.champion.model)))


@pytest.mark.parametrize(
    ("declared", "score", "act", "name"),
    [("base_rate", 0.25, False, "base_rate"), (0.4, 0.4, False, "constant"), ("refuse", None, None, "refused")],
)
@pytest.mark.parametrize("broken", ["row", "model", "no row"])
def test_a_constant_or_nothing_answers_where_the_model_cannot(two, declared, score, act, name, broken):
    live = live_with(two, declared)
    row = {"row": BAD, "model": trip(2), "no row": BreachRecord("", "type", None, "this is no row")}[broken]
    record, answers = ask(with_failing_champion(live) if broken == "model" else live, row, trip(3))
    told = answers[0]
    assert (told.score, told.act, told.gain, told.arm, told.fallback) == (score, act, None, "fallback", name)
    assert (told.warnings[0].rule == "model_failed") if broken == "model" else told.breaches
    if broken != "model":
        assert (answers[1].arm, answers[1].fallback) == ("champion", msgspec.UNSET)
        assert answers[1].score is not None
    assert record.fallbacks[0] == name
    assert record.previous == ()


def test_the_previous_champion_answers_a_row_that_keeps_its_contract(two):
    live = live_with(two, "previous")
    record, answers = ask(live, BAD, trip(3), trip(4, seats="many"))
    model = live.previous.model
    values = model.decoder.check(BAD)[0]
    assert answers[0].score == model.score(values)
    assert answers[0].gain == model.payoff.advise(answers[0].score, BAD).gain
    assert answers[0].act is (answers[0].gain > 0)
    assert (answers[0].version, answers[0].arm, answers[0].fallback) == (live.previous.digest, "fallback", "previous")
    assert [one.rule for one in answers[0].breaches] == ["type"]
    assert (answers[1].version, answers[1].arm) == (live.champion.digest, "champion")
    # Neither contract is kept: the constant.
    assert (answers[2].version, answers[2].fallback, answers[2].score) == (live.champion.digest, "base_rate", 0.25)
    assert record.previous == (live.previous.digest,)


def test_the_previous_champion_answers_where_the_model_fails_and_gives_no_reasons_of_the_other(two):
    live = with_failing_champion(live_with(two, "previous"))
    request = PredictRequest(msgspec.json.encode([trip(2)]), [trip(2)], None, explain=True, replay_of=None)
    made = answer(request, live, Router("s"), prefix="p-", start=0, received_at_us=0, fingerprint=0)
    assert (made.record.fallbacks, made.record.failed, made.reasons) == ({0: "previous"}, (0,), {})
    both = replace(live, previous=replace(live.previous, model=Failing(live.previous.model)))
    assert ask(both, trip(2))[0].fallbacks == {0: "base_rate"}


def test_the_champion_stands_in_for_its_canary(two):
    store, champion, previous = two
    live = Versions(store, "previous").live(Route(1, previous, canary=champion, canary_share=1.0))
    record, answers = ask(live, BAD)
    assert (answers[0].version, answers[0].fallback) == (previous, "previous")
    assert (record.arms, record.previous) == (("canary",), (previous,))


def test_a_previous_champion_that_cannot_be_loaded_leaves_the_constant_and_a_word(two):
    store, champion, _ = two
    live = Versions(store, "previous").live(Route(1, champion, previous="f" * 64))
    assert "cannot be loaded" in live.previous_fault
    assert ask(live, BAD)[0].fallbacks == {0: "base_rate"}
    assert Versions(store, "base_rate").live(Route(1, champion, previous="f" * 64)).previous_fault is None


def test_a_rule_answers_from_the_columns_that_passed(two):
    live = live_with(two, "0.1 + seats / 1000")
    seats = 50 + 2 * 13 % 300
    _, answers = ask(
        live, BAD, trip(3, wind="x", seats=None), trip(4, wind="x", seats=5000), trip(5, wind="x", seats=900)
    )
    assert (answers[0].score, answers[0].fallback) == (pytest.approx(0.1 + seats / 1000), "rule")
    assert answers[0].gain == live.champion.model.payoff.advise(answers[0].score, BAD).gain
    assert answers[0].act is (answers[0].gain > 0)
    assert [one.fallback for one in answers] == ["rule", "base_rate", "base_rate", "rule"]
    assert answers[3].score == 1.0


def test_a_rule_may_be_a_condition_and_reads_texts(two):
    live = live_with(two, "carrier == 'AA' or night")
    rows = [BAD | {"carrier": "AA", "night": False}, BAD | {"carrier": "DL", "night": False}, BAD | {"carrier": None}]
    assert [one.score for one in ask(live, *rows)[1]] == [1.0, 0.0, 0.25]
    assert ask(with_failing_champion(live), trip(0, carrier="AA"))[1][0].score == 1.0


RULED = Contract(
    "r",
    1,
    "o",
    (
        Column("a", Kind.NUMBER),
        Column("b", Kind.NUMBER),
        Column("c", Kind.NUMBER),
        Column("y", Kind.NUMBER, Role.TARGET),
    ),
    (Rule("order", "a <= b"),),
)


def test_columns_of_a_broken_row_rule_did_not_pass_and_mended_values_count():
    rule = fallback_of("a + c", RULED, 0.5, probability=False).rule
    broken = Breach("a, b", "expression:order", None, "a <= b must hold")
    assert rule.score({"a": 2.0, "b": 1.0, "c": 3}, ()) == 5.0
    assert rule.score({"a": 2.0, "b": 1.0, "c": 3}, (broken,)) is None
    assert fallback_of("c", RULED, 0.5, probability=False).rule.score({"c": 3}, (broken,)) == 3.0
    mended = Breach("c", "type", "x", "mended", Action.REPAIR, 7.0)
    assert fallback_of("c", RULED, 0.5, probability=False).rule.score({"c": 7.0}, (broken, mended)) == 7.0
    assert fallback_of("c / 0", RULED, 0.5, probability=False).rule.score({"c": 7.0}, ()) is None
    huge = fallback_of("c * c", RULED, 0.5, probability=False).rule
    assert huge.score({"c": 1e200}, ()) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("base_rat", "reads 'base_rat', which the contract does not check"),
        ("a + d", "'d'"),
        ("y", "'y'"),
        ("a + 'x'", "text"),
        ("a)", "no expression"),
        ("__import__('os')", "not allowed"),
    ],
)
def test_a_rule_that_means_nothing_for_the_rows_is_refused(text, words):
    with pytest.raises(SettingsError, match=words):
        check_fallback(text, RULED)


def test_without_a_known_base_rate_there_is_no_score():
    found = fallback_of("base_rate", RULED, math.nan, probability=True)
    assert (found.constant, found.constant_name) == (None, "refused")


def test_every_declared_fallback_comes_through_the_server_the_journal_and_the_table(own_place, serve):
    place = own_place
    champion = place.bundles.list()[0]
    seats = "seats * 0 + 0.75"
    for declared, name, score in (("refuse", "refused", None), (0.5, "constant", 0.5), (seats, "rule", 0.75)):
        client = serve(fallback=declared)
        answers = client.predict([BAD, trip(3)])["predictions"]
        assert (answers[0]["score"], answers[0]["fallback"], answers[0]["version"]) == (score, name, champion)
        assert "fallback" not in answers[1]
        told = client.prediction(answers[0]["prediction_id"])
        assert (told["score"], told["fallback"]) == (score, name)
        client.rotate()
    rows = shipped(place).read("predictions").filter(pl.col("_arm") == "fallback")
    assert rows["_fallback"].to_list() == ["refused", "constant", "rule"]
    assert rows["_score"].to_list() == [None, 0.5, 0.75]
    assert rows["_stand_in"].to_list() == [None] * 3


def test_the_previous_champion_stands_in_over_http_and_a_lost_one_is_told(own_place, serve):
    place = own_place
    first = place.bundles.list()[0]
    second = make_bundle(place.bundles, contract=trips_contract(2, maximum=10.0), seed=2).digest
    place.route(second, previous=first)
    client = serve(fallback="previous")
    told = client.predict([trip(3, wind=50.0)])["predictions"][0]
    assert (told["fallback"], told["version"], told["arm"]) == ("previous", first, "fallback")
    assert 'daytwo_fallbacks_total{model="trips",fallback="previous"} 1' in client.metrics()
    client.rotate()
    row = shipped(place).read("predictions").row(0, named=True)
    assert (row["_version"], row["_stand_in"], row["_fallback"], row["wind"]) == (second, first, "previous", None)
    place.route(second, previous="e" * 64)
    wait_for(client, place.generation)
    status, body, _ = raw(client, "GET", "/v2/health/ready")
    assert status == 200
    assert "cannot be loaded" in json.loads(body)["problems"][0]["reason"]
    assert client.predict([trip(3, wind=50.0)])["predictions"][0]["fallback"] == "base_rate"


def test_a_rule_that_the_version_cannot_answer_is_told_and_nothing_is_served(place, serve):
    client = serve(fallback="humidity / 100")
    status, body, _ = raw(client, "GET", "/v2/health/ready")
    assert status == 503
    assert "humidity" in json.loads(body)["problems"][0]["reason"]


# What the model sees of a mended row; the mending itself is the contract's.


def mending(live):
    """Return `live` with a decoder that reads wind in dm/s and puts 100 seats where there are none."""
    real = live.champion.model.decoder

    def check(row):
        out = []
        if isinstance(row.get("wind"), str):
            value = float(row["wind"].split()[0]) / 10
            out.append(Breach("wind", "type", row["wind"], "wind must be a number; unit", Action.REPAIR, value))
        if row.get("seats") is None:
            out.append(Breach("seats", "missing_field", None, "seats is required; default", Action.REPAIR, 100))
        values, breaches = real.check(row | {one.column: one.repaired for one in out})
        return values, (*out, *breaches)

    class Model:
        decoder = Decoder(real.contract, check, real.source)

        def __getattr__(self, name):
            return getattr(live.champion.model, name)

    return replace(live, champion=replace(live.champion, model=Model()))


def test_a_mended_row_is_served_with_what_was_mended_told(two):
    live = live_with(two, "base_rate")
    sent, same = trip(2, wind="36 dm/s"), trip(2, wind=3.6, seats=100)
    del sent["seats"]
    record, answers = ask(mending(live), sent)
    plain, expected = ask(live, same)
    assert (record.scores, record.acts, record.gains) == (plain.scores, plain.acts, plain.gains)
    assert (answers[0].arm, answers[0].breaches) == ("champion", msgspec.UNSET)
    told = msgspec.to_builtins(answers[0])["warnings"]
    assert [(one["column"], one["value"], one["repaired"]) for one in told] == [
        ("wind", "36 dm/s", 3.6),
        ("seats", None, 100),
    ]
    assert record.mended(0, sent) == same
    assert expected[0].warnings == ()
    assert json.loads(bytes(record.rows)) == [sent]


def test_reasons_speak_of_the_mended_values(two):
    live = live_with(two, "base_rate")
    rows = [trip(2, wind="360 dm/s")]
    request = PredictRequest(msgspec.json.encode(rows), rows, None, explain=True, replay_of=None)
    made = answer(request, mending(live), Router("s"), prefix="p-", start=0, received_at_us=0, fingerprint=0)
    found = {one.feature: one for one in made.reasons[0] if isinstance(one, Reason)}
    assert found["wind"].value == 36.0


def test_repairs_are_counted_apart_from_rejections(two):
    live, metrics = mending(live_with(two, "base_rate")), Metrics()
    record, _ = ask(live, trip(2, wind="36 dm/s"), trip(3, carrier=5), trip(4, carrier="ZZ"))
    Counts(metrics, "trips").predictions(record, live.champion.model.contract, 100)
    told = metrics.text().decode()
    for line in (
        'daytwo_repaired_rows_total{model="trips"} 1',
        'daytwo_rejected_rows_total{model="trips",rule="type"} 1',
        'daytwo_breaches_total{model="trips",column="wind",rule="type",action="repair"} 1',
        'daytwo_breaches_total{model="trips",column="carrier",rule="type",action="reject"} 1',
        'daytwo_breaches_total{model="trips",column="carrier",rule="in_set",action="warn"} 1',
        'daytwo_fallbacks_total{model="trips",fallback="base_rate"} 1',
    ):
        assert line in told
