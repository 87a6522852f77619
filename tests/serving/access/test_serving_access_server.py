"""A real server with tokens: what its clients hear, what is recorded of who asked, and what its log does not tell."""

import http.client
import json
from datetime import UTC, datetime

import pytest
from tests.serving.conftest import raw, shipped, trip
from tests.serving.workers.conftest import kill_and_wait

from daytwo.core.errors import Conflict
from daytwo.governance.token_file import write_tokens
from daytwo.governance.tokens import Scope, Token, digest_of, new_secret
from daytwo.serving.client import Client
from daytwo.serving.transport import asgi, reading
from daytwo.serving.workers.neighbours import FORWARDED

NOW = datetime.now(UTC)


class Guarded:
    """A server whose tokens a test makes."""

    def __init__(self, place, serve):
        self.place, self._serve = place, serve
        self.secrets, self.tokens = {}, {}

    def keep(self, name, *scopes, **more):
        self.secrets[name] = new_secret()
        self.tokens[name] = Token(name, digest_of(self.secrets[name]), tuple(map(Scope, scopes)), NOW, **more)
        write_tokens(self.place.folder / "tokens.json", self.tokens.values, NOW)

    def start(self, **more):
        return self._serve(tokens=str(self.place.folder / "tokens.json"), **more)

    def ask(self, client, name, method, path, body=None, **headers):
        content = b"" if body is None else json.dumps(body).encode()
        told = {"content_type": "application/json", "authorization": f"Bearer {self.secrets[name]}"} | headers
        return raw(client, method, path, content, **told)


@pytest.fixture
def guarded(place, serve):
    return Guarded(place, serve)


def test_who_asked_is_recorded_counted_and_told_to_nobody(guarded):
    guarded.keep("desk", "predict", "label")
    guarded.keep("eye", "read")
    client = guarded.start()
    status, answer, _ = guarded.ask(client, "desk", "POST", "/predict", [trip(1)])
    identity = json.loads(answer)["predictions"][0]["prediction_id"]
    both = [
        {"prediction_id": identity, "action": "overridden", "by": "ana", "reason": "storm", "outcome": False},
        {"prediction_id": "long-past", "action": "accepted"},
    ]
    assert guarded.ask(client, "desk", "POST", "/feedback", {"feedback": both})[1] == b'{"recorded":2}'
    assert guarded.ask(client, "desk", "POST", "/labels", {"labels": [{"key": "trip-1", "label": 1}]})[0] == 200
    status, answer, headers = guarded.ask(client, "desk", "GET", "/metrics")
    assert (status, json.loads(answer)["error"]["code"]) == (403, "scope")
    status, _, headers = raw(client, "GET", "/metrics")
    assert (status, headers["www-authenticate"]) == (401, "Bearer")
    assert json.loads(guarded.ask(client, "eye", "GET", f"/predictions/{identity}")[1])["token"] == "desk"
    metrics = guarded.ask(client, "eye", "GET", "/metrics")[1].decode()
    assert 'daytwo_token_requests_total{token="desk"} 3' in metrics
    assert 'daytwo_token_refusals_total{token="desk",reason="scope"} 1' in metrics
    guarded.place.processes[0].terminate()
    assert guarded.place.processes[0].wait(20) == 0
    tables = shipped(guarded.place)
    names = ("_prediction", "action", "by", "outcome", "token")
    assert tables.read("feedback").select(names).rows() == [
        (identity, "overridden", "ana", "false", "desk"),
        ("long-past", "accepted", "desk", "", "desk"),
    ]
    assert tables.read("labels")["token"].to_list() == ["desk"]
    assert tables.read("predictions").select("_id", "_token").rows() == [(identity, "desk")]
    log = guarded.place.log()
    assert '"token":"desk"' in log
    everything = b"".join(path.read_bytes() for path in guarded.place.journal.rglob("*") if path.is_file())
    for secret in guarded.secrets.values():
        assert secret not in log
        assert secret.encode() not in everything


def test_a_revoked_token_is_refused_while_another_connection_goes_on(guarded):
    guarded.keep("desk", "predict")
    guarded.keep("other", "predict")
    client = guarded.start()
    desk, other = (Client("127.0.0.1", client.port, guarded.secrets[name]) for name in ("desk", "other"))
    for one in (desk, other):
        assert one.predict([trip(1)])["predictions"]
    del guarded.tokens["desk"]
    write_tokens(guarded.place.folder / "tokens.json", guarded.tokens.values, NOW)
    for _ in range(1000):
        if guarded.ask(client, "desk", "POST", "/predict", [trip(2)])[0] == 401:
            break
    assert guarded.ask(client, "desk", "POST", "/predict", [trip(2)])[0] == 401
    assert other.predict([trip(3)])["predictions"]
    desk.close()
    other.close()


