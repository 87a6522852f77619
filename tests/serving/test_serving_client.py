from __future__ import annotations

import http.server
import json
import socket
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from daytwo.core.errors import Conflict, Fault, Mistake, NotFound, Refused
from daytwo.serving.client import Client


class Script:
    """A server that plays a list: a status with a body and headers, or None to break the connection."""

    def __init__(self, *steps):
        self.steps, self.asked, self.waits = list(steps), [], []
        script = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                script.asked.append((self.command, self.path, body, dict(self.headers)))
                step = script.steps.pop(0)
                if step is None:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                status, told, *headers = step
                content = json.dumps(told).encode()
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = answer  # noqa: N815 - the base class looks for these names

            def log_message(self, *_): ...

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def client(self, **more):
        return Client("127.0.0.1", self.server.server_address[1], sleep=self.waits.append, chance=lambda: 0.0, **more)


def error(code="x"):
    return {"error": {"code": code, "message": f"it was {code}", "hint": "do this", "id": "1"}}


def test_a_broken_connection_and_a_busy_server_are_tried_again_with_the_same_id():
    with Script(None, (503, error("busy")), (200, {"predictions": [], "request_id": "r", "model": "m"})) as script:
        client = script.client()
        assert client.predict([{"a": 1}]) == {"predictions": [], "request_id": "r", "model": "m"}
        client.close()
    sent = {json.loads(body)["request_id"] for _, _, body, _ in script.asked}
    assert len(script.asked) == 3
    assert len(sent) == 1
    assert script.waits == [0.02, 0.04]


def test_patience_ends_with_the_servers_own_reason():
    with Script((503, error("busy"))) as script:
        client = script.client(patience_s=0)
        with pytest.raises(Fault, match=r"it was busy\. do this"):
            client.predict([{}])
        client.close()


def test_nobody_there_is_a_fault_with_a_next_step():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        client = Client("127.0.0.1", probe.getsockname()[1], patience_s=0.05, sleep=lambda _: None)
        assert not client.ready()
        with pytest.raises(Fault, match=r"no answer from 127.0.0.1:\d+.*daytwo status"):
            client.route()


@pytest.mark.parametrize(
    ("status", "kind"), [(400, Mistake), (401, Refused), (404, NotFound), (409, Conflict), (422, Mistake), (500, Fault)]
)
def test_a_refusal_is_the_error_it_was_and_is_not_sent_again(status, kind):
    with Script((status, error("so"))) as script:
        client = script.client()
        with pytest.raises(kind, match="it was so"):
            client.labels([{"key": "a", "label": 1}])
        client.close()
    assert len(script.asked) == 1


def test_an_answer_of_somebody_else_is_told_by_its_status():
    with Script((404, "what?")) as script:
        client = script.client()
        with pytest.raises(NotFound, match="the server answered 404"):
            client.route()
        client.close()


def test_the_token_and_the_options_are_sent():
    with Script((200, {}), (200, {"recorded": 1})) as script:
        client = script.client(token="open sesame")
        client.predict([{}], request_id="mine", explain=True, replay_of=["q-1"])
        client.feedback("p", "ignored", reason="r", by="me", outcome=0.5, request_id="f")
        client.close()
    (_, path, body, headers), (_, _, feedback, _) = script.asked
    assert path == "/predict"
    assert json.loads(body) == {"rows": [{}], "request_id": "mine", "explain": True, "replay_of": ["q-1"]}
    assert headers["Authorization"] == "Bearer open sesame"
    assert json.loads(feedback) == {
        "request_id": "f",
        "prediction_id": "p",
        "action": "ignored",
        "reason": "r",
        "by": "me",
        "outcome": 0.5,
    }


def in_ten_seconds():
    return format_datetime(datetime.now(UTC) + timedelta(seconds=10), usegmt=True)


def test_the_time_that_the_server_names_is_waited():
    busy = [
        (503, error("busy"), ("Retry-After", "2")),
        (429, error("rate"), ("Retry-After", in_ten_seconds())),
        (503, error("busy"), ("Retry-After", "soon")),
    ]
    with Script(*busy, (200, {"recorded": 1})) as script, script.client() as client:
        assert client.labels([{"key": "a", "label": 1}]) == 1
    assert script.waits[0] == 2.0
    assert 8 < script.waits[1] <= 10
    assert script.waits[2] == 0.08


def test_a_time_beyond_patience_is_not_waited():
    with (
        Script((503, error("busy"), ("Retry-After", "60"))) as script,
        script.client() as client,
        pytest.raises(Fault, match="it was busy"),
    ):
        client.predict([{}])
    assert script.waits == []


def test_within_bounds_all_tries():
    with (
        Script((503, error("busy"), ("Retry-After", "1"))) as script,
        script.client() as client,
        pytest.raises(Fault, match="it was busy"),
    ):
        client.predict([{}], within_s=0.5)


def test_feedback_is_sent_again_with_the_same_id():
    with Script(None, (503, error("busy")), (200, {"recorded": 1})) as script, script.client() as client:
        client.feedback("p", "ignored")
    assert len({json.loads(body)["request_id"] for _, _, body, _ in script.asked}) == 1
    assert len(script.asked) == 3


def test_an_id_is_never_a_path():
    with Script((404, error("not_found"))) as script, script.client() as client, pytest.raises(NotFound):
        client.explanation("../admin/rotate?x")
    assert script.asked[0][1] == "/predictions/..%2Fadmin%2Frotate%3Fx/explanation"


def test_an_error_of_the_server_names_where_to_look():
    with (
        Script((500, error("broken"))) as script,
        script.client() as client,
        pytest.raises(Fault, match="error 1 in the server's log"),
    ):
        client.route()
