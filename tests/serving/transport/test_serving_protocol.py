from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daytwo.serving.transport.door import Door, Patience
from daytwo.serving.transport.messages import Request, Response
from daytwo.serving.transport.protocol import Connection
from daytwo.serving.transport.sizes import MAX_HEAD_BYTES
from daytwo.serving.transport.turns import Turns

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"


def post(body: bytes, *headers: bytes, length: bytes | None = None) -> bytes:
    lines = [b"POST /a HTTP/1.1", b"Host: x", b"Content-Length: " + (length or b"%d" % len(body)), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def chunked(*chunks: bytes, headers: bytes = b"", end: bytes = b"0\r\n\r\n") -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" + headers + b"\r\n" + body + end


class House:
    """A server whose handler tells back what it was asked."""

    def __init__(self, **limits: float) -> None:
        self.asked: list[Request] = []
        settings = {
            "max_body_bytes": 1000,
            "max_connections": 10,
            "head_timeout_s": 10,
            "body_timeout_s": 30,
            "idle_timeout_s": 75,
        }
        queue = {"max_queue": limits.pop("max_queue", 100), "max_wait_s": limits.pop("max_wait_s", 10.0)}
        self.door = Door(
            Turns(asyncio.get_running_loop(), self.handle, lambda: self.refusing if self.refusal else None, **queue),
            **(settings | limits),
        )
        self.refusal: Response | None = None

    def refusing(self, request: Request) -> Response | None:
        return self.refusal if request.method == "POST" else None

    def handle(self, request: Request) -> Response:
        self.asked.append(request)
        return Response(200, json.dumps([request.method, request.path, request.body.decode("latin-1")]).encode())


def run(
    test: Callable[
        [House, Callable[..., Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]], Awaitable[None]
    ],
    **limits: float,
) -> House:
    houses: list[House] = []

    async def main() -> None:
        house = House(**limits)
        houses.append(house)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(house.door, loop), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        writers = []

        async def connect():
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writers.append(writer)
            return reader, writer

        async with server:
            try:
                await asyncio.wait_for(test(house, connect), 10)
            finally:
                for writer in writers:
                    writer.transport.abort()
                for connection in tuple(house.door.connections):
                    connection.abort()
                await asyncio.sleep(0.001)

    asyncio.run(main())
    return houses[0]


def exchange(sent: bytes, **limits: float) -> tuple[list[tuple[int, object]], bool, House]:
    """Send bytes, then end the sending side; return the answers, whether the server closed first, and the house."""
    answers: list[tuple[int, object]] = []
    closed = False

    async def test(house, connect):
        nonlocal closed
        reader, writer = await connect()
        writer.write(sent)
        await asyncio.sleep(0)
        writer.write_eof()
        rest = await reader.read()
        while rest:
            head, _, rest = rest.partition(b"\r\n\r\n")
            status = int(head.split()[1])
            if status == 100:
                continue
            fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
            length = int(fields[b"content-length"])
            answers.append((status, json.loads(rest[:length])))
            rest = rest[length:]
            closed = closed or fields.get(b"connection") == b"close"

    house = run(test, **limits)
    return answers, closed, house


def refused(sent: bytes, status: int, words: str, **limits: float) -> None:
    """Hold that the last answer is a refusal with these words and that nothing of it reached the handler."""
    answers, closed, house = exchange(sent, **limits)
    assert [answer[0] for answer in answers] == [status]
    error = answers[0][1]["error"]
    assert words in error["message"]
    assert error["id"]
    assert closed
    assert house.asked == []


def test_a_request_is_answered_and_the_connection_kept():
    answers, _, _ = exchange(post(b"hello") + GET)
    assert answers == [(200, ["POST", "/a", "hello"]), (200, ["GET", "/a", ""])]

    async def test(_, connect):
        reader, writer = await connect()
        for body in (b"hello", b"again", b"other"):
            writer.write(post(body))
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"connection" not in head
            assert json.loads(await reader.readuntil(b"]")) == ["POST", "/a", body.decode()]

    run(test)


def test_a_head_that_was_read_before_is_read_alike():
    sent = [post(b"one"), post(b"two"), post(b"three"), post(b"four", b"X: 1"), post(b"five", b"X: 1"), GET, GET]

    async def test(house, connect):
        reader, writer = await connect()
        for one in sent:
            writer.write(one)
            await reader.readuntil(b"]")
        # Half a request under a known head, and two at once, are left to the parser.
        writer.write(post(b"six")[:-1])
        await asyncio.sleep(0.001)
        writer.write(b"x" + post(b"one") + post(b"two"))
        for _ in range(3):
            await reader.readuntil(b"]")
        assert [one.body for one in house.asked[:7]] == [b"one", b"two", b"three", b"four", b"five", b"", b""]
        assert [one.body for one in house.asked[7:]] == [b"six", b"one", b"two"]
        assert house.asked[0].headers == house.asked[1].headers
        assert house.asked[3].headers == house.asked[4].headers

    run(test)


def test_records_that_cannot_be_written_refuse_what_was_posted_in_that_turn_and_nothing_else():
    async def test(house, connect):
        house.refusal = Response(503, b'{"error":"full"}')
        reader, writer = await connect()
        writer.write(post(b"a"))
        assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 503")
        writer.write(GET)
        assert (await reader.readuntil(b"]")).startswith(b"HTTP/1.1 200")
        house.refusal = None
        writer.write(post(b"a"))
        assert (await reader.readuntil(b"]")).startswith(b"HTTP/1.1 200")

    run(test)


def test_small_requests_of_a_turn_are_answered_together_and_what_cannot_be_is_answered_alone():
    async def test(house, connect):
        together = []

        def answer(requests):
            together.append([request.body for request in requests])
            return [None if b"alone" in request.body else Response(200, b"t:" + request.body) for request in requests]

        turns = house.door.turns
        turns.together = answer
        clients = [Client() for _ in range(4)]
        clients[3].has_gone = True
        for client, body in zip(clients, (b"a", b"alone", b"c", b"gone"), strict=True):
            turns.put(client, Request("POST", "/a", {}, body, True))
        await asyncio.sleep(0)
        assert together == [[b"a", b"alone", b"c"]]
        assert [request.body for request in house.asked] == [b"alone"]
        assert [client.told for client in clients] == [[b"t:a"], [b'["POST", "/a", "alone"]'], [b"t:c"], []]
        assert turns.dropped == 1

    run(test)


class Client:
    """One that waits in the queue."""

    def __init__(self) -> None:
        self.told: list[bytes] = []
        self.has_gone = False

    def answer(self, response: Response) -> None:
        self.told.append(response.body)


def test_an_answer_may_come_later_than_its_turn():
    async def test(house, connect):
        later = asyncio.get_running_loop().create_future()
        house.door.turns.handle = lambda request: later if request.body == b"slow" else Response(200, b"[]")
        (slow, slow_writer), (reader, writer) = await connect(), await connect()
        slow_writer.write(post(b"slow") + GET)
        await asyncio.sleep(0.001)
        writer.write(GET)
        assert (await reader.readuntil(b"[]")).startswith(b"HTTP/1.1 200")
        later.set_result(Response(200, b"{}"))
        assert b"{}HTTP/1.1 200" in await slow.readuntil(b"[]")

    run(test)


def test_pipelined_requests_are_answered_in_order():
    answers, _, _ = exchange(b"".join(post(b"%d" % n) for n in range(200)), max_queue=300)
    assert [body[2] for _, body in answers] == [str(n) for n in range(200)]


def test_a_chunked_body_is_put_together():
    assert exchange(chunked(b"ab", b"c" * 300, b"d"))[0] == [(200, ["POST", "/a", "ab" + "c" * 300 + "d"])]


def test_the_query_is_no_part_of_the_path():
    assert exchange(GET.replace(b"/a", b"/a?token=1"))[0][0][1][1] == "/a"


@pytest.mark.parametrize(
    ("url", "path", "host"),
    [
        (b"http://other:81/a?token=1", "/a", b"other:81"),
        (b"HTTPS://other/a//b", "/a//b", b"other"),
        (b"http://other", "/", b"other"),
        (b"/a?of=http://other/b", "/a", b"x"),
    ],
)
def test_an_address_as_a_proxy_is_asked_for_it_names_its_host_itself(url, path, host):
    house = exchange(GET.replace(b"/a", url) + GET.replace(b"/a", url))[2]
    assert [(one.path, one.headers[b"host"]) for one in house.asked] == [(path, host)] * 2


def test_a_client_that_asks_before_it_sends_is_told_to_go_on():
    assert exchange(post(b"x", b"Expect: 100-continue"))[0] == [(200, ["POST", "/a", "x"])]
    refused(post(b"x", b"Expect: tea"), 417, "expectation")


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_whoever_wants_to_close_is_closed(version):
    sent = b"GET /a HTTP/%s\r\nHost: x\r\nConnection: close\r\n\r\n" % version
    answers, closed, _ = exchange(sent + GET)
    assert len(answers) == 1
    assert closed


def test_head_sends_no_body():
    async def test(house, connect):
        reader, writer = await connect()
        writer.write(GET.replace(b"GET", b"HEAD") + GET)
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"content-length: 18" in head
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")

    run(test)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (post(b"abc", b"Content-Length: 3"), "Duplicate"),
        (post(b"abc", b"Content-Length: 4"), "Duplicate"),
        (post(b"abc", b"Transfer-Encoding: chunked"), ""),
        (chunked(b"abc", headers=b"Content-Length: 3\r\n"), ""),
        (chunked(b"abc", headers=b"Transfer-Encoding: chunked\r\n"), ""),
        (chunked(b"abc").replace(b"chunked", b"gzip, chunked"), "two ways"),
        (chunked(b"abc").replace(b"chunked", b"chunked, identity"), ""),
        (chunked(b"abc").replace(b"chunked", b"xchunked"), ""),
        (chunked(b"abc").replace(b"Transfer-Encoding: ", b"Transfer-Encoding : "), ""),
        (post(b"abc", length=b"+3"), ""),
        (post(b"abc", length=b"3, 3"), ""),
        (post(b"abc", length=b"-1"), ""),
        (post(b"abc", length=b"0x3"), ""),
        (post(b"abc", length=b"9" * 30), ""),
        (post(b"abc").replace(b"Content-Length", b"Content-Length "), ""),
        (post(b"abc").replace(b"\r\nContent-Length", b"\r\n Content-Length"), ""),
        (post(b"abc", b"X: a\x00b"), ""),
        (GET.replace(b"Host: x", b"Host: x\r\nHost: y"), "twice"),
        (GET.replace(b"Host: x\r\n", b""), "Host"),
        (chunked(b"abc", end=b"0\r\nX-Trailer: 1\r\n\r\n"), "trailers"),
        (b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n", ""),
        (b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n", ""),
        (b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", ""),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", ""),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ""),
        (b"GET /a\r\n\r\n", ""),
    ],
)  # fmt: skip
def test_what_could_smuggle_a_request_or_is_no_http_is_refused(sent, words):
    refused(sent, 400, words)


