"""The fast door gives the record and the reply that the thorough one gives, or leaves the request to it."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.serving.conftest import make_bundle

from daytwo.contracts.rows_c import LIBRARY
from daytwo.core.pseudonyms import Pseudonyms
from daytwo.predictions.record import decode, encode
from daytwo.registry.bundle import BundleStore
from daytwo.registry.route import Route
from daytwo.serving.answering.live import Versions
from daytwo.serving.answering.personal import hidden, hidden_body
from daytwo.serving.answering.predict import answer
from daytwo.serving.answering.replies import reply
from daytwo.serving.answering.requests import read_predict
from daytwo.serving.answering.router import Router
from daytwo.serving.answering.written import Told, with_condition
from daytwo.serving.transport.messages import HttpError

KNOWN = {"prefix": "p-", "start": 7, "received_at_us": 1, "fingerprint": 0}


@pytest.fixture(scope="module")
def live(champion_files):
    store = BundleStore(champion_files)
    return Versions(store).live(Route(1, store.list()[0]))


@pytest.fixture(scope="module")
def aware(tmp_path_factory):
    """One that knows how sure it is, and what is usual."""
    store = BundleStore(tmp_path_factory.mktemp("aware"))
    return Versions(store).live(Route(1, make_bundle(store, aware=True).digest))


@pytest.fixture(scope="module", params=["live", "aware"])
def either(live, aware, request):
    return live if request.param == "live" else aware


PSEUDONYMS = Pseudonyms(["key", "tail", "Name"], "a key of many characters")


def thorough(body, live, pseudonyms=None):
    """Return the record and the reply of the general way."""
    asked = read_predict(body, 1000)
    if pseudonyms is not None:
        asked = hidden(asked, pseudonyms)
    made = answer(asked, live, Router("salt"), **KNOWN)
    return encode(made.record), msgspec.json.encode(reply(made.record, "trips", made.reasons, asked.rows, live.known))


def fast(body, live, pseudonyms=None):
    plain = live.champion.plain
    if pseudonyms is not None:
        body = hidden_body(body, pseudonyms)
        if body is None:
            return None
    asked, read_in_python = plain.read(body, 1000), plain._read_one(body, 1000)
    if asked is None:
        assert read_in_python is None
        return None
    writer = plain.writer("trips", "p-")
    told = plain.told(asked, writer, start=7, received_at_us=1)
    if read_in_python is not None:  # else the native reader takes more
        assert plain.told(read_in_python, writer, start=7, received_at_us=1) == told
    return told.records[0], told.replies[0]


GOOD = {
    "key": st.text(max_size=40) | st.just("k"),
    "tail": st.none() | st.just("N1"),
    "at": st.sampled_from(["2013-05-01T12:00:00Z", "2013-05-01 12:00", "2013-05-01T12:00:00+02:00"]),
    "wind": st.floats(0, 100) | st.integers(0, 100) | st.none(),
    "seats": st.integers(1, 900),
    "carrier": st.sampled_from(["AA", "B6", "DL", "UA"]),
    "night": st.booleans(),
}
ROW = {
    "key": "k",
    "tail": None,
    "at": "2013-05-01T12:00:00Z",
    "wind": 3.5,
    "seats": 9,
    "carrier": "AA",
    "night": True,
}
ODD = st.none() | st.floats() | st.integers(-(2**70), 2**70) | st.text(max_size=5) | st.booleans() | st.just([1])


@given(data=st.data())
@settings(max_examples=400, deadline=None)
def test_what_the_fast_door_takes_gets_what_the_thorough_one_gives(either, data):
    rows = data.draw(st.lists(st.fixed_dictionaries(GOOD), min_size=0, max_size=9))
    for row in rows:
        if data.draw(st.integers(0, 9)) == 0:
            name = data.draw(st.sampled_from([*GOOD, "unknown", "late"]))
            row[name] = data.draw(ODD)
        if data.draw(st.integers(0, 15)) == 0:
            del row[data.draw(st.sampled_from(list(row)))]
    envelope = {"rows": rows} | data.draw(
        st.sampled_from([{}, {}, {"request_id": "r"}, {"request_id": None}, {"explain": False}, {"other": 1}])
    )
    whole = envelope if data.draw(st.booleans()) else rows
    ascii_only = data.draw(st.booleans())
    spaced = data.draw(st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : ")]))
    body = json.dumps(whole, ensure_ascii=ascii_only, separators=spaced).encode("utf-8", "surrogatepass")
    pseudonyms = data.draw(st.sampled_from([None, PSEUDONYMS]))
    found = fast(body, either, pseudonyms)
    if found is not None:
        assert found == thorough(body, either, pseudonyms)


@pytest.mark.parametrize(
    ("request_id", "fingerprint", "shadow", "token"),
    [(None, 0, "a" * 64, ""), ('%s "x"', 9, "", '%s "desk"'), ("r", 9, "b", "desk")],
)
def test_the_record_says_also_what_is_rarely_there(live, request_id, fingerprint, shadow, token):
    plain = live.champion.plain
    asked = plain.read(json.dumps({"rows": [ROW] * 2} | ({"request_id": request_id} if request_id else {})).encode(), 9)
    writer = plain.writer('100 %s of "trips"', "p%d-")
    told = plain.told(asked, writer, start=7, received_at_us=1, fingerprint=fingerprint, shadow=shadow, token=token)
    record = decode(told.records[0])
    assert encode(record) == told.records[0]
    assert (record.request_id, record.given) == (request_id or "r-p%d-000000007", request_id is not None)
    assert (record.fingerprint, record.shadow, record.token, record.prefix) == (fingerprint, shadow, token, "p%d-")
    whole = reply(record, '100 %s of "trips"', {}, [ROW] * 2, live.known)
    assert told.replies[0] == msgspec.json.encode(whole)
    degraded = msgspec.structs.replace(whole, degraded='it "fails"')
    assert with_condition(told.replies[0], 'it "fails"') == msgspec.json.encode(degraded)


@pytest.mark.skipif(not LIBRARY.is_file(), reason="there was no C compiler when daytwo was installed")
@given(
    bodies=st.lists(
        st.lists(st.fixed_dictionaries(GOOD), min_size=1, max_size=4).map(msgspec.json.encode)
        | st.sampled_from([b"[]", b"{", msgspec.json.encode({"rows": [ROW], "request_id": "mine"})]),
        min_size=1,
        max_size=9,
    )
)
@settings(max_examples=200, deadline=None)
def test_requests_answered_together_get_what_each_gets_alone(either, bodies):
    plain, start = either.champion.plain, 7
    writer = plain.writer("trips", "p-")
    asked, taken = plain.read_many(bodies, 3)
    told = plain.told(asked, writer, start=start, received_at_us=1) if asked.counts else Told([], [], [])
    records, replies = iter(told.records), iter(told.replies)
    for body, is_taken in zip(bodies, taken, strict=True):
        alone = plain.read(body, 3)
        if is_taken:
            one = plain.told(alone, writer, start=start, received_at_us=1)
            assert (next(records), next(replies)) == (one.records[0], one.replies[0])
            start += alone.counts[0]
        else:
            assert alone is None or alone.request_id == "mine" or b"\\" in body
    assert next(records, None) is next(replies, None) is None


def test_plain_requests_are_taken(live):
    for whole in ({"rows": [ROW]}, [ROW] * 8, {"rows": [ROW], "request_id": "mine"}):
        assert fast(json.dumps(whole).encode(), live) is not None
        assert fast(json.dumps(whole).encode(), live, PSEUDONYMS) is not None


@pytest.mark.parametrize("tail", [[[[["N1"]]]], {"a": 1}, '{"tail": "N1"}', "[1]"])
def test_a_personal_value_that_is_more_than_a_plain_one_is_left_to_the_thorough_door(live, tail):
    assert fast(json.dumps([ROW | {"tail": tail}]).encode(), live, PSEUDONYMS) is None


def test_what_the_fast_door_keeps_holds_no_personal_value(live):
    found = fast(json.dumps([ROW | {"key": "Ana Lima", "tail": "N12345"}]).encode(), live, PSEUDONYMS)
    assert found is not None
    for kept in found:
        assert b"Ana" not in kept
        assert b"N12345" not in kept


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"rows": []}',
        b'{"rows": [{}]}',
        b"[" * 100_000,
        (
            b'{"rows": [{"key": "k", "key": "l", "tail": null, "at": "2013-05-01T12:00:00Z", "wind": 1, "seats": 9, '
            b'"carrier": "AA", "night": true}]}'
        ),
        (
            b'{"rows" : [{"key" : "k", "tail": null, "at": "2013-05-01T12:00:00Z", "wind": 1, "seats": 9, '
            b'"carrier": "AA", "night": true, "night": true}]}'
        ),
        (
            b'{"rows": [{"key": "\xff", "tail": null, "at": "2013-05-01T12:00:00Z", "wind": 1, "seats": 9, '
            b'"carrier": "AA", "night": true}]}'
        ),
    ],
)
def test_whatever_is_not_plain_is_left_to_the_thorough_door(live, body):
    assert fast(body, live) is None
    assert fast(body, live, PSEUDONYMS) is None


def test_more_rows_than_allowed_are_not_plain(live):
    body = json.dumps([ROW] * 3).encode()
    assert live.champion.plain.read(body, 3) is not None
    assert live.champion.plain.read(body, 2) is None
    with pytest.raises(HttpError, match="3 rows"):
        read_predict(body, 2)


def test_a_model_that_fails_leaves_the_request_to_the_thorough_door(live):
    class Broken:
        def __getattr__(self, name):
            raise RuntimeError(name)

    plain = live.champion.plain
    asked = plain.read(json.dumps([ROW]).encode(), 3)
    whole = plain._model
    try:
        plain._model = replace(whole, engine=Broken())
        assert plain.told(asked, plain.writer("trips", "p-"), start=7, received_at_us=1) is None
    finally:
        plain._model = whole


@given(st.lists(st.fixed_dictionaries(GOOD), min_size=1, max_size=9))
@settings(max_examples=200, deadline=None)
def test_an_unusual_row_is_never_answered_without_its_warning(aware, rows):
    body = msgspec.json.encode(rows)
    _, told = thorough(body, aware)
    warned = [bool(one["warnings"]) for one in json.loads(told)["predictions"]]
    usual = all(row["wind"] is not None and row["wind"] <= 49 and 50 <= row["seats"] <= 349 for row in rows)
    assert any(warned) != usual
    assert not any(warned) or fast(body, aware) is None


def test_a_warning_names_the_value_and_why(aware):
    _, told = thorough(msgspec.json.encode([ROW | {"seats": 900}]), aware)
    answer = json.loads(told)["predictions"][0]
    assert [(one["column"], one["rule"], one["value"]) for one in answer["warnings"]] == [("seats", "unusual", 900)]
    assert "above 3" in answer["warnings"][0]["message"]
    low, high = answer["interval"]
    assert 0 <= low <= answer["score"] <= high <= 1
