"""Bytes near what other servers' clients send: MLflow's JSON forms and CSV, the Open Inference Protocol's tensors.

`grammar.py` makes the values; `read_outputs` reads a reply's tensors by the protocol's own words, not by the server's.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from random import Random

import msgspec
from tests.fuzz import grammar

Good = Callable[[int], dict[str, object]]
_SIZES = {"BOOL": "?", "FP64": "<d", "INT64": "<q"}
_CONTENT_TYPES = (
    *((b"application/json", b"application/json; charset=utf-8", b"text/csv", b"text/csv; charset=utf-8") * 4),
    *(b"TEXT/CSV", b"application/json; format=pandas-split", b"", b"text/plain", b"\xff"),
)
_CELLS = (
    "",
    "1.5",
    "nan",
    "inf",
    "1e400",
    '"a""b"',
    '"',
    "AA",
    "true",
    "1_0",
    "\u0661",
    "\x00",
    "9" * 5000,
    " 12 ",
    "2013-04-01",
)


def invocation(random: Random, make_good: Good) -> tuple[bytes, bytes]:
    """Return a body for `POST /invocations`, and its content type."""
    rows = [make_good(random.randint(0, 5000)) for _ in range(random.choice([0, 1, 1, 2, 5]))]
    kind = random.choice(_CONTENT_TYPES)
    body = _csv(random, rows) if b"csv" in kind.lower() else _form(random, rows)
    return grammar.shaken(random, body) if random.random() < 0.25 else body, kind


def _csv(random: Random, rows: list[dict[str, object]]) -> bytes:
    names = list(rows[0]) if rows else ["wind", "seats"]
    for _ in range(random.choice([0, 0, 1, 2])):
        names.insert(random.randrange(len(names) + 1), random.choice([*names, "", "late", "_id", "rows"]))
    lines = [[str(row.get(name, random.choice(_CELLS))) for name in names] for row in rows]
    for cells in lines:
        if random.random() < 0.5:
            cells[random.randrange(len(cells))] = random.choice(_CELLS)
        if random.random() < 0.1:
            cells.append("x")
    end = random.choice(["\n", "\r\n", "\r"])
    return random.choice(["", "", "\ufeff"]).encode() + end.join(",".join(cells) for cells in [names, *lines]).encode()


def _form(random: Random, rows: list[dict[str, object]]) -> bytes:
    names = list(rows[0]) if rows else ["wind"]
    texts = [grammar.row(random, row) for row in rows]
    lists = [b"[" + b",".join(_value(random, row[name]) for name in names) + b"]" for row in rows]
    if random.random() < 0.15:
        names = [random.choice([*names, "wind", ""]) for _ in names]
    columns = b",".join(
        json.dumps(name).encode() + b":[" + b",".join(_value(random, row.get(name)) for row in rows) + b"]"
        for name in names
    )
    pairs = [
        random.choice(
            [
                (b'"dataframe_records"', _listed(texts)),
                (b'"dataframe_split"', b'{"columns":%s,"data":%s}' % (json.dumps(names).encode(), _listed(lists))),
                (b'"dataframe_split"', b'{"data":%s}' % _listed(lists)),
                (b'"instances"', _listed(random.choice([texts, lists]))),
                (b'"inputs"', random.choice([b"{" + columns + b"}", _listed(texts)])),
            ]
        )
    ]
    if random.random() < 0.3:
        pairs.append(
            random.choice([(b'"params"', b"{}"), (b'"instances"', b"[]"), (b'"x"', grammar.value(random)), pairs[0]])
        )
    return b"{" + b",".join(name + b":" + held for name, held in pairs) + b"}"


def inference(random: Random, make_good: Good) -> tuple[bytes, bytes | None]:
    """Return a body for `POST /v2/models/M/infer`, and what its header says of the length of its JSON part."""
    rows = [make_good(random.randint(0, 5000)) for _ in range(random.choice([0, 1, 1, 2, 5]))]
    names = list(rows[0]) if rows else ["wind"]
    is_binary = random.random() < 0.5
    inputs, blobs = [], []
    for name in names:
        if random.random() < 0.02:
            continue
        values = [row[name] for row in rows]
        blob = _blob(random, values) if is_binary and random.random() < 0.8 else None
        inputs.append(_tensor(random, name, values, blob))
        blobs.append(b"" if blob is None else blob[1])
    if inputs and random.random() < 0.1:
        inputs.append(random.choice(inputs))
    around = [b'"inputs":' + _listed(inputs)]
    around += [text for text in _AROUND if random.random() < 0.15]
    if random.random() < 0.1:
        around.append(b'"id":' + grammar.value(random))
    head = b"{" + b",".join(around) + b"}"
    if random.random() < 0.15:
        head = grammar.shaken(random, head)
    body = head + b"".join(blobs)
    if random.random() < 0.1:
        body = grammar.shaken(random, body)
    length: bytes | None = b"%d" % len(head) if is_binary else None
    return body, random.choice(_LENGTHS) if random.random() < 0.08 else length


_AROUND = (
    b'"id":"i-1"',
    b'"parameters":{"binary_data_output":true}',
    b'"parameters":{"binary_data_output":"x"}',
    b'"outputs":[{"name":"score"},{"name":"prediction_id"},{"name":"arm","parameters":{"binary_data":true}}]',
    b'"outputs":[{"name":"gone"}]',
    b'"outputs":[]',
)
_LENGTHS = (None, b"0", b"-1", b"1", b"5000", b"9" * 30, b"9" * 5000, b"\xb2", b"1.0", b" 7", b"")
_DATATYPES = (*(b"FP64", b"FP32", b"FP16", b"INT64", b"UINT64", b"INT8", b"BOOL", b"BYTES") * 4, b"BF16", b"")


def _tensor(random: Random, name: str, values: list[object], blob: tuple[bytes, bytes] | None) -> bytes:
    count = len(values)
    shape: object = random.choice([[count], [count, 1]])
    if random.random() < 0.01:
        shape = random.choice([[], [-1], [count, 2], [0, 7], [2**62, 2], [count, 1, 1], [10**30], [True], None])
    datatype, size = (random.choice(_DATATYPES), None) if blob is None else (blob[0], len(blob[1]))
    parts = [
        b'"name":' + json.dumps(name).encode(),
        b'"shape":' + json.dumps(shape).encode(),
        b'"datatype":"%s"' % datatype,
    ]
    if size is None:
        texts = [_value(random, one) for one in values]
        parts.append(b'"data":' + _listed([_listed([one]) for one in texts] if random.random() < 0.3 else texts))
    elif random.random() < 0.02:
        parts.append(
            b'"parameters":{"binary_data_size":%s}' % random.choice([b"-1", b"true", b"1e3", b"null", b"9" * 30])
        )
    else:
        parts.append(b'"parameters":{"binary_data_size":%d}' % size)
    return b"{" + b",".join(parts) + b"}"


def _blob(random: Random, values: list[object]) -> tuple[bytes, bytes]:
    """Return values in binary with their datatype, texts as lengths and UTF-8; now and then other bytes."""
    if values and isinstance(values[0], str):
        texts = [str(one).encode() for one in values]
        made = b"".join(struct.pack("<I", len(text)) + text for text in texts)
        return b"BYTES", grammar.shaken(random, made) if random.random() < 0.1 else made
    datatype, form = random.choice(_PACKED)
    if form in {"<d", "<f"}:
        odd = (math.nan, math.inf, -0.0, 1e300 if form == "<d" else 1e38)
        numbers = [float(one) if isinstance(one, bool | int | float) else math.nan for one in values]
        packed = [struct.pack(form, random.choice(odd) if random.random() < 0.1 else one) for one in numbers]
    else:
        whole = [int(one) % 200 if isinstance(one, bool | int | float) else 0 for one in values]
        packed = [struct.pack(form, random.choice((0, 1)) if random.random() < 0.1 else one) for one in whole]
    return datatype, b"".join(packed)


_PACKED = ((b"FP64", "<d"), (b"FP32", "<f"), (b"INT64", "<q"), (b"BOOL", "?"), (b"UINT8", "<B"))


def _value(random: Random, good: object) -> bytes:
    if random.random() < 0.02:
        return random.choice([b"NaN", b"Infinity", b"-Infinity"])
    return grammar.value(random) if random.random() < 0.03 else json.dumps(good).encode()


def _listed(texts: list[bytes]) -> bytes:
    return b"[" + b",".join(texts) + b"]"


def read_outputs(body: bytes, length: bytes | None) -> dict[str, list[object]]:
    """Return a reply's output tensors, JSON or binary; fails where the bytes are not what the JSON part says."""
    cut = len(body) if length is None else int(length)
    told, rest = msgspec.json.decode(body[:cut]), body[cut:]
    found: dict[str, list[object]] = {}
    for output in told["outputs"]:
        size = output.get("parameters", {}).get("binary_data_size")
        if size is None:
            values = output["data"]
        else:
            values, rest = _unpacked(output["datatype"], rest[:size]), rest[size:]
        assert output["shape"] == [len(values)], output
        found[output["name"]] = values
    assert not rest, "bytes behind the last tensor"
    return found


def _unpacked(datatype: str, content: bytes) -> list[object]:
    if datatype != "BYTES":
        return [one for (one,) in struct.iter_unpack(_SIZES[datatype], content)]
    texts: list[object] = []
    while content:
        (size,) = struct.unpack("<I", content[:4])
        texts.append(content[4 : 4 + size].decode())
        content = content[4 + size :]
    return texts
