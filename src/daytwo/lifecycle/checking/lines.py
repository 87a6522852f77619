"""Where a table or key stands in a TOML file, so that a report can point at the line to mend. Pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_KEY = re.compile(r"""\s*(?P<key>[A-Za-z0-9_-]+|"[^"]*"|'[^']*')\s*=""")


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that is a header (`key` is empty) or a key below the header `table`, the `nth` of that name from 0."""

    number: int
    table: tuple[str, ...]
    nth: int
    key: str = ""


def line_of(text: str, table: Sequence[str], key: str = "", *, nth: int = 0) -> int:
    r"""Return the line, from 1, of `key` in the `nth` table of that name; of its header where the key is not there.

    1 where the table is not there either, as where it has only its defaults.

    Examples
    --------
    >>> text = '[gate]\nmargin = 0.1\n[[ci.expect]]\n[[ci.expect]]\ncolumn = "wind"\n'
    >>> line_of(text, ["gate"], "margin"), line_of(text, ["ci", "expect"], "column", nth=1), line_of(text, ["plan"])
    (2, 5, 1)
    """
    found = [line for line in _lines(text) if line.table == tuple(table) and line.nth == nth]
    wanted = [line for line in found if line.key == key] or [line for line in found if not line.key]
    return wanted[0].number if wanted else 1


def _lines(text: str) -> Iterator[_Line]:
    table: tuple[str, ...] = ()
    seen: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        header = _header(line)
        if header is not None:
            table = header
            seen[table] = seen.get(table, -1) + 1
            yield _Line(number, table, seen[table])
            continue
        match = _KEY.match(line)
        if match:
            yield _Line(number, table, seen.get(table, 0), match["key"].strip("\"'"))


def _header(line: str) -> tuple[str, ...] | None:
    """Return the names in a header such as `[columns."wind speed"]`, None where the line is none."""
    if not line.lstrip().startswith("["):
        return None
    try:
        tree: object = tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return None  # a line within a list
    names: list[str] = []
    while tree:
        if isinstance(tree, list):
            tree = tree[0]
        elif isinstance(tree, Mapping):
            ((name, tree),) = tree.items()
            names.append(str(name))
    return tuple(names)
