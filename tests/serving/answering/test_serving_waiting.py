"""Requests that wait for a model in another process: how many may, what they are charged, and who has gone."""

import asyncio
import http.client
import json
import re
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime

from tests.serving.answering.conftest import until_there
from tests.serving.conftest import raw, shipped, trip

from daytwo.governance.token_file import write_tokens
from daytwo.governance.tokens import Scope, Token, digest_of, new_secret
from daytwo.scoring.later import ERRAND, scores_of
from daytwo.serving.answering.waiting import Patient
from daytwo.serving.client import Client
from daytwo.serving.transport.messages import Request, Response

JSON_TYPE = "application/json"


def metric(client, name):
    """The value of one series, 0.0 where it is not told."""
    found = re.search(rf"^{re.escape(name)} (\S+)$", client.metrics(), re.MULTILINE)
    return float(found[1]) if found else 0.0


def sent(client, wind):
    """A connection over which one row was sent, its answer not read."""
    connection = http.client.HTTPConnection(client.host, client.port, timeout=60)
    connection.request("GET", "/v2/health/live")
    connection.getresponse().read()  # it is accepted now: what it sends next is read in its order
    connection.request("POST", "/predict", json.dumps([trip(1, wind=wind)]), {"content-type": JSON_TYPE})
    return connection


def until(holds):
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        if holds():
            return
        threading.Event().wait(0.001)
    raise AssertionError("it never came to hold")


def status_of(connection):
    try:
        return connection.getresponse().status
    finally:
        connection.close()


def test_who_waits_for_a_busy_model_counts_among_those_who_wait(serve, gate):
    digest, begun, end = gate
    client = serve(trust=[digest], python_deadline_s=60.0, max_queue=3)
    waiting = [sent(client, 30.0)]
    until_there(begun)
    waiting += [sent(client, 10.0), sent(client, 11.0)]
    status, _, headers = raw(client, "POST", "/predict", json.dumps([trip(2, wind=12.0)]), content_type=JSON_TYPE)
    assert (status, headers["retry-after"]) == (503, "1")
    assert client.route()["champion"]
    end.touch()
    assert [status_of(one) for one in waiting] == [200, 200, 200]
    assert client.predict([trip(3, wind=13.0)])["predictions"][0]["arm"] == "champion"


def test_nothing_is_computed_for_who_went_while_the_model_was_busy(serve, foreign, gate, tmp_path):
    digest, begun, end = gate
    client = serve(trust=[digest], python_deadline_s=60.0)
    first = sent(client, 30.0)
    until_there(begun)
    gone = sent(client, 10.0)
    assert client.route()  # what was sent before is begun by now
    gone.close()
    stays = sent(client, 11.0)
    until(lambda: metric(client, "daytwo_dropped_total") == 1)
    end.touch()
    assert [status_of(first), status_of(stays)] == [200, 200]
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[-2:] == ["30.0", "11.0"]
    client.rotate()
    assert sorted(shipped(foreign).read("predictions")["wind"]) == [11.0, 30.0]


def test_a_late_answer_is_paid_once_and_its_whole_time_is_told(foreign, gate):
    digest, begun, end = gate
    secret = new_secret()
    token = Token("desk", digest_of(secret), (Scope.PREDICT, Scope.READ), datetime.now(UTC))
    tokens = foreign.folder / "tokens.json"
    write_tokens(tokens, lambda: [token], datetime.now(UTC))
    _, port = foreign.start(trust=[digest], python_deadline_s=60.0, tokens=str(tokens))
    with (
        ThreadPoolExecutor() as threads,
        Client("127.0.0.1", port, secret, patience_s=60) as client,
        Client("127.0.0.1", port, secret) as other,
    ):
        late = threads.submit(client.predict, [trip(1, wind=30.0)])
        until_there(begun)
        at = time.monotonic()
        other.metrics()
        held_s = time.monotonic() - at
        end.touch()
        assert late.result(60)["predictions"][0]["arm"] == "champion"
        told = other.metrics()
    assert 'daytwo_token_requests_total{token="desk"} 3\n' in told  # two of them for metrics
    seconds = re.search(r'^daytwo_request_seconds_sum\{path="/predict"\} (\S+)$', told, re.MULTILINE)
    assert float(seconds[1]) >= held_s


class Slow:
    """A handler whose engine says nothing before the test does."""

    def __init__(self):
        self.coming, self.begun = Future(), 0

    def __call__(self, request):
        self.begun += 1
        scores_of(ERRAND.get(), self, b"", lambda: self.coming)
        return Response(200, b"scored")


def asked_of(slow, commit, then):
    async def run():
        answer = Patient(slow, commit).handle(Request("POST", "/predict", {}, b"", True))
        assert not answer.done()
        then(answer)
        return await asyncio.wait_for(asyncio.gather(answer, return_exceptions=True), 10)

    return asyncio.run(run())[0]


def test_a_late_answer_whose_record_cannot_be_written_is_refused():
    slow = Slow()
    refusal = Response(503, b"no record")
    assert asked_of(slow, lambda: lambda _: refusal, lambda _: slow.coming.set_result(None)) is refusal
    assert slow.begun == 2


def test_what_has_not_begun_for_a_cancelled_answer_is_taken_back():
    slow = Slow()
    told = asked_of(slow, lambda: None, lambda answer: answer.cancel())
    assert isinstance(told, asyncio.CancelledError)
    assert slow.coming.cancelled()
    assert slow.begun == 1
