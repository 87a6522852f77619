"""The client that does not block: the same words, kept connections, broken ones, and many calls at a time."""

from __future__ import annotations

import asyncio
import json

import pytest
from tests.serving.conftest import trip

from daytwo.core.errors import Conflict, Fault, NotFound
from daytwo.serving.client import AsyncClient, Client
from daytwo.serving.clients.streams import BrokenAnswer, Stream


def test_it_has_the_words_of_the_other_client():
    words = {name for name in vars(Client) if not name.startswith("_")} - {"rotate"}
    assert {name for name in vars(AsyncClient) if not name.startswith("_")} == words


def run(body, *, patience_s=0.0, **more):
    async def main():
        async with AsyncClient("127.0.0.1", more.pop("port"), patience_s=patience_s, **more) as client:
            return await body(client)

    return asyncio.run(main())


def test_a_running_server_answers_both_alike(shared):
    rows = [trip(number) for number in range(3)]

    async def ask(client):
        answer = await client.predict(rows, request_id="both", explain=True)
        one = answer["predictions"][0]["prediction_id"]
        await client.feedback(one, "accepted", by="ana")
        recorded = await client.labels([{"prediction_id": one, "label": 1}])
        return answer, await client.prediction(one), recorded, await client.route(), await client.ready()

    answer, one, recorded, route, ready = run(ask, port=shared.port)
    again = shared.predict(rows, request_id="both", explain=True)
    assert [p["score"] for p in answer["predictions"]] == [p["score"] for p in again["predictions"]]
    assert [p["prediction_id"] for p in answer["predictions"]] == [p["prediction_id"] for p in again["predictions"]]
    assert one["row"] == rows[0]
    assert (recorded, ready) == (1, True)
    assert route == shared.route()


def test_many_calls_share_a_few_connections(shared):
    async def ask(client):
        answers = await asyncio.gather(*(client.predict([trip(number)]) for number in range(50)))
        return answers, len(client._free)

    answers, connections = run(ask, port=shared.port, connections=3)
    assert len({answer["predictions"][0]["prediction_id"] for answer in answers}) == 50
    assert connections <= 3


def test_refusals_are_the_errors_they_were(shared):
    async def ask(client):
        with pytest.raises(NotFound, match="daytwo explain"):
            await client.prediction("nothing")
        await client.predict([trip(1)], request_id="clash")
        with pytest.raises(Conflict, match="other content"):
            await client.predict([trip(2)], request_id="clash")

    run(ask, port=shared.port)


async def playing(*answers):
    """Start a server that plays these bytes, one a connection; None breaks it."""
    left, asked = list(answers), []

    async def play(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        asked.append(head + await reader.readexactly(size))
        writer.write(left.pop(0) or b"")
        writer.close()

    server = await asyncio.start_server(play, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1], asked


def told(status, body, *headers):
    content = json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} x", *headers, f"Content-Length: {len(content)}", "Connection: close", "", ""]
    return "\r\n".join(lines).encode() + content


def test_broken_connections_and_busy_servers_are_tried_again_with_the_same_id():
    waits = []

    async def sleep(seconds):
        waits.append(seconds)

    async def main():
        busy = told(503, {"error": {"code": "busy", "message": "m", "hint": "h"}}, "Retry-After: 3")
        server, port, asked = await playing(
            None, busy, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbro", told(200, {})
        )
        client = AsyncClient("127.0.0.1", port, patience_s=10, sleep=sleep, chance=lambda: 0.0)
        async with server, client:
            assert await client.predict([{}]) == {}
        return asked

    asked = asyncio.run(main())
    assert waits == [0.02, 3.0, 0.08]
    assert len({json.loads(one.partition(b"\r\n\r\n")[2])["request_id"] for one in asked}) == 1


def test_an_answer_that_does_not_come_is_given_up():
    async def main():
        async def hold(reader, writer):
            try:
                await reader.read()
            finally:
                writer.close()

        server = await asyncio.start_server(hold, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with AsyncClient("127.0.0.1", port) as client:
            with pytest.raises(Fault, match="no answer from"):
                await client.predict([{}], within_s=0.05)
        server.close()

    asyncio.run(main())


def test_nobody_there_is_a_fault():
    async def main():
        server, port, _ = await playing()
        server.close()
        await server.wait_closed()
        async with AsyncClient("127.0.0.1", port, patience_s=0) as client:
            assert not await client.ready()
            with pytest.raises(Fault, match=r"no answer from 127.0.0.1:\d+"):
                await client.route()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("sent", "body", "stays"),
    [
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=1\r\nde\r\n0\r\nT: 1\r\n\r\n",
            b"abcde",
            True,
        ),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", b"a", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", b"a", False),
        (b"HTTP/1.1 200 OK\r\n\r\nto the end", b"to the end", False),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
        (b"nonsense\r\n\r\n", None, False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", None, False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", None, False),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", None, False),
    ],
)
def test_answers_of_proxies_are_read(sent, body, stays):
    async def main():
        server, port, _ = await playing(sent)
        async with server:
            stream = await Stream.open("127.0.0.1", port, None)
            try:
                return await stream.ask("GET", "/", {}, None)
            finally:
                await stream.close()

    if body is None:
        with pytest.raises(BrokenAnswer):
            asyncio.run(main())
    else:
        answered = asyncio.run(main())
        assert (answered.body, answered.stays) == (body, stays)
