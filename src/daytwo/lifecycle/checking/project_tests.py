"""The project's own tests of a candidate: `tests/test_*.py` beside `daytwo.toml`, run by pytest in its own process.

They are the project's code, as `model.py` is. `candidate_fixtures.py` next door hands them the candidate.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

from daytwo.lifecycle.checking.check import Check, Place, Standing
from daytwo.lifecycle.rows import DATASET
from daytwo.lifecycle.system import System

FOLDER = "tests"
# By these the process learns what it is to test.
BUNDLES, DIGEST, ROWS = "DAYTWO_CI_BUNDLES", "DAYTWO_CI_DIGEST", "DAYTWO_CI_ROWS"
_FIXTURES = "daytwo.lifecycle.checking.candidate_fixtures"
_TIMEOUT_S = 1_800
_SHOWN = 400
# What pytest leaves with where tests ran, and where it found none.
_RAN, _NONE = (0, 1), 5


def run_tests(system: System, digest: str) -> tuple[Check, ...]:
    """Return a check for each test of the project; nothing where it has no tests."""
    folder = system.folder / FOLDER
    if not any(folder.glob("**/test_*.py")):
        return ()
    if importlib.util.find_spec("pytest") is None:
        words = f"{FOLDER}/ holds tests, and pytest is not installed: 'pip install pytest'"
        return (Check("test", "pytest", Standing.FAILED, words, Place(FOLDER)),)
    rows = system.state / "ci-rows.parquet"
    frame = system.tables.read(DATASET)
    frame.select(name for name in frame.columns if not name.startswith("_")).write_parquet(rows)
    found = system.state / "ci-tests.xml"
    handed = {BUNDLES: str(system.bundles.folder), DIGEST: digest, ROWS: str(rows)}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        _FIXTURES,
        "-p",
        "no:cacheprovider",
        "--junitxml",
        str(found),
    ]
    try:
        done = subprocess.run(  # noqa: S603 (our interpreter, no shell)
            [*command, "-o", "junit_family=xunit1", FOLDER],
            cwd=system.folder,
            env=os.environ | handed | {"PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return (Check("test", "pytest", Standing.FAILED, f"not done after {_TIMEOUT_S} s", Place(FOLDER)),)
    if done.returncode == _NONE:
        return ()
    if done.returncode not in _RAN or not found.is_file():
        last = (done.stdout + done.stderr).strip()[-_SHOWN:]
        return (Check("test", "pytest", Standing.FAILED, f"pytest left with {done.returncode}: {last}", Place(FOLDER)),)
    return read_outcome(found)


def read_outcome(path: Path) -> tuple[Check, ...]:
    """Return a check for each case of the JUnit XML that pytest wrote."""
    return tuple(_check(case) for case in ET.parse(path).iter("testcase"))  # noqa: S314 (pytest's)


def _check(case: ET.Element) -> Check:
    name = f"{case.get('classname', '')}.{case.get('name', '')}".lstrip(".")
    place = Place(case.get("file", FOLDER), int(case.get("line") or 0) + 1)  # pytest counts lines from 0
    for kind in ("failure", "error"):
        wrong = case.find(kind)
        if wrong is not None:
            return Check("test", name, Standing.FAILED, wrong.get("message", kind)[:_SHOWN], place)
    skipped = case.find("skipped")
    if skipped is not None:
        return Check("test", name, Standing.NOTED, f"skipped: {skipped.get('message', '')}", place)
    return Check("test", name, Standing.PASSED, f"took {float(case.get('time') or 0):.2f} s", place)
