"""What comes back for input that no model should see, on a real server: each has a name, and harms nobody else.

The table stands in docs/http.md, made of the answers seen here.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.serving.conftest import trip

TABLE = (Path(__file__).parents[3] / "docs/http.md").read_text(encoding="utf-8")
PATHS = {"plain": "/predict", "mlflow": "/invocations", "v2": "/v2/models/trips/infer"}
FORMS = {"wind": "FP64", "seats": "INT64", "night": "BOOL"}
DEEP = b"[" * 100_000 + b"]" * 100_000
MEGABYTES = 100 << 20


def plain(rows):
    return json.dumps({"rows": rows}).encode()


def mlflow(rows):
    return json.dumps({"dataframe_records": rows}).encode()


def v2(rows):
    return json.dumps({"inputs": [tensor(name, [row.get(name) for row in rows]) for name in rows[-1]]}).encode()


def tensor(name, values):
    form = "BYTES" if any(isinstance(value, str) for value in values) else FORMS.get(name, "BYTES")
    return {"name": name, "shape": [len(values), 1], "datatype": form, "data": values}


WRITERS = {"plain": plain, "mlflow": mlflow, "v2": v2}


def changed(**changes) -> Callable[[str], bytes]:
    """One good row and one with these changes; under v2, which has columns, a missing one is missing from both."""
    return lambda form: WRITERS[form]([trip(1), {k: v for k, v in (trip(2) | changes).items() if v is not ...}])


def written(old: bytes, new: bytes) -> Callable[[str], bytes]:
    """The same request with other bytes in it."""

    def write(form: str) -> bytes:
        body = WRITERS[form]([trip(1), trip(2)])
        assert old in body
        return body.replace(old, new, 1)

    return write


def twice(form: str) -> bytes:
    body = WRITERS[form]([trip(1), trip(2)])
    return body.replace(b'"inputs":', b'"id": "a", "id": "b", "inputs":').replace(
        b'"key": "trip-2"', b'"key": "trip-2", "key": "trip-2"'
    )


INPUTS: dict[str, Callable[[str], bytes]] = {
    "unknown category": changed(carrier="ZZ"),
    "a number of 1e30": changed(wind=1e30),
    "a number below its range": changed(wind=-1.0),
    "`null` where a value must be": changed(seats=None),
    "a text for a number": changed(seats="many"),
    'a number as a text, `"12.5"`': changed(wind="12.5"),
    "a fraction for a whole number": changed(seats=12.5),
    "a text that is no time": changed(at="yesterday"),
    "a field is missing": changed(seats=...),
    "a field too much": changed(colour="red"),
    "an object for a value": changed(carrier={"code": "AA"}),
    "`NaN` where a value may be missing": written(b"14.0", b"NaN"),
    "`NaN` where a value must be": written(b"76", b"NaN"),
    "`Infinity`": written(b"14.0", b"Infinity"),
    "`1e999`": written(b"14.0", b"1e999"),
    "no rows": lambda form: {"plain": b"[]", "mlflow": b'{"instances": []}', "v2": b'{"inputs": []}'}[form],
    "empty columns": lambda form: {
        "plain": b'{"rows": []}',
        "mlflow": b'{"inputs": {"wind": []}}',
        "v2": b'{"inputs": [{"name": "wind", "shape": [0], "datatype": "FP64", "data": []}]}',
    }[form],
    "an empty body": lambda form: b"",
    "broken JSON": lambda form: WRITERS[form]([trip(1)])[:-3],
    "JSON, but no request": lambda form: b"3",
    "a key that stands twice": twice,
    "nested 100,000 deep": lambda form: WRITERS[form]([trip(1)]).replace(b'"AA"', DEEP).replace(b'"B6"', DEEP),
    "invalid UTF-8": written(b"trip-1", b"trip-\xff"),
    "a body of 100 MB": lambda form: b"",
}


def said(status, told):
    """Return what an answer says in a few words."""
    if status != 200:
        return f"{status} `{told.get('code') or told['error']['code']}`"
    answers = told.get("predictions") or []
    if "details" in told:
        answers = told["details"]
    elif "outputs" in told:
        outputs = {one["name"]: one["data"] for one in told["outputs"]}
        parts = zip(outputs["arm"], outputs["breaches"], outputs["warnings"], strict=True)
        answers = [
            {"arm": a, "breaches": json.loads(b or "[]"), "warnings": json.loads(w or "[]")} for a, b, w in parts
        ]
    bad = answers[-1]
    if bad["arm"] == "fallback":
        return f"row: `{bad['breaches'][0]['rule']}`"
    return f"answered, warns: `{bad['warnings'][0]['rule']}`" if bad.get("warnings") else "answered"


def ask(connection, path, body):
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def announce(connection, path):
    """Send a head that promises 100 MB, and the first of them."""
    connection.putrequest("POST", path)
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(MEGABYTES))
    connection.endheaders(b" " * 100_000)
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def scores_of(told):
    if "outputs" in told:
        return next(one["data"] for one in told["outputs"] if one["name"] == "score")
    return [one["score"] for one in told.get("details") or told["predictions"]]


@pytest.mark.parametrize("name", INPUTS)
def test_bad_input_is_named_and_harms_nobody_else(shared, name):
    good = [trip(1), trip(3)]
    expected = [one["score"] for one in shared.predict(good)["predictions"]]
    cells = []
    for form, path in PATHS.items():
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", shared.port, timeout=20)) as connection:
            if "100 MB" in name:
                status, told = announce(connection, path)
            else:
                status, told = ask(connection, path, INPUTS[name](form))
            cells.append(said(status, told))
            if status == 200 and not ("missing" in name and form == "v2"):
                assert scores_of(told)[0] == expected[0]
            if status == 413:  # nobody reads on to the end of such a body
                connection.close()
            status, told = ask(connection, path, WRITERS[form](good))
            assert (status, scores_of(told)) == (200, expected)
    line = f"| {name} | {' | '.join(cells)} |"
    assert line in TABLE.splitlines(), line


def test_the_table_has_no_other_lines():
    table = TABLE.partition("| input |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE)[1:] == list(INPUTS)
