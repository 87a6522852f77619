"""The same bytes over a real socket to a real server process, with the sizes and speeds that only a socket has.

After each case the server must end the connection by itself once the client has ended its side, must be alive, and
must not have grown; every case of `CASES` says how it is to be answered.
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from random import Random

from tests.fuzz import grammar
from tests.fuzz.connection import Answer, answers_in, must_be_fair
from tests.serving.conftest import trip

GOOD = json.dumps(trip(1)).encode()
_LONGEST_S = 20.0


def post(body: bytes, path: bytes = b"/predict", *, more: bytes = b"") -> bytes:
    """Return one well framed request."""
    head = b"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n"
    return head % (path, more, len(body)) + body


def _told(*headers: bytes, body: bytes = b"") -> bytes:
    return b"\r\n".join([b"POST /predict HTTP/1.1", b"Host: 127.0.0.1", *headers]) + b"\r\n\r\n" + body


def _with(column: str, value: bytes) -> bytes:
    return post(json.dumps(trip(1, **{column: "@"})).encode().replace(b'"@"', value))


# name -> (what is sent, the statuses in order)
CASES: dict[str, tuple[bytes, tuple[int, ...]]] = {
    "good": (post(GOOD), (200,)),
    "empty body": (post(b""), (400,)),
    "white space": (post(b" \r\n\t"), (400,)),
    "a number": (post(b"5"), (400,)),
    "not a number": (_with("wind", b"NaN"), (400,)),
    "infinity": (_with("wind", b"-Infinity"), (400,)),
    "beyond all floats": (_with("wind", b"1e400"), (200,)),
    "minus zero": (_with("wind", b"-0.0"), (200,)),
    "65 bits": (_with("seats", b"18446744073709551616"), (200,)),
    "a million digits": (_with("seats", b"9" * 1_000_000), (200,)),
    "ten million characters": (_with("carrier", b'"' + b"x" * 10_000_000 + b'"'), (413,)),
    "a million characters": (_with("carrier", b'"' + b"x" * 1_000_000 + b'"'), (200,)),
    "a lone surrogate": (_with("carrier", rb'"\ud800"'), (400,)),
    "no UTF-8": (_with("carrier", b'"\xff"'), (400,)),
    "no UTF-8 where no row is": (post(b'["\xf4\x90\x80\x80"]'), (400,)),
    "a mark of byte order": (post(b"\xef\xbb\xbf" + GOOD), (400,)),
    "UTF-16": (post(GOOD.decode().encode("utf-16")), (400,)),
    "deep": (post(b"[" * 100_000 + b"]" * 100_000), (400,)),
    "deep in a row": (_with("wind", b'{"a":' * 50_000 + b"1" + b"}" * 50_000), (400,)),
    "open and deep": (post(b'{"a":' * 200_000), (400,)),
    "a key twice in a row": (post(GOOD[:-1] + b',"wind":1}'), (200,)),
    "a key twice in the request": (post(b'{"rows":[],"rows":[' + GOOD + b"]}"), (400,)),
    "a key twice below a row": (_with("wind", b'{"a":1,"a":2}'), (200,)),
    "many keys": (post(b"{" + b",".join(b'"k%d":1' % i for i in range(100_000)) + b"}"), (200,)),
    "many rows": (post(b"[" + b",".join([b"{}"] * 10_001) + b"]"), (413,)),
    "length twice": (_told(b"Content-Length: 2", b"Content-Length: 2", body=b"{}"), (400,)),
    "length and chunks": (_told(b"Content-Length: 2", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"), (400,)),
    "an endless length": (_told(b"Content-Length: 99999999999999999999999"), (400,)),
    "a long length": (_told(b"Content-Length: 99999999999"), (413,)),
    "a negative length": (_told(b"Content-Length: -1"), (400,)),
    "a signed length": (_told(b"Content-Length: +2", body=b"{}"), (400,)),
    "no host": (b"POST /predict HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", (400,)),
    "a long header": (_told(b"X: " + b"x" * 20_000), (431,)),
    "many headers": (_told(*(b"X-%d: 1" % i for i in range(500))), (431,)),
    "a long path": (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", (431,)),
    "a folded header": (_told(b"X: a", b" b"), (400,)),
    "old HTTP": (b"GET /route\r\n\r\n", (400,)),
    "TLS": (bytes.fromhex("16030100a5010000a10303") + bytes(100), (400,)),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400,)),
    "half a head": (b"POST /predict HTTP/1.1\r\nHost: 127", ()),
    "half a body": (post(GOOD)[:-5], ()),
    "pipelined": (post(GOOD) * 200, (200,) * 200),
    "pipelined behind an end": (post(GOOD, more=b"Connection: close\r\n") + post(GOOD) * 100, (200,)),
    "good, then broken": (post(GOOD) + b"\x00\x01\x02\r\n\r\n", (200, 400)),
    "one byte a chunk": (
        _told(b"Transfer-Encoding: chunked", body=b"".join(b"1\r\n%c\r\n" % one for one in GOOD) + b"0\r\n\r\n"),
        (200,),
    ),
    "a chunk without end": (_told(b"Transfer-Encoding: chunked", body=b"ffffffffffffffffff\r\n"), (400,)),
    "a huge chunk": (_told(b"Transfer-Encoding: chunked", body=b"fffffff\r\n" + b"x" * 9_000_000), (413,)),
    "an endless extension": (_told(b"Transfer-Encoding: chunked", body=b"1;" + b"x" * 40_000_000), (413,)),
}


def talk(port: int, data: bytes, cuts: tuple[int, ...] = ()) -> list[Answer]:
    """Send bytes over a connection of their own, end our side, and return what came until the server ended its own."""
    received = bytearray()
    with socket.create_connection(("127.0.0.1", port), timeout=_LONGEST_S) as connection:
        # It may refuse and end the connection long before all was sent; not to read at all would be a TimeoutError.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, ConnectionAbortedError):
            for begin, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
                connection.sendall(data[begin:end])
            connection.shutdown(socket.SHUT_WR)
        try:
            while piece := connection.recv(1 << 20):
                received += piece
        except ConnectionResetError:
            return []  # the server had refused long before all was sent
    answers = answers_in(bytes(received), may_lack_bodies=b"HEAD" in data)
    for answer in answers:
        must_be_fair(answer)
    return answers


def cases(random: Random) -> Iterator[tuple[bytes, tuple[int, ...]]]:
    """Yield what clients send without end, and where each is cut into pieces."""
    while True:
        data = grammar.stream(random, lambda one: grammar.predict_body(one, trip))
        cuts = sorted(random.randrange(len(data) + 1) for _ in range(random.choice([0, 0, 1, 5])))
        yield data, tuple(cuts)