def test_who_offers_another_protocol_is_answered_in_this_one_and_closed():
    upgrade = GET[:-2] + b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AA\r\n\r\n"
    answers, closed, house = exchange(upgrade + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert answers == [(200, ["GET", "/a", ""])]
    assert closed
    assert len(house.asked) == 1


def test_a_good_request_before_a_bad_one_still_gets_its_answer():
    answers, closed, house = exchange(post(b"good") + post(b"abc", b"Content-Length: 3") + GET)
    assert [status for status, _ in answers] == [200, 400]
    assert closed
    assert len(house.asked) == 1


def test_a_body_over_the_limit_is_refused_before_it_is_read():
    refused(post(b"", length=b"1001"), 413, "larger than 1000 bytes")
    refused(chunked(b"x" * 600, b"x" * 600), 413, "larger than 1000 bytes")
    assert exchange(post(b"x" * 1000))[0][0][0] == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /" + b"a" * (2 * MAX_HEAD_BYTES),
        GET[:-2] + b"X: a\r\n" * 101 + b"\r\n",
        GET[:-2] + b"".join(b"X-%d: %s\r\n" % (n, b"a" * 1000) for n in range(30)) + b"\r\n",
    ],
)
def test_a_head_over_the_limit_is_refused(sent):
    refused(sent, 431, "head is larger")


