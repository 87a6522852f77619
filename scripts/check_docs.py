"""Check the documents: every relative link leads to a file and heading, every command named is one that exists.

Commands are read from code (`inline` and blocks) in *.md: `daytwo NAME ...` must be known to `daytwo`, its
`--options` to that command, and `make NAME` must be a target of the Makefile.

Run: `.venv/bin/python scripts/check_docs.py`
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import click

from daytwo.cli.main import daytwo

ROOT = Path(__file__).parents[1]
SKIPPED = {".venv", ".git", "node_modules", ".pytest_cache", "dist", "build"}

FENCE = re.compile(r"^(?:```|~~~).*?^(?:```|~~~)\s*$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^(?: {4}|\t)(.+)$", re.MULTILINE)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$", re.MULTILINE)
ELSEWHERE = re.compile(r"^[a-z][a-z0-9+.-]*:")  # http:, https:, mailto:
DAYTWO = re.compile(r"(?:^|[\s;&|(])(?:\.venv/bin/)?daytwo((?: +[^\s;&|)]+)*)")
MAKE = re.compile(r"(?:^|[\s;&|(])make((?: +[^\s;&|)]+)*)")
TARGET = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)
WORD = re.compile(r"^[a-z][a-z-]*$")


@dataclass(frozen=True, slots=True)
class Command:
    """One node of the command line: its own options, and the commands under it."""

    options: frozenset[str]
    commands: dict[str, Command]


def documents() -> list[Path]:
    """Every Markdown file of the project."""
    return sorted(p for p in ROOT.rglob("*.md") if not SKIPPED & set(p.relative_to(ROOT).parts))


def anchors(text: str) -> set[str]:
    """The anchors that a reader's browser would make of the headings."""
    found: set[str] = set()
    for title in HEADING.findall(FENCE.sub("", text)):
        slug = re.sub(r"[^\w\- ]", "", re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", title).lower()).replace(" ", "-")
        number = 0
        while (candidate := f"{slug}-{number}" if number else slug) in found:
            number += 1
        found.add(candidate)
    return found


def broken_links(path: Path, text: str) -> Iterator[str]:
    """Yield what is wrong with each relative link of one document."""
    for target in LINK.findall(INLINE.sub("", FENCE.sub("", text))):
        if ELSEWHERE.match(target):
            continue
        name, _, anchor = unquote(target).partition("#")
        place = (path.parent / name).resolve() if name else path
        if not place.exists():
            yield f"the link {target} leads nowhere"
        elif not place.is_relative_to(ROOT):
            yield f"the link {target} leaves the project"
        elif anchor and place.suffix == ".md" and anchor not in anchors(place.read_text(encoding="utf-8")):
            yield f"the link {target} names a heading that is not in {place.relative_to(ROOT)}"


def code_lines(text: str) -> Iterator[str]:
    """Yield the lines of a document that are code."""
    for block in FENCE.findall(text):
        yield from block.splitlines()[1:-1]
    prose = FENCE.sub("", text)
    yield from INDENTED.findall(prose)
    yield from INLINE.findall(prose)


def wrong_daytwo(said: list[str], tree: Command) -> str | None:
    """Say which word of a `daytwo ...` line is unknown, if one is."""
    here, path = tree, "daytwo"
    for word in said:
        if word.startswith("--"):
            option = word.split("=")[0].rstrip(".,]")
            if option not in here.options:
                return f"{path} has no option {option}"
        elif here.commands:
            if not WORD.match(word):  # NAME, [OPTIONS], ...: a pattern, not a command
                return None
            if word not in here.commands:
                return f"{path} has no command {word}"
            here, path = here.commands[word], f"{path} {word}"
    return None


def wrong_commands(text: str, tree: Command, targets: set[str]) -> Iterator[str]:
    """Yield each command in the code of a document that does not exist."""
    for line in code_lines(text):
        command = line.partition("  #")[0].partition(" # ")[0]
        for said in DAYTWO.findall(command):
            wrong = wrong_daytwo(said.split(), tree)
            if wrong:
                yield f"{wrong} (in: {line.strip()})"
        for said in MAKE.findall(command):
            for word in said.split():
                if WORD.match(word) and word not in targets:
                    yield f"the Makefile has no target {word} (in: {line.strip()})"


def read_commands(command: click.Command) -> Command:
    """Read a command's options and the commands under it, as `--help` would list them."""
    context = click.Context(command)
    options = (option for parameter in command.get_params(context) for option in parameter.opts)
    under: dict[str, Command] = {}
    if isinstance(command, click.Group):
        children = ((name, command.get_command(context, name)) for name in command.list_commands(context))
        under = {name: read_commands(child) for name, child in children if child is not None}
    return Command(frozenset(options), under)


def main() -> None:
    """Print every complaint with its file; leave with 1 if there is one."""
    tree = read_commands(daytwo)
    targets = set(TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
    complaints = 0
    checked = documents()
    for path in checked:
        text = path.read_text(encoding="utf-8")
        for complaint in (*broken_links(path, text), *wrong_commands(text, tree, targets)):
            print(f"{path.relative_to(ROOT)}: {complaint}")
            complaints += 1
    if complaints:
        sys.exit(1)
    print(f"{len(checked)} documents, every relative link and every command named in them exists")


if __name__ == "__main__":
    main()
