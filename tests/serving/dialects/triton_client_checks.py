"""What Triton's own client gets from a running server.

Run by `test_serving_triton_client.py` in an environment of its own: `python triton_client_checks.py HOST:PORT` reads
{"rows", "scores"} from stdin and prints a JSON object: for each check below an empty text, or how it failed.
"""

import json
import math
import sys
import traceback

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

URL = sys.argv[1] if len(sys.argv) > 1 else ""
TOLD = json.load(sys.stdin) if URL else {"rows": [], "scores": []}
ROWS, SCORES = TOLD["rows"], TOLD["scores"]
FORMS = {"wind": ("FP64", np.float64), "seats": ("INT64", np.int64), "night": ("BOOL", np.bool_)}


def inputs(rows, *, binary=True, texts=np.object_, **forms):
    made = []
    for name in rows[0]:
        form, kind = (FORMS | forms).get(name, ("BYTES", texts))
        values = [row[name] for row in rows]
        if kind is np.bytes_:
            values = [value.encode() for value in values]
        one = triton.InferInput(name, [len(rows), 1], form)
        one.set_data_from_numpy(np.array(values, dtype=kind).reshape(-1, 1), binary_data=binary)
        made.append(one)
    return made


def infer(client, rows=ROWS, **more):
    made = {"binary", "texts"} & set(more)
    return client.infer("trips", inputs(rows, **{name: more.pop(name) for name in made}), **more)


def refused(call, status, says):
    found = None
    try:
        call()
    except InferenceServerException as err:
        found = err
    assert found is not None
    assert found.status() == str(status), found
    assert says in found.message(), found
    assert "exception occurred in the client" not in found.message(), found


def check_the_default_binary_infer_gives_the_same_bits(client):
    found = infer(client)
    assert found.as_numpy("score").tolist() == SCORES
    assert found.as_numpy("score").dtype == np.float64
    assert found.as_numpy("act").dtype == np.bool_
    assert set(found.as_numpy("arm").tolist()) == {b"champion"}
    assert len(set(found.as_numpy("prediction_id").tolist())) == len(ROWS)
    assert found.as_numpy("nothing") is None
    assert found.get_response()["model_name"] == "trips"


def check_json_infer_gives_the_same_numbers(client):
    wanted = [triton.InferRequestedOutput(name, binary_data=False) for name in ("version", "score", "act")]
    found = infer(client, binary=False, outputs=wanted)
    assert [one["name"] for one in found.get_response()["outputs"]] == ["version", "score", "act"]
    assert found.as_numpy("score").tolist() == SCORES
    assert len(set(found.as_numpy("version").tolist())) == 1


def check_json_inputs_with_binary_outputs_and_the_other_way(client):
    assert infer(client, binary=False).as_numpy("score").tolist() == SCORES
    wanted = [triton.InferRequestedOutput("score", binary_data=False), triton.InferRequestedOutput("gain")]
    found = infer(client, outputs=wanted)
    assert found.as_numpy("score").tolist() == SCORES
    assert found.as_numpy("gain").shape == (len(ROWS),)


def check_texts_as_bytes_and_as_objects(client):
    assert infer(client, texts=np.bytes_).as_numpy("score").tolist() == SCORES
    named = [row | {"tail": "N-Ünïcode 飛"} for row in ROWS]
    assert infer(client, rows=named).as_numpy("score").tolist() == SCORES


def check_other_number_types_of_the_same_values(client):
    other = inputs(ROWS, wind=("FP32", np.float32), seats=("UINT16", np.uint16))
    assert client.infer("trips", other).as_numpy("score").tolist() == SCORES


def check_compression_both_ways(client):
    rows = ROWS * 40
    for sent in (None, "gzip", "deflate"):
        for asked in (None, "gzip", "deflate"):
            for binary in (True, False):
                found = infer(
                    client,
                    rows=rows,
                    binary=binary,
                    request_compression_algorithm=sent,
                    response_compression_algorithm=asked,
                )
                assert found.as_numpy("score").tolist() == SCORES * 40, (sent, asked, binary)


def check_nan_is_a_missing_number(client):
    rows = [row | {"wind": math.nan} for row in ROWS]
    for binary in (True, False):
        found = infer(client, rows=rows, binary=binary)
        assert set(found.as_numpy("arm").tolist()) == {b"champion"}


def check_an_infinity_is_refused_by_name_and_its_neighbours_are_served(client):
    rows = [ROWS[0] | {"wind": math.inf}, *ROWS[1:]]
    for binary in (True, False):
        found = infer(client, rows=rows, binary=binary)
        assert found.as_numpy("arm").tolist()[0] == b"fallback"
        assert found.as_numpy("score").tolist()[1:] == SCORES[1:]
        assert json.loads(found.as_numpy("breaches")[0])[0]["column"] == "wind"


def check_an_id_comes_back_and_may_be_used_again(client):
    for rows in (ROWS, ROWS[:1]):
        found = infer(client, rows=rows, request_id="1")
        assert found.get_response()["id"] == "1"
        assert len(found.as_numpy("score")) == len(rows)