@pytest.mark.parametrize(
    ("begin", "drip", "status"),
    [
        (GET[:-2] + b"X: ", b"a", 431),
        (GET[:-2] + b"X", b"a", 431),
        (b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"e", 413),
    ],
)
def test_what_drips_in_without_end_is_cut_off_at_its_limit_and_told_so(begin, drip, status):
    async def test(house, connect):
        reader, writer = await connect()
        writer.write(begin)
        for _ in range(40):
            writer.write(drip * 1000)
            await asyncio.sleep(0.0005)
        assert (await reader.readline()).startswith(b"HTTP/1.1 %d" % status)
        house.door.sweep(asyncio.get_running_loop().time() + 3)
        assert not (await reader.read()).endswith(b"HTTP")

    assert run(test).asked == []


def test_slow_clients_are_cut_off_and_told_why():
    async def test(house, connect):
        loop = asyncio.get_running_loop()
        silent, _ = await connect()
        half, half_writer = await connect()
        half_writer.write(GET[:10])
        body, body_writer = await connect()
        body_writer.write(post(b"abc")[:-1])
        good, good_writer = await connect()
        good_writer.write(GET)
        assert (await good.readline()).startswith(b"HTTP/1.1 200")
        now = loop.time()
        house.door.sweep(now)
        assert len(house.door.connections) == 4
        house.door.sweep(now + 11)
        assert await silent.read() == b""
        assert (await half.readline()).startswith(b"HTTP/1.1 408")
        house.door.sweep(now + 31)
        assert (await body.readline()).startswith(b"HTTP/1.1 408")
        house.door.sweep(now + 76)
        assert b"content-length" in await good.read()

    run(test)


