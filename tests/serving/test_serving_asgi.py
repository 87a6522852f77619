"""The app under uvicorn and mounted in another: the same answers, journal and limits as the server's own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import threading

import httptools  # noqa: F401 - uvicorn's parser, as it is installed
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from tests.serving.conftest import raw, shipped, trip

from daytwo.core.errors import Mistake
from daytwo.serving.asgi import asgi_app
from daytwo.serving.client import Client
from daytwo.serving.config import read_config


class Under:
    """uvicorn on a thread."""

    def __init__(self, app):
        self.server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="on"))
        self.started = threading.Event()
        self.thread = threading.Thread(target=self.server.run)

    def __enter__(self):
        self.thread.start()
        while not self.server.started:
            assert self.thread.is_alive()
            threading.Event().wait(0.01)
        return self.server.servers[0].sockets[0].getsockname()[1]

    def __exit__(self, *_):
        self.server.should_exit = True
        self.thread.join()


@pytest.fixture
def app(place):
    return asgi_app(read_config(place.config(max_body_mb=0.5, body_timeout_s=0.3)))


def test_under_uvicorn_it_answers_and_records_as_the_server_does(place, app):
    with Under(app) as port, Client("127.0.0.1", port, patience_s=5) as client:
        rows = [trip(number) for number in range(50)]
        answer = client.predict(rows, request_id="asgi", explain=True)
        assert client.predict(rows, request_id="asgi", explain=True)["predictions"][0]["score"]
        assert {one["arm"] for one in answer["predictions"]} == {"champion"}
        one = answer["predictions"][3]
        assert client.prediction(one["prediction_id"])["row"] == rows[3]
        assert client.explanation(one["prediction_id"])["reasons"] == one["reasons"]
        assert client.labels([{"key": "trip-3", "label": 1}]) == 1
        assert 'daytwo_requests_total{path="/predict",status="200"} 2' in client.metrics()
        assert client.ready()
        with pytest.raises(Mistake, match="there are no rows"):
            client.predict([])
        assert raw(client, "HEAD", "/v2/health/live")[1] == b""
        status, _, headers = raw(client, "POST", "/predict", json.dumps(rows).encode(), Accept_Encoding="gzip")
        assert (status, headers["Content-Encoding"]) == (200, "gzip")
    assert len(shipped(place).read("predictions")) == 100


def test_its_limits_are_the_servers(app):
    with Under(app) as port, Client("127.0.0.1", port, patience_s=0) as client:
        status, body, _ = raw(client, "POST", "/predict", b" " * 600_000)
        assert (status, json.loads(body)["error"]["code"]) == (413, "too_large")
        status, body, _ = raw(client, "POST", "/predict", iter([b" " * 300_000] * 2))
        assert (status, json.loads(body)["error"]["code"]) == (413, "too_large")
        status, body, _ = raw(client, "GET", "/route", Host="evil.example")
        assert (status, json.loads(body)["error"]["code"]) == (403, "host")
        assert raw(client, "GET", "/v2/models/trips%2Fready")[0] == 404
        connection = client._connect()
        with contextlib.closing(connection):
            connection.putrequest("POST", "/predict")
            connection.putheader("Content-Length", "10")
            connection.endheaders(b"[")
            response = connection.getresponse()
            assert (response.status, json.loads(response.read())["error"]["code"]) == (408, "timeout")


def mounted(app):
    @contextlib.asynccontextmanager
    async def lifespan(_):
        async with app.running():
            yield

    return Starlette(routes=[Mount("/model", app)], lifespan=lifespan)


def test_mounted_in_another_app_it_answers_below_its_path(app):
    with Under(mounted(app)) as port, Client("127.0.0.1", port, patience_s=0) as client:
        status, body, _ = raw(client, "POST", "/model/predict?trace=1", json.dumps(trip(1)).encode())
        assert status == 200
        assert json.loads(body)["predictions"][0]["arm"] == "champion"
        assert raw(client, "GET", "/model/v2/models/trips/ready")[0] == 200
        assert raw(client, "GET", "/predict")[0] == 404


def speak(app, *, client=("127.0.0.1", 5), headers=(), messages=({"type": "http.request"},), path="/route", gone=None):
    """Send one request to the app alone, and return what it sends; `gone` is raised where it sends."""

    async def main():
        told, left = [], list(messages)

        async def receive():
            return left.pop(0) if left else await asyncio.Event().wait()

        async def send(message):
            told.append(message)
            if gone is not None:
                raise gone

        scope = {"type": "http", "method": "GET", "path": path, "client": client, "headers": list(headers)}
        async with app.running():
            await app(scope, receive, send)
        return told

    return asyncio.run(main())


def test_without_a_token_only_this_machine_is_answered(app):
    start, body = speak(app, client=("192.0.2.7", 5), headers=[(b"host", b"127.0.0.1")])
    assert start["status"] == 403
    assert b"daytwo token create" in body["body"]
    assert speak(app)[0]["status"] == 200


def test_a_header_that_decides_stands_once(app):
    start, _ = speak(app, headers=[(b"authorization", b"a"), (b"authorization", b"b")])
    assert start["status"] == 400


def test_who_leaves_before_the_end_is_told_nothing(app):
    body = {"type": "http.request", "body": b"[", "more_body": True}
    assert speak(app, messages=[body, {"type": "http.disconnect"}], path="/predict") == []


@pytest.mark.parametrize("gone", [ConnectionResetError(), RuntimeError("the handler is closed")])
def test_who_leaves_as_the_answer_comes_leaves_no_traceback(app, gone):
    assert [message["type"] for message in speak(app, gone=gone)] == ["http.response.start"]


def test_an_app_that_does_not_run_says_so(app):
    async def main():
        told = []

        async def send(message):
            told.append(message)

        await app({"type": "http", "method": "GET"}, None, send)
        return told

    start, body = asyncio.run(main())
    assert start["status"] == 503
    assert b"enter running()" in body["body"]


def test_the_factory_reads_the_servers_file(place):
    code = "from daytwo.serving.asgi import app; print(type(app()).__name__)"
    environment = os.environ | {"DAYTWO_SERVE": str(place.config())}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=place.folder, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "App"
