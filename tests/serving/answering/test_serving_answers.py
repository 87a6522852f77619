from __future__ import annotations

import json

import pytest
from tests.serving.conftest import raw, shipped, trip

from daytwo.core.errors import Conflict, Mistake, Refused
from daytwo.scoring.model import Model
from daytwo.serving.client import Client


def test_scores_are_the_models_own_and_the_whole_answer_is_there(serve, place):
    client = serve()
    rows = [trip(number) for number in range(40)]
    answer = client.predict(rows, request_id="first")
    model = Model.load(place.bundles.get(place.bundles.list()[0]))
    for row, one in zip(rows, answer["predictions"], strict=True):
        score = model.score(model.decoder.check(row)[0])
        advice = model.payoff.advise(score, row)
        assert one["score"] == score
        assert (one["act"], one["gain"]) == (advice.act, advice.gain)
        assert (one["key"], one["arm"], one["version"]) == (row["key"], "champion", model.digest)
        assert one["warnings"] == []
        assert "breaches" not in one
    assert answer["request_id"] == "first"
    assert answer["model"] == "trips"
    assert len({one["prediction_id"] for one in answer["predictions"]}) == 40


def test_one_row_gets_the_same_answer_as_in_a_block(serve):
    client = serve()
    block = client.predict([trip(number) for number in range(20)])["predictions"]
    for number in range(20):
        (alone,) = client.predict([trip(number)])["predictions"]
        assert (alone["score"], alone["act"], alone["gain"]) == tuple(
            block[number][k] for k in ("score", "act", "gain")
        )


def test_reasons_come_on_request_and_only_for_so_many_rows(serve):
    client = serve()
    answer = client.predict([trip(1), trip(2, wind=-1.0)], explain=True)["predictions"]
    assert any("wind" in reason["words"] for reason in answer[0]["reasons"])
    assert "reasons" not in answer[1]
    with pytest.raises(Mistake, match="100 rows at most"):
        client.predict([trip(1)] * 101, explain=True)


BAD_ROWS = [
    (trip(1, carrier="ZZ"), "champion", "carrier", "in_set"),
    (trip(1, wind=1e30), "fallback", "wind", "between"),
    (trip(1, seats=None), "fallback", "seats", "not_null"),
    (trip(1, wind="strong"), "fallback", "wind", "type"),
    (trip(1, wind="12.5"), "fallback", "wind", "type"),
    (trip(1, wind=True), "fallback", "wind", "type"),
    (trip(1, night=1), "fallback", "night", "type"),
    (trip(1, seats=1.5), "fallback", "seats", "type"),
    (trip(1, seats=10**40), "fallback", "seats", "type"),
    (trip(1, at="tomorrow"), "fallback", "at", "type"),
    (trip(1, wind=[[1]]), "fallback", "wind", "type"),
    (trip(1, wind={"a": 1}), "fallback", "wind", "type"),
    ({name: value for name, value in trip(1).items() if name != "wind"}, "fallback", "wind", "missing_field"),
    (trip(1, weather="wet"), "champion", "weather", "unknown_field"),
    ({}, "fallback", "wind", "missing_field"),
    (5, "fallback", "", "type"),
    ([], "fallback", "", "type"),
    (None, "fallback", "", "type"),
]


@pytest.mark.parametrize(("row", "arm", "column", "rule"), BAD_ROWS, ids=lambda value: str(value)[:40])
def test_a_bad_row_is_named_and_the_good_ones_beside_it_are_answered(shared, row, arm, column, rule):
    before, answer, after = shared.predict([trip(1), row, trip(2)])["predictions"]
    assert {before["arm"], after["arm"]} == {"champion"}
    assert answer["arm"] == arm
    found = answer["warnings"] if arm == "champion" else answer["breaches"]
    assert (column, rule) in {(one["column"], one["rule"]) for one in found}
    assert all(one["message"] for one in found)
    if arm == "fallback":
        assert (answer["score"], answer["act"]) == (0.25, False)
        assert answer["quarantine_id"] == f"q-{answer['prediction_id']}"


BAD_BODIES = [
    (b"", 400, "json"),
    (b"{", 400, "json"),
    (b'[{"wind": NaN}]', 400, "json"),
    (b'[{"wind": "\xff"}]', 400, "encoding"),
    (b"[]", 422, "empty"),
    (b"5", 400, "request"),
    (b'{"rows": [{}], "rows": [{}]}', 400, "duplicate_key"),
    (b'{"rows": [{}], "colour": 1}', 400, "request"),
    (b"[" * 100_000, 400, "depth"),
    (b'[{"wind": ' + b"[" * 50 + b"]" * 50 + b"}]", 400, "depth"),
    (b"[" + b"{}," * 10_000 + b"{}]", 413, "too_many_rows"),
    (b"x" * (9 << 20), 413, "too_large"),
]