def test_connections_beyond_the_limit_are_refused_and_later_ones_are_not():
    async def test(house, connect):
        kept = [await connect() for _ in range(10)]
        await asyncio.sleep(0.01)
        reader, writer = await connect()
        assert (await reader.readline()).startswith(b"HTTP/1.1 503")
        writer.close()
        kept[0][1].close()
        await asyncio.sleep(0.01)
        reader, writer = await connect()
        writer.write(GET)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")

    run(test)


def test_a_full_queue_refuses_with_a_time_to_come_back_and_the_connection_goes_on():
    async def test(house, connect):
        clients = [await connect() for _ in range(8)]
        for _, writer in clients:
            writer.write(GET)
        heads = [await reader.readuntil(b"\r\n\r\n") for reader, _ in clients]
        refused = [i for i, head in enumerate(heads) if head.startswith(b"HTTP/1.1 503")]
        assert [head[9:12] for head in heads].count(b"200") == len(house.asked) == 8 - len(refused)
        assert refused
        assert all(b"retry-after: 1" in heads[i] and b"connection: close" not in heads[i] for i in refused)
        assert house.door.turns.refused == len(refused)
        reader, writer = clients[refused[0]]
        await reader.readuntil(b"}}")
        writer.write(GET)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")

    run(test, max_queue=2)


def test_so_many_refusals_a_second_are_told_at_once():
    patience = Patience()
    patience.spare(100.0)
    assert sum(patience.spare(100.0) for _ in range(2000)) == 499
    assert sum(patience.spare(100.0625) for _ in range(2000)) == 312
    assert sum(patience.spare(200.0) for _ in range(2000)) == 500


def test_above_that_whoever_is_refused_is_not_read_for_a_while():
    async def test(house, connect):
        house.door.patience = Patience(0.0, asyncio.get_running_loop().time() + 3600)
        reader, writer = await connect()
        writer.write(post(b"x"))
        assert b"503" in await reader.readuntil(b"\r\n\r\n")
        (connection,) = house.door.connections
        assert not connection._transport.is_reading()
        assert house.asked == []

    run(test, max_queue=0)


def test_nothing_is_computed_for_a_client_that_has_gone():
    async def test(house, connect):
        _, writer = await connect()
        writer.write(b"".join(post(b"%d" % n) for n in range(20)))
        writer.transport.abort()
        await asyncio.sleep(0.05)
        assert len(house.asked) < 20
        assert not house.door.turns

    run(test)