def check_the_parameter_request_id_records_once(client):
    first, again = (infer(client, parameters={"request_id": "triton-once"}) for _ in range(2))
    assert first.as_numpy("prediction_id").tolist() == again.as_numpy("prediction_id").tolist()
    refused(lambda: infer(client, rows=ROWS[:1], parameters={"request_id": "triton-once"}), 409, "other content")


def check_the_parameter_explain_adds_reasons(client):
    found = infer(client, parameters={"explain": True})
    assert all(json.loads(one) for one in found.as_numpy("reasons"))
    assert infer(client).as_numpy("reasons") is None


def check_priority_and_timeout_are_taken(client):
    assert infer(client, priority=1, timeout=5_000_000).as_numpy("score").tolist() == SCORES


def check_asynchronous_infer(client):
    waiting = [client.async_infer("trips", inputs(ROWS)) for _ in range(8)]
    assert all(one.get_result().as_numpy("score").tolist() == SCORES for one in waiting)


def check_a_version_by_its_digest(client):
    version = client.get_model_metadata("trips")["versions"][0]
    assert client.is_model_ready("trips", version)
    assert infer(client, model_version=version).as_numpy("score").tolist() == SCORES
    assert not client.is_model_ready("trips", "ffffffffffff")
    refused(lambda: infer(client, model_version="ffffffffffff"), 404, "no single loaded version")


def check_health(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("trips")
    assert not client.is_model_ready("other")


def check_metadata_is_what_infer_takes(client):
    server = client.get_server_metadata()
    assert server["name"] == "daytwo"
    assert "binary_tensor_data" in server["extensions"]
    told = client.get_model_metadata("trips")
    assert {one["name"]: one["datatype"] for one in told["inputs"]} == {
        name: FORMS.get(name, ("BYTES",))[0] for name in ROWS[0]
    }
    made = infer(client).get_response()["outputs"]
    assert [(one["name"], one["datatype"]) for one in told["outputs"]] == [
        (one["name"], one["datatype"]) for one in made
    ]


def check_the_configuration(client):
    told = client.get_model_config("trips", client.get_model_metadata("trips")["versions"][0])
    assert told["max_batch_size"] >= len(ROWS)
    assert {one["name"]: one["data_type"] for one in told["input"]}["carrier"] == "TYPE_STRING"


def check_statistics_count_what_was_asked(client):
    def count():
        (one,) = client.get_inference_statistics("trips")["model_stats"]
        return one["inference_count"], one["inference_stats"]["success"]["count"]

    before = count()
    infer(client)
    after = count()
    assert after[0] - before[0] == len(ROWS)
    assert after[1] - before[1] == 1
    assert client.get_inference_statistics()["model_stats"][0]["name"] == "trips"


def check_the_repository(client):
    (one,) = client.get_model_repository_index()
    assert (one["name"], one["state"]) == ("trips", "READY")
    refused(lambda: client.load_model("trips"), 403, "releases")
    refused(lambda: client.unload_model("trips"), 403, "daytwo rollback")


def check_refusals_are_texts_that_the_client_shows(client):
    refused(lambda: client.infer("other", inputs(ROWS)), 404, "there is no model 'other'")
    refused(lambda: client.get_model_metadata("a model/with%odd"), 404, "there is no model 'a model")
    matrix = triton.InferInput("wind", [1, 3], "FP64")
    matrix.set_data_from_numpy(np.ones((1, 3)))
    refused(lambda: client.infer("trips", [matrix]), 400, "names no columns")
    top = [triton.InferRequestedOutput("score", class_count=2)]
    refused(lambda: infer(client, outputs=top), 400, "classification is not offered")
    refused(lambda: infer(client, outputs=[triton.InferRequestedOutput("proba")]), 400, "There are score")
    refused(lambda: infer(client, sequence_id=3, sequence_start=True), 400, "sequences are not kept")
    shared = inputs(ROWS)
    shared[0].set_shared_memory("region", 8)
    refused(lambda: client.infer("trips", shared), 400, "shared memory is not offered")


def check_addresses_that_are_not_offered(client):
    for ask in (client.get_trace_settings, client.get_log_settings, client.get_system_shared_memory_status):
        refused(ask, 404, "there is nothing at")


def check_a_missing_column_is_named_for_every_row(client):
    found = client.infer("trips", [one for one in inputs(ROWS) if one.name() != "carrier"])
    assert set(found.as_numpy("arm").tolist()) == {b"fallback"}
    assert all(json.loads(one)[0]["rule"] == "missing_field" for one in found.as_numpy("breaches"))


def check_no_rows_are_refused(client):
    empty = triton.InferInput("wind", [0, 1], "FP64")
    empty.set_data_from_numpy(np.zeros((0, 1)))
    refused(lambda: client.infer("trips", [empty]), 422, "no rows")


def main():
    checks = {name: check for name, check in globals().items() if name.startswith("check_")}
    told = {}
    for name, check in checks.items():
        client = triton.InferenceServerClient(URL, concurrency=4)
        try:
            check(client)
            told[name] = ""
        except Exception:  # whatever it is, the other checks are run
            told[name] = traceback.format_exc()
        finally:
            client.close()
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
