"""The Open Inference Protocol and MLflow's forms on a running server: the same rows get the same answers."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from tests.serving.conftest import make_bundle, trip
from tests.serving.conftest import raw as raw_of

# Written by MLflow's own code: `record_mlflow_payloads.py` next door.
RECORDED = json.loads((Path(__file__).parent / "mlflow_payloads.json").read_text())
COLUMNS = ("key", "tail", "at", "wind", "seats", "carrier", "night")
FORMS = {"wind": "FP64", "seats": "INT64", "night": "BOOL"}


def raw(client, method, path, body=b"", **headers):
    return raw_of(client, method, path, body, **headers)[:2]


def tensors(rows):
    return [
        {"name": name, "shape": [len(rows), 1], "datatype": FORMS.get(name, "BYTES"), "data": [r[name] for r in rows]}
        for name in COLUMNS
    ]


def binary(rows):
    parts, heads = [], []
    for one in tensors(rows):
        values = one.pop("data")
        if one["datatype"] == "BYTES":
            content = b"".join(struct.pack("<I", len(v.encode())) + v.encode() for v in values)
        else:
            content = np.array(values, dtype={"FP64": "<f8", "INT64": "<i8", "BOOL": "?"}[one["datatype"]]).tobytes()
        heads.append(one | {"parameters": {"binary_data_size": len(content)}})
        parts.append(content)
    head = json.dumps({"inputs": heads, "parameters": {"binary_data_output": True}}).encode()
    return head + b"".join(parts), len(head)


@pytest.fixture(scope="module")
def rows():
    return [trip(number) for number in range(5)]


@pytest.fixture(scope="module")
def scores(shared, rows):
    return [one["score"] for one in shared.predict(rows)["predictions"]]


def outputs(body):
    return {one["name"]: one["data"] for one in json.loads(body)["outputs"]}


def test_json_tensors_get_the_answers_of_plain_rows(shared, rows, scores):
    status, body = raw(shared, "POST", "/v2/models/trips/infer", json.dumps({"inputs": tensors(rows)}).encode())
    assert status == 200, body
    told = outputs(body)
    assert told["score"] == scores
    assert told["arm"] == ["champion"] * 5
    assert len(set(told["prediction_id"])) == 5
    assert set(told["breaches"]) == {""}


def test_a_model_that_knows_how_sure_it_is_tells_its_interval_by_name(own_place, serve, rows):
    own_place.route(make_bundle(own_place.bundles, seed=5, aware=True).digest)
    client = serve()
    intervals = [tuple(one["interval"]) for one in client.predict(rows)["predictions"]]
    bad = tensors([*rows, trip(6, carrier=None)])
    status, body = raw(client, "POST", "/v2/models/trips/infer", json.dumps({"inputs": bad}).encode())
    assert status == 200, body
    told = outputs(body)
    assert [*zip(told["interval_low"], told["interval_high"], strict=True)] == [*intervals, (None, None)]
    names = [one["name"] for one in json.loads(raw(client, "GET", "/v2/models/trips")[1])["outputs"]]
    assert names[:3] == ["score", "interval_low", "interval_high"]


def test_binary_tensors_get_the_same_bits(shared, rows, scores):
    body, head = binary(rows)
    status, answer, headers = raw_of(
        shared,
        "POST",
        "/v2/models/trips/infer",
        body,
        **{"Inference-Header-Content-Length": str(head), "Content-Type": "application/octet-stream"},
    )
    assert status == 200, answer
    cut = int(headers["Inference-Header-Content-Length"])
    told = json.loads(answer[:cut])["outputs"]
    assert told[0]["name"] == "score"
    assert np.frombuffer(answer[cut : cut + 40], "<f8").tolist() == scores


def test_gzip_both_ways(shared, rows, scores):
    body = gzip.compress(json.dumps({"inputs": tensors(rows * 20)}).encode())
    status, answer = raw(
        shared, "POST", "/v2/models/trips/infer", body, **{"Content-Encoding": "gzip", "Accept-Encoding": "gzip"}
    )
    assert status == 200
    assert outputs(gzip.decompress(answer))["score"] == scores * 20


@pytest.mark.parametrize("body", [b"no gzip", gzip.compress(b"{}")[:-4], gzip.compress(b"{}") + b"more"])
def test_what_is_no_whole_gzip_is_refused(shared, body):
    status, answer = raw(shared, "POST", "/predict", body, **{"Content-Encoding": "gzip"})
    assert (status, json.loads(answer)["error"]["code"]) == (400, "encoding")


def test_a_body_that_unpacks_to_too_much_is_refused(shared):
    status, answer = raw(shared, "POST", "/predict", gzip.compress(b" " * (1 << 26)), **{"Content-Encoding": "gzip"})
    assert (status, json.loads(answer)["error"]["code"]) == (413, "too_large")


def test_a_bad_row_among_tensors_is_told_and_its_neighbours_are_served(shared, rows, scores):
    bad = [rows[0], rows[1] | {"wind": 1e6}]
    status, body = raw(shared, "POST", "/v2/models/trips/infer", json.dumps({"inputs": tensors(bad)}).encode())
    told = outputs(body)
    assert status == 200
    assert told["score"][0] == scores[0]
    assert told["arm"] == ["champion", "fallback"]
    assert json.loads(told["breaches"][1])[0]["rule"] == "between"


def test_metadata_describes_the_contract(shared):
    told = json.loads(raw(shared, "GET", "/v2/models/trips")[1])
    assert {one["name"]: one["datatype"] for one in told["inputs"]} == {n: FORMS.get(n, "BYTES") for n in COLUMNS}
    assert told["outputs"][0] == {"name": "score", "datatype": "FP64", "shape": [-1]}
    version = told["versions"][0]
    for path in ("ready", "config", "stats"):
        assert raw(shared, "GET", f"/v2/models/trips/versions/{version}/{path}")[0] == 200
        assert raw(shared, "GET", f"/v2/models/trips/{path}")[0] == 200
    assert json.loads(raw(shared, "POST", "/v2/repository/index")[1])[0]["state"] == "READY"
    assert "binary_tensor_data" in json.loads(raw(shared, "GET", "/v2")[1])["extensions"]


def test_statistics_count_rows_and_requests(shared, rows):
    def stats():
        return json.loads(raw(shared, "GET", "/v2/models/trips/stats")[1])["model_stats"][0]

    before = stats()
    raw(shared, "POST", "/v2/models/trips/infer", json.dumps({"inputs": tensors(rows)}).encode())
    after = stats()
    assert after["inference_count"] == before["inference_count"] + 5
    assert after["execution_count"] == before["execution_count"] + 1


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/models/other", 404),
        ("GET", "/v2/models/trips/versions/ffffffff", 404),
        ("GET", "/v2/models/trips/what", 404),
        ("GET", "/v2/what", 404),
        ("GET", "/v2/models/trips/infer", 405),
        ("POST", "/v2/models/trips", 405),
        ("POST", "/v2/models/trips/infer", 400),
    ],
)
def test_what_is_not_there_is_named(shared, method, path, status):
    found, body = raw(shared, method, path)
    assert found == status
    told = json.loads(body)
    assert told["message"] in told["error"]  # a text, as the protocol's clients expect
    assert told["hint"]


@pytest.mark.parametrize("form", ["split", "records", "instances", "inputs", "lists"])
def test_mlflow_payloads_get_the_answers_of_plain_rows(shared, rows, scores, form):
    lists = [[row[name] for name in COLUMNS] for row in rows]
    body = {
        "split": {"dataframe_split": {"columns": COLUMNS, "data": lists}},
        "records": {"dataframe_records": rows},
        "instances": {"instances": rows},
        "inputs": {"inputs": {name: [row[name] for row in rows] for name in COLUMNS}},
        "lists": {"instances": lists},
    }[form]
    status, answer = raw(shared, "POST", "/invocations", json.dumps(body).encode())
    assert status == 200, answer
    assert json.loads(answer)["predictions"] == scores


def test_csv_gets_the_answers_of_plain_rows(shared, rows, scores):
    lines = [",".join(COLUMNS), *(",".join(str(row[name]) for name in COLUMNS) for row in rows)]
    status, answer = raw(shared, "POST", "/invocations", "\n".join(lines).encode(), **{"Content-Type": "text/csv"})
    assert status == 200, answer
    assert json.loads(answer)["predictions"] == scores


@pytest.mark.parametrize("payload", RECORDED["payloads"], ids=lambda payload: payload["name"])
def test_what_mlflows_own_code_sends_gets_the_answers_of_plain_rows(shared, payload):
    scores = [one["score"] for one in shared.predict(RECORDED["rows"])["predictions"]]
    status, answer = raw(shared, "POST", "/invocations", payload["body"].encode(), **{"Content-Type": payload["type"]})
    assert status == 200, answer
    told = json.loads(answer)
    assert [(one["arm"], one.get("breaches")) for one in told["details"]] == [("champion", None)] * len(scores)
    assert told["predictions"] == scores
    assert all(bool(one.get("reasons")) == ('"explain": true' in payload["body"]) for one in told["details"])


def test_a_row_of_mlflow_without_an_answer_is_null_and_its_reason_stands_beside_it(shared, rows):
    body = {"dataframe_records": [rows[0], rows[1] | {"seats": "many"}], "params": {"request_id": "mlflow-once"}}
    first, again = (json.loads(raw(shared, "POST", "/invocations", json.dumps(body).encode())[1]) for _ in range(2))
    assert first == again
    assert first["request_id"] == "mlflow-once"
    assert len(first["predictions"]) == 2
    assert first["details"][1]["breaches"][0]["column"] == "seats"


def test_mlflow_clients_find_what_they_ask_for(shared):
    assert raw(shared, "GET", "/ping")[0] == raw(shared, "GET", "/health")[0] == 200
    assert raw(shared, "GET", "/version")[1].decode().split(".")[0].isdigit()
    status, answer = raw(shared, "POST", "/invocations", b'{"instances": [{"key": "a", "key": "b"}]}')
    assert (status, json.loads(answer)["error"]["code"]) == (400, "duplicate_key")