def test_in_a_crowd_whoever_has_ended_its_side_is_no_longer_answered():
    class Nobody:
        has_gone = True

    async def test(house, connect):
        turns = house.door.turns
        turns._scheduled = True  # the turn comes when it is called below
        for _ in range(40):
            turns.put(Nobody(), Request("GET", "/a", {}, b"", keep_alive=True))
        reader, writer = await connect()
        writer.write(GET)
        writer.write_eof()
        assert await reader.read() == b""
        assert len(turns) == 41
        turns._turn()
        assert (turns.dropped, house.asked, len(turns)) == (41, [], 0)

    run(test)


def test_a_client_that_does_not_read_its_answers_gets_no_more_of_them_and_is_cut_off():
    async def test(house, connect):
        house.door.turns.handle = lambda request: house.asked.append(request) or Response(200, b"x" * (1 << 20))
        reader, writer = await connect()
        writer.transport.pause_reading()
        for _ in range(30):
            writer.write(GET * 10)
            await asyncio.sleep(0.002)
        # What the kernel's buffers take, and no more.
        answered = len(house.asked)
        assert answered < 100
        writer.transport.resume_reading()
        assert len(await reader.readexactly(50 << 20)) == 50 << 20
        writer.transport.pause_reading()
        await asyncio.sleep(0.02)
        assert len(house.asked) > min(answered, 50)
        house.door.sweep(asyncio.get_running_loop().time() + 76)
        await asyncio.sleep(0.01)
        assert not house.door.connections

    run(test, max_queue=1000)


def test_draining_ends_what_has_begun_and_closes_the_idle():
    async def test(house, connect):
        idle, idle_writer = await connect()
        idle_writer.write(GET)
        await idle.readline()
        busy, busy_writer = await connect()
        busy_writer.write(post(b"abc")[:-1])
        await asyncio.sleep(0.01)
        house.door.drain()
        await idle.read()
        busy_writer.write(b"c")
        answer = await busy.read()
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in answer
        busy_writer.close()
        await asyncio.wait_for(house.door.emptied.wait(), 5)

    run(test)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 400), max_size=6), st.lists(st.integers(1, 60), min_size=1, max_size=8), st.data())
def test_however_the_bytes_are_cut_the_same_requests_are_read(sizes, cuts, data):
    bodies = [b"%d" % (n % 10) * n for n in sizes]
    sent = b"".join(data.draw(st.sampled_from([post(body), chunked(body) if body else post(body)])) for body in bodies)

    async def test(house, connect):
        loop = asyncio.get_running_loop()
        connection = Connection(house.door, loop)
        connection.connection_made(_Sink())
        position, turn = 0, 0
        while position < len(sent):
            size = cuts[turn % len(cuts)]
            connection.data_received(sent[position : position + size])
            position, turn = position + size, turn + 1
            await asyncio.sleep(0)
        for _ in range(100):
            await asyncio.sleep(0)
        assert not house.door.turns
        connection.connection_lost(None)

    house = run(test)
    assert [request.body for request in house.asked] == bodies


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(st.binary(max_size=300), st.builds(lambda a, b: GET[:a] + b, st.integers(0, 27), st.binary(max_size=80)))
)
def test_no_bytes_at_all_bring_the_connection_down(sent):
    async def test(house, connect):
        connection = Connection(house.door, asyncio.get_running_loop())
        sink = _Sink()
        connection.connection_made(sink)
        connection.data_received(sent)
        connection.data_received(sent)
        for _ in range(100):
            await asyncio.sleep(0)
        assert not house.door.turns
        connection.connection_lost(None)
        assert b" 500 " not in b"".join(sink.written)

    run(test)


class _Sink(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def write(self, data):
        self.written.append(data)

    def close(self): ...

    def is_closing(self):
        return False

    def is_reading(self):
        return True

    def pause_reading(self): ...

    def can_write_eof(self):
        return True

    def write_eof(self): ...

    def resume_reading(self): ...


@pytest.mark.parametrize("tail", [b"GET /route HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 3, b"no HTTP at all\r\n\r\n"])
def test_what_is_pipelined_behind_the_last_answer_does_not_wait_for_ever(serve, tail):
    client = serve(max_queue=4)
    last = b"GET /route HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    for _ in range(6):
        with socket.create_connection((client.host, client.port), timeout=10) as connection:
            connection.sendall(last + tail)
            received = b""
            while piece := connection.recv(1 << 16):
                received += piece
        assert received.startswith(b"HTTP/1.1 200")
    assert client.route()["generation"] == 1
