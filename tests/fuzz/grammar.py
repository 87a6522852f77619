"""Bytes that a client might send, near what it should: rows, requests around them, and HTTP around those.

Everything comes from one `random.Random`, so that a seed is a case. `door.py` sends them and says what must hold.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from random import Random

Pairs = list[tuple[bytes, bytes]]

NUMBERS = (
    *(b"0", b"-0", b"-0.0", b"1e400", b"-1e400", b"1e-400", b"9007199254740993", b"9223372036854775808"),
    *(b"18446744073709551616", b"-9223372036854775809", b"1" + b"0" * 400, b"0." + b"3" * 400, b"1e38", b"3.5e38"),
    *(b"1.0000000596046448", b"0.1", b"100.00000000000001", b"900.5", b"1e2", b"1E+2", b"16777217"),
)
WORDS = (b"true", b"false", b"null", b"{}", b"[]", b"[null]", b'{"a":1}', b'{"a":1,"a":2}')
TEXTS = (
    *(
        b'""',
        b'" "',
        b'"AA"',
        b'"aa"',
        b'"AA "',
        b'"12"',
        b'"36.0 dm/s"',
        b'"NaN"',
        b'"null"',
        b'"true"',
        b'"' + b"x" * 300 + b'"',
    ),
    *(rb'"\ud83d\ude00"', rb'"\u0000"', b'"\xef\xbb\xbf"', rb'"a\":b"', rb'"\\":"', rb'"\":"'),
    *(b'"2013-04-01T17:30:00Z"', b'"2013-02-30"', b'"0001-01-01T00:00:00+10:00"', b'"9999-12-31T23:59:59-10:00"'),
    *('"٢٠١٣-04"'.encode(), '"İ"'.encode(), b'"2013-04-01T17:30:00.1234567890123Z"', b'"20130401"', b'"0000-00-00"'),
)
# No JSON at all, or no UTF-8.
BROKEN = (
    *(
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"nan",
        b"01",
        b"1.",
        b"+1",
        b".5",
        b"1e",
        b"0x10",
        b"1_000",
        b"--1",
        b"1e999999",
    ),
    *(
        b"True",
        b"nul",
        b"None",
        b"undefined",
        b"'a'",
        b"",
        b"[",
        b"]",
        b'"',
        b'"\\"',
        rb'"\x41"',
        rb'"\u00"',
        b'"\x00"',
        b'"\n"',
    ),
    *(rb'"\ud800"', rb'"\udc00\ud800"', b'"\xff"', b'"\xc0\xaf"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"'),
)
SPACES = (b" ", b"\t", b"\r\n", b"\x0b", b"\x00", b"\xc2\xa0", b"\xef\xbb\xbf")
DEPTHS = (2, 15, 16, 17, 60, 1000, 20_000)


def value(random: Random) -> bytes:
    """Return the text of some value."""
    pick = random.random()
    if pick < 0.04:
        return random.choice(BROKEN)
    if pick < 0.35:
        return random.choice(NUMBERS)
    if pick < 0.65:
        return random.choice(TEXTS)
    if pick < 0.8:
        return random.choice(WORDS)
    if pick < 0.9:
        return json.dumps(random.choice([random.randint(-(10**6), 10**6), random.uniform(-200, 1000)])).encode()
    if pick < 0.97:
        return b"[" + b",".join(value(random) for _ in range(random.randint(1, 3))) + b"]"
    return nested(random)


def nested(random: Random) -> bytes:
    """Return a value that goes deep, closed or not."""
    depth = random.choice(DEPTHS)
    begin, end = random.choice([(b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")])
    return begin * depth + b"1" + end * (depth if random.random() < 0.8 else depth - 1)


def row(random: Random, good: dict[str, object]) -> bytes:
    """Return a row near `good`."""
    pairs: Pairs = [(json.dumps(name).encode(), json.dumps(held).encode()) for name, held in good.items()]
    for _ in range(random.choice([0, 0, 1, 1, 2, 5])):
        random.choice(_ROW_CHANGES)(random, pairs)
    return _object(random, pairs)


def _object(random: Random, pairs: Pairs) -> bytes:
    colon, comma = random.choice([(b":", b","), (b": ", b", "), (b" : ", b" ,\n"), (b"\t:", b",")])
    return b"{" + comma.join(name + colon + held for name, held in pairs) + b"}"


def _change(random: Random, pairs: Pairs) -> None:
    if pairs:
        i = random.randrange(len(pairs))
        pairs[i] = (pairs[i][0], value(random))


def _drop(random: Random, pairs: Pairs) -> None:
    if pairs:
        del pairs[random.randrange(len(pairs))]


def _twice(random: Random, pairs: Pairs) -> None:
    if pairs:
        name, held = random.choice(pairs)
        # The same key, written with an escape.
        written = name if random.random() < 0.5 or len(name) < 3 else b'"\\u%04x' % name[1] + name[2:]
        pairs.insert(random.randrange(len(pairs) + 1), (written, random.choice([held, value(random)])))


def _unknown(random: Random, pairs: Pairs) -> None:
    pairs.append((random.choice([*TEXTS, b'"rows"', b'"_id"', b'"late"', b"1", b"a"]), value(random)))


_ROW_CHANGES: Sequence[Callable[[Random, Pairs], None]] = (_change, _change, _change, _drop, _twice, _unknown)


def predict_body(random: Random, make_good: Callable[[int], dict[str, object]]) -> bytes:
    """Return a body for `POST /predict`."""
    rows = [row(random, make_good(random.randint(0, 5000))) for _ in range(random.choice([0, 1, 1, 1, 2, 3, 8]))]
    if random.random() < 0.1:
        rows.insert(random.randrange(len(rows) + 1), value(random))
    listed = b"[" + random.choice([b",", b" , "]).join(rows) + b"]"
    form = random.random()
    if form < 0.25 and rows:
        body = rows[0]
    elif form < 0.45:
        body = listed
    else:
        pairs: Pairs = [(b'"rows"', listed)]
        for name, usual in _AROUND:
            if random.random() < 0.25:
                pairs.append((name, random.choice(usual) if random.random() < 0.7 else value(random)))
        if random.random() < 0.1:
            random.choice((_twice, _unknown))(random, pairs)
        random.shuffle(pairs)
        body = _object(random, pairs)
    return shaken(random, body) if random.random() < 0.25 else body


_AROUND = (
    (b'"request_id"', (b'"r-1"', b'"r-2"', b'""', b'"' + b"i" * 201 + b'"', b"7")),
    (b'"explain"', (b"true", b"false", b"null", b"1")),
    (b'"replay_of"', (b"[null]", b'["q-1"]', b"[]", b'[null,"q-2"]', b"[1]")),
)


def labels_body(random: Random) -> bytes:
    """Return a body for `POST /labels`."""
    labels = []
    for _ in range(random.choice([0, 1, 1, 2])):
        pairs: Pairs = [(b'"label"', random.choice([b"0", b"1", b'"1"', b"true", value(random)]))]
        pairs.append(
            random.choice([(b'"key"', b'"trip-1"'), (b'"prediction_id"', b'"p-000000000"'), (b'"key"', value(random))])
        )
        if random.random() < 0.5:
            pairs.append((b'"observed_at"', random.choice([b'"2013-04-01T00:00:00Z"', value(random)])))
        if random.random() < 0.2:
            random.choice(_ROW_CHANGES)(random, pairs)
        labels.append(_object(random, pairs))
    pairs = [(b'"labels"', b"[" + b",".join(labels) + b"]")]
    if random.random() < 0.3:
        pairs.append((b'"request_id"', random.choice([b'"l-1"', value(random)])))
    body = _object(random, pairs)
    return shaken(random, body) if random.random() < 0.2 else body


def feedback_body(random: Random) -> bytes:
    """Return a body for `POST /feedback`."""
    pairs: Pairs = [(b'"prediction_id"', b'"p-000000000"'), (b'"action"', b'"accepted"'), (b'"reason"', b'"why"')]
    for _ in range(random.choice([0, 1, 2])):
        random.choice(_ROW_CHANGES)(random, pairs)
    return shaken(random, _object(random, pairs)) if random.random() < 0.2 else _object(random, pairs)


def shaken(random: Random, text: bytes) -> bytes:
    """Return `text` with a few bytes gone, doubled, changed or put in."""
    made = bytearray(text)
    for _ in range(random.choice([1, 1, 2, 6])):
        at, length = random.randrange(len(made) + 1), random.choice([1, 1, 2, 8, 40])
        match random.randrange(6):
            case 0:
                del made[at : at + length]
            case 1:
                made[at:at] = made[at : at + length]
            case 2:
                made[at : at + 1] = bytes([random.randrange(256)])
            case 3:
                made[at:at] = random.choice(
                    [*SPACES, *NUMBERS[:12], *WORDS, *BROKEN, b'"', b"{", b"}", b"[", b"]", b",", b":"]
                )
            case 4:
                del made[at:]
            case 5:
                made[at:at] = value(random)[:1000]
    return bytes(made)


PATHS = (
    *(b"/predict", b"/predict", b"/predict", b"/labels", b"/feedback", b"/route", b"/metrics", b"/v2/health/ready"),
    *(
        b"/v2/health/live",
        b"/admin/rotate",
        b"/predictions/p-000000000",
        b"/invocations",
        b"/v2/models/trips/infer",
        b"/predictions/%ff",
        b"/predict?a=b",
        b"*",
    ),
    *(b"http://x/predict", b"/../../etc/passwd", b"//predict", b"/" + b"a" * 9000, b"/\xff", b"", b"/predict\x00"),
)
METHODS = (
    b"POST",
    b"POST",
    b"POST",
    b"GET",
    b"HEAD",
    b"PUT",
    b"OPTIONS",
    b"CONNECT",
    b"TRACE",
    b"post",
    b"P\x00ST",
    b"PRI",
)


def http(random: Random, body: bytes) -> bytes:
    """Return one HTTP message around `body`, well framed about every second time."""
    fair = random.random() < 0.5
    method, path = (b"POST", b"/predict") if fair else (random.choice(METHODS), random.choice(PATHS))
    version = (
        b"HTTP/1.1"
        if fair or random.random() < 0.8
        else random.choice([b"HTTP/1.0", b"HTTP/2.0", b"HTTP/9", b"", b"ICY"])
    )
    headers = [b"Host: 127.0.0.1", b"Content-Type: application/json"]
    chunked = random.random() < 0.2
    headers.append(b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(body))
    if not fair:
        for _ in range(random.choice([1, 1, 2, 3])):
            _break_headers(random, headers)
        random.shuffle(headers)
    end = b"\r\n" if fair or random.random() < 0.9 else random.choice([b"\n", b"\r", b"\r\r\n"])
    head = b" ".join([method, path, version]) + end + end.join(headers) + end + end
    return head + (_chunks(random, body) if chunked else body)


def _break_headers(random: Random, headers: list[bytes]) -> None:
    change = random.randrange(4)
    if change == 0 and headers:
        del headers[random.randrange(len(headers))]
    elif change == 1 and headers:
        headers.append(random.choice(headers))
    elif change == 2:
        headers.append(random.choice(_HEADERS))
    else:
        headers += [b"X-%d: %s" % (i, b"v" * random.choice([1, 50, 400])) for i in range(random.choice([5, 99, 300]))]


_HEADERS = (
    *(
        b"Content-Length: %s" % length
        for length in (b"0", b"5", b"-1", b"1e3", b"99999999999999999999999", b"5, 5", b"+5", b"0x5", b"")
    ),
    *(
        b"Transfer-Encoding: %s" % how
        for how in (b"chunked", b"gzip, chunked", b"identity", b"chunked, chunked", b"xchunked", b"")
    ),
    *(
        b"Content-Type: text/plain",
        b"Content-Encoding: gzip",
        b"Expect: 100-continue",
        b"Expect: x",
        b"Connection: close",
    ),
    *(
        b"Connection: upgrade\r\nUpgrade: websocket",
        b"Connection: keep-alive",
        b"Host: evil.example",
        b"Host:",
        b"Origin: null",
    ),
    *(
        b"Origin: http://evil.example",
        b"Authorization: Bearer x",
        b" folded: x",
        b"Bad Name: x",
        b"X: \xff\x00",
        b":",
        b"X" * 17_000,
    ),
    *(
        b"Content-Length : 5",
        b"Content-Length:\t5",
        b"Transfer-Encoding:\x0bchunked",
        b"Range: bytes=0-0",
        b"Cookie: " + b"c" * 9000,
    ),
)


def _chunks(random: Random, body: bytes) -> bytes:
    made = bytearray()
    at = 0
    while at < len(body):
        size = random.choice([1, 7, 100, len(body)])
        part = body[at : at + size]
        told = b"%x" % len(part)
        if random.random() < 0.03:
            told = random.choice(
                [b"0", b"ffffffffffffffffff", b"-1", b"zz", b"", b"%X;ext=%s" % (len(part), b"e" * 50)]
            )
        made += told + b"\r\n" + part + (b"\r\n" if random.random() < 0.98 else b"")
        at += len(part)
    return bytes(made) + random.choice(
        [b"0\r\n\r\n"] * 8 + [b"0\r\nTrailer: x\r\n\r\n", b"", b"0\r\n", b"00000\r\n\r\n"]
    )


def stream(random: Random, make_body: Callable[[Random], bytes]) -> bytes:
    """Return what one client sends over one connection: a few messages, whole or not."""
    made = b"".join(http(random, make_body(random)) for _ in range(random.choice([1, 1, 1, 2, 4, 40])))
    if random.random() < 0.2:
        made = shaken(random, made)
    return made
