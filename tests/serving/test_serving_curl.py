"""Every curl line of the documents, run as it stands against a real server, answers what stands below it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.serving.conftest import trip

DOCUMENT = (Path(__file__).parents[2] / "docs/http.md").read_text(encoding="utf-8")
# A command with its continued lines, and the answer that stands below it, if any.
EXAMPLES = re.findall(r"^    (curl (?:.*\\\n)*.*)\n(?:\n?((?:    \S.*\n|      +\S.*\n)+))?", DOCUMENT, re.MULTILINE)

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")


def holds(told, shown):
    """Whether an answer has every key that the document shows; of lists the first is looked at."""
    if isinstance(shown, dict):
        return isinstance(told, dict) and all(name in told and holds(told[name], held) for name, held in shown.items())
    return not shown or not isinstance(shown, list) or holds(told[0], shown[0])


@pytest.mark.parametrize(("command", "answer"), EXAMPLES, ids=[command[:60] for command, _ in EXAMPLES])
def test_a_curl_line_does_what_the_document_says(shared, tmp_path, command, answer):
    (tmp_path / "row.json").write_text(json.dumps(trip(1)))
    (tmp_path / "rows.csv").write_text("key,tail,at,wind,seats,carrier,night\na,N1,2013-04-02,7.0,63,B6,False\n")
    command = command.replace(":9191", f":{shared.port}").replace("late-flights", "trips")
    run = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=tmp_path, timeout=20, check=True)
    told = json.loads(run.stdout)
    assert "error" not in told, told
    if answer.lstrip().startswith("{"):
        assert holds(told, json.loads(re.sub(r"\s*\n\s*", "", answer))), told


def test_there_are_examples():
    assert len(EXAMPLES) >= 8