def test_the_first_token_closes_the_door_also_to_a_connection_that_was_let_in_before(guarded):
    client = guarded.start()
    connection = http.client.HTTPConnection(client.host, client.port, timeout=10)

    def ask():
        connection.request("POST", "/predict", json.dumps([trip(1)]), {"content-type": "application/json"})
        response = connection.getresponse()
        response.read()
        return response.status

    assert [ask() for _ in range(4)] == [200] * 4
    guarded.keep("desk", "predict")
    assert any(ask() == 401 for _ in range(2000))
    assert [ask() for _ in range(4)] == [401] * 4
    assert guarded.ask(client, "desk", "POST", "/predict", [trip(1)])[0] == 200
    connection.close()


def test_tokens_that_cannot_be_read_change_nothing_and_health_says_so(guarded):
    guarded.keep("desk", "predict")
    client = guarded.start()
    (guarded.place.folder / "tokens.json").write_text("[")
    for _ in range(1000):
        if (
            guarded.ask(client, "desk", "POST", "/predict", [trip(1)])[0] == 200
            and (told := json.loads(raw(client, "GET", "/v2/health/ready")[1]))["problems"]
        ):
            break
    assert "holds no tokens" in told["problems"][0]["reason"]
    assert (told["ready"], told["status"]) == (True, "degraded")
    assert guarded.ask(client, "desk", "POST", "/predict", [trip(2)])[0] == 200


def test_who_asks_too_much_is_told_when_to_come_again_also_through_another_dialect(guarded):
    guarded.keep("desk", "predict", rate_per_s=0.1)
    client = guarded.start()
    split = {"dataframe_records": [trip(number) for number in range(5)]}
    assert guarded.ask(client, "desk", "POST", "/invocations", split)[0] == 200
    status, answer, headers = guarded.ask(client, "desk", "POST", "/predict", [trip(1)])
    assert (status, json.loads(answer)["error"]["code"]) == (429, "rate")
    assert 40 < int(headers["retry-after"]) <= 50


@pytest.mark.parametrize("alone", [True, False])
def test_feedback_is_recorded_once_under_its_id_also_after_a_restart(place, serve, alone):
    one = {"prediction_id": "p", "action": "ignored", "reason": "busy"}
    body = {**one, "request_id": "f"} if alone else {"feedback": [one, one], "request_id": "f"}
    other = {"prediction_id": "p", "action": "accepted", "request_id": "f"}
    count = 1 if alone else 2

    def send(client, what):
        return raw(client, "POST", "/feedback", json.dumps(what).encode(), content_type="application/json")

    client = serve()
    assert json.loads(send(client, body)[1]) == {"recorded": count}
    assert json.loads(send(client, body)[1]) == {"recorded": count, "duplicate": True}
    place.processes[0].kill()
    place.processes[0].wait()
    again = serve()
    assert json.loads(send(again, body)[1]) == {"recorded": count, "duplicate": True}
    assert send(again, other)[0] == 409
    again.labels([{"key": "k", "label": 1}], request_id="f")  # an id of labels is another id
    with pytest.raises(Conflict):
        again.labels([{"key": "l", "label": 1}], request_id="f")
    again.rotate()
    assert shipped(place).read("feedback").height == count


def test_no_client_can_say_that_another_worker_let_it_in():
    for door in (reading, asgi):
        assert FORWARDED not in door._READ


def test_of_several_workers_each_knows_who_asked_also_of_a_request_that_was_passed_on(guarded):
    guarded.keep("desk", "label")
    client = guarded.start(workers=2)
    one = {"prediction_id": "p", "action": "ignored"}
    for number in range(12):  # about half of them are kept by the worker that is not asked
        body = {"feedback": [one], "request_id": f"id-{number}"}
        assert guarded.ask(client, "desk", "POST", "/feedback", body)[1] == b'{"recorded":1}'
        assert b"duplicate" in guarded.ask(client, "desk", "POST", "/feedback", body)[1]
    assert raw(client, "POST", "/feedback", json.dumps(one).encode(), content_type="application/json")[0] == 401
    guarded.place.processes[0].terminate()
    assert guarded.place.processes[0].wait(20) == 0
    assert shipped(guarded.place).read("feedback")["token"].to_list() == ["desk"] * 12


def test_a_rate_holds_for_all_workers_together_also_after_one_was_killed(guarded):
    guarded.keep("desk", "predict", rate_per_s=0.01)
    client = guarded.start(workers=2)
    asked = [guarded.ask(client, "desk", "POST", "/predict", [trip(number)]) for number in range(16)]
    assert sorted(status for status, _, _ in asked) == [200] + [429] * 15
    assert "more than 0.01 rows a second" in next(told for status, told, _ in asked if status == 429).decode()
    kill_and_wait(guarded.place.processes[0].pid, 0)
    assert {guarded.ask(client, "desk", "POST", "/predict", [trip(99)])[0] for _ in range(8)} == {429}