@pytest.mark.parametrize(("body", "status", "code"), BAD_BODIES, ids=lambda value: str(value)[:40])
def test_a_bad_request_is_refused_with_its_name_and_never_a_stack(shared, body, status, code):
    got, answer, _ = raw(shared, "POST", "/predict", body, content_type="application/json")
    error = json.loads(answer)["error"]
    assert (got, error["code"]) == (status, code)
    assert set(error) == {"code", "message", "hint", "id"}
    assert b"Traceback" not in answer


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/predict", {}, 405),
        ("DELETE", "/labels", {}, 405),
        ("GET", "/nothing", {}, 404),
        ("GET", "/predictions/none", {}, 404),
        ("POST", "/predictions/none", {}, 405),
        ("GET", "/predictions/a/b", {}, 404),
        ("POST", "/predict", {"content_type": "text/plain"}, 415),
        ("POST", "/predict", {"content_type": "application/x-www-form-urlencoded"}, 415),
        ("POST", "/predict", {"content_encoding": "br"}, 415),
        ("POST", "/predict", {"origin": "http://evil.example"}, 403),
        ("GET", "/route", {"host": "evil.example"}, 403),
        ("GET", "/route", {"host": "localhost:80"}, 200),
        ("HEAD", "/route", {}, 200),
    ],
)
def test_what_may_not_be_asked_is_refused(shared, method, path, headers, status):
    got, answer, _ = raw(shared, method, path, b"{}" if method == "POST" else b"", **headers)
    assert got == status
    assert status == 200 or json.loads(answer)["error"]["message"]


def test_after_all_that_the_server_never_failed(shared):
    assert 'status="500"' not in shared.metrics()
    assert "evil" not in shared.metrics()
    assert "weather" not in shared.metrics()
    assert 'daytwo_breaches_total{model="trips",column="wind",rule="type",action="reject"}' in shared.metrics()


def test_a_token_is_asked_for_everything_but_health(serve, place):
    client = serve(token="open sesame")
    assert client.ready()
    assert client.predict([trip(1)])["predictions"][0]["arm"] == "champion"
    stranger = Client("127.0.0.1", client.port, "wrong", patience_s=0)
    with pytest.raises(Refused, match="token is missing, wrong or revoked"):
        stranger.route()
    for path in ("/metrics", "/admin/rotate", "/predictions/x", "/nothing"):
        assert raw(client, "GET", path)[0] == 401
    stranger.close()


def test_labels_and_feedback_are_recorded_and_can_name_their_class(serve, place):
    client = serve()
    (one,) = client.predict([trip(1)])["predictions"]
    labels = [
        {"key": "trip-1", "label": "1", "observed_at": "2013-04-03T00:00:00Z"},
        {"prediction_id": one["prediction_id"], "label": False},
        {"key": "x", "label": 1.0},
    ]
    assert client.labels(labels, request_id="l1") == 3
    assert client.labels(labels, request_id="l1") == 3
    with pytest.raises(Conflict, match="used for other content"):
        client.labels(labels[:1], request_id="l1")
    with pytest.raises(Mistake, match="label 1: 'maybe' is no outcome"):
        client.labels([labels[0], {"key": "y", "label": "maybe"}])
    client.feedback(one["prediction_id"], "overridden", reason="storm", by="ops")
    client.rotate()
    tables = shipped(place)
    assert tables.read("labels")["label"].to_list() == [1.0, 0.0, 1.0]
    assert tables.read("feedback")["reason"].to_list() == ["storm"]


def test_a_request_sent_twice_is_recorded_once_and_answered_the_same(serve, place):
    client = serve()
    rows = [trip(1), trip(2, wind="x"), trip(3, carrier="ZZ")]
    first = client.predict(rows, request_id="again")
    assert client.predict(rows, request_id="again") == first
    with pytest.raises(Conflict, match="used for other content"):
        client.predict(rows[:1], request_id="again")
    place.processes[0].kill()
    place.processes[0].wait()
    second = serve()
    assert second.predict(rows, request_id="again") == first
    second.rotate()
    tables = shipped(place)
    assert second.predict(rows, request_id="again") == first
    assert tables.read("predictions").height == 3
    assert second.prediction(first["predictions"][1]["prediction_id"])["row"] == rows[1]
    third = serve()
    assert third.predict(rows, request_id="again") == first
    third.rotate()
    assert shipped(place, tables).read("predictions").height == 3


def test_a_replayed_row_names_what_it_was_in_quarantine(serve, place):
    client = serve()
    (bad,) = client.predict([trip(1, wind="12")])["predictions"]
    client.predict([trip(1, wind=12), trip(2)], replay_of=[bad["quarantine_id"], None])
    client.rotate()
    rows = shipped(place).read("predictions")
    assert rows["_replay_of"].to_list() == [None, bad["quarantine_id"], None]
    assert rows["_arm"].to_list() == ["fallback", "champion", "champion"]
