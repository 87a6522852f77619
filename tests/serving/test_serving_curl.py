"""Every curl line of the documents, run as it stands against a real server, answers what stands below it."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
from importlib.metadata import version as installed
from pathlib import Path

import pytest
from tests.serving.conftest import trip

from daytwo.serving.addresses import OF_MODEL, OF_VERSION
from daytwo.serving.handlers import HANDLERS

DOCUMENT = (Path(__file__).parents[2] / "docs/http.md").read_text(encoding="utf-8")
PREDICTION = "1a205b0767578352674-000000004"
# A command with its continued lines, and the answer that stands below it, if any.
EXAMPLES = re.findall(
    r"^    (curl (?:.*\\\n)*.*)\n(?:\n?((?:    (?!curl )\S.*\n|      +\S.*\n)+))?", DOCUMENT, re.MULTILINE
)

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")


def holds(told, shown):
    """Whether an answer has every key that the document shows; of lists the first is looked at."""
    if isinstance(shown, dict):
        return isinstance(told, dict) and all(name in told and holds(told[name], held) for name, held in shown.items())
    return not shown or not isinstance(shown, list) or holds(told[0], shown[0])


@pytest.fixture(scope="module")
def asked(shared):
    """Name what the lines name as the test's own server does: its model, a prediction and a version of it."""
    one = shared.predict([trip(1)])["predictions"][0]
    names = {":9191": f":{shared.port}", "late-flights": "trips", PREDICTION: one["prediction_id"]}
    names["de5337"] = one["version"][:6]

    def put(command):
        for named, ours in names.items():
            command = command.replace(named, ours)
        return command

    return put


@pytest.mark.parametrize(("command", "answer"), EXAMPLES, ids=[command[:90] for command, _ in EXAMPLES])
def test_a_curl_line_does_what_the_document_says(asked, tmp_path, command, answer):
    row = json.dumps(trip(1)).encode()
    (tmp_path / "row.json").write_bytes(row)
    (tmp_path / "row.json.gz").write_bytes(gzip.compress(row))
    (tmp_path / "rows.csv").write_text("key,tail,at,wind,seats,carrier,night\na,N1,2013-04-02,7.0,63,B6,False\n")
    (tmp_path / "infer.json").write_text(json.dumps({"inputs": [tensor(*one) for one in trip(1).items()]}))
    command = asked(command).replace("curl ", "curl --fail-with-body ", 1)
    run = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=tmp_path, timeout=20, check=False)
    assert run.returncode == 0, run.stdout
    if command.endswith(("/metrics", "/version")):
        assert run.stdout.startswith("# HELP daytwo_" if command.endswith("/metrics") else installed("daytwo"))
        return
    told = json.loads(run.stdout)
    assert "error" not in told, told
    if answer.lstrip().startswith("{"):
        assert holds(told, json.loads(re.sub(r"\s*\n\s*", "", answer))), told


def tensor(name, value):
    kind = {bool: "BOOL", int: "INT64", float: "FP64", str: "BYTES"}[type(value)]
    return {"name": name, "shape": [1], "datatype": kind, "data": [value]}


def test_every_address_has_an_example():
    lines = [command for command, _ in EXAMPLES]
    shown = {re.search(r"http://127\.0\.0\.1:9191(/[^ ?]*)", line)[1] for line in lines}
    missing = set(HANDLERS) - shown
    missing |= {f"/models/late-flights/{part}" for part in OF_MODEL} - shown
    missing |= {f"/models/late-flights/versions/de5337/{part}" for part in OF_VERSION} - shown
    missing |= {f"/predictions/{PREDICTION}{part}" for part in ("", "/explanation", "/change")} - shown
    assert missing == set()
