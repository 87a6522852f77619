"""The reference documents name everything there is, and nothing that is not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import build_reference
import check_docs
from daytwo.cli.main import COMMANDS, daytwo
from daytwo.core import errors
from daytwo.core.settings_file import every_key
from daytwo.serving.handlers import HANDLERS

DOCS = Path(__file__).parents[2] / "docs"
COMMANDS_TEXT = (DOCS / "commands.md").read_text(encoding="utf-8")
HTTP_TEXT = (DOCS / "http.md").read_text(encoding="utf-8")


def _kinds(base: type[errors.DaytwoError]) -> Iterator[type[errors.DaytwoError]]:
    yield base
    for kind in base.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield from _kinds(kind)


def test_the_tables_of_settings_are_what_the_code_says() -> None:
    text = build_reference.DOCUMENT.read_text(encoding="utf-8")
    held = text.partition(build_reference.BEGIN)[2].partition(build_reference.END)[0]
    assert held.strip() == build_reference.tables().strip(), "run scripts/build_reference.py"


@pytest.mark.parametrize("key", every_key())
def test_every_setting_is_documented(key: str) -> None:
    section, _, field = key.rpartition(".")
    title = f"### [{section}]" if section else "### Above all sections"
    table = build_reference.DOCUMENT.read_text(encoding="utf-8").partition(title)[2].partition("###")[0]
    assert f"| `{field}` |" in table


def test_every_form_of_a_value_belongs_to_a_setting() -> None:
    assert set(build_reference.FORMS) <= set(every_key())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_own_heading(name: str) -> None:
    assert re.search(rf"^### .*`daytwo {name}\b.*`", COMMANDS_TEXT, re.MULTILINE)


def test_every_command_under_a_command_is_documented() -> None:
    tree = check_docs.read_commands(daytwo)
    for name, command in tree.commands.items():
        for under in command.commands:
            assert f"daytwo {name} {under}" in COMMANDS_TEXT


def test_every_documented_command_and_option_exists() -> None:
    tree = check_docs.read_commands(daytwo)
    targets = set(check_docs.TARGET.findall((DOCS.parent / "Makefile").read_text(encoding="utf-8")))
    for path in sorted(DOCS.glob("*.md")):
        assert list(check_docs.wrong_commands(path.read_text(encoding="utf-8"), tree, targets)) == []


def test_every_heading_names_a_command_that_exists() -> None:
    named = re.findall(r"`daytwo ([a-z]+)", "\n".join(re.findall(r"^### .*$", COMMANDS_TEXT, re.MULTILINE)))
    assert set(named) == set(COMMANDS)


@pytest.mark.parametrize("kind", tuple(_kinds(errors.DaytwoError)), ids=lambda kind: kind.__name__)
def test_every_error_code_is_documented_with_its_exit_code(kind: type[errors.DaytwoError]) -> None:
    assert f"| `{kind.code}` | {kind.exit_code} |" in COMMANDS_TEXT


@pytest.mark.parametrize("path", HANDLERS)
def test_every_address_is_documented_with_its_method(path: str) -> None:
    assert f"`{HANDLERS[path]} {path}`" in HTTP_TEXT


def test_every_error_that_the_server_gives_by_name_is_documented() -> None:
    serving = DOCS.parent / "src" / "daytwo" / "serving"
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(serving.rglob("*.py")))
    given = re.findall(r'HttpError\(\s*(\d{3}),\s*"([a-z_]+)"', text)
    assert len(given) > 10
    for status, code in given:
        assert re.search(rf"^\| .*\b{status}\b.*\| .*`{code}`", HTTP_TEXT, re.MULTILINE), f"{status} {code}"
