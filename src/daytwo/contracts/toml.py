"""A contract as a text that its owner reads and edits: TOML with comments, and back, exactly.

Reading is strict: an unknown key, a wrong type or a contradiction is an error that names the column and the way out.
"""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import msgspec

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Action, Contract, Rule
from daytwo.core.errors import NotFound, SettingsError
from daytwo.core.schema import Kind

_HEAD = """\
# What a row must look like before the model may learn from it or answer it.
# A row that breaks a hard rule is kept apart with its reasons and answered by the fallback; others flow.
#   role       feature | target | time | subject | key | ignored
#   kind       number | integer | boolean | category | text | time
#   required   the column must be there;  nullable: its value may be missing
#   minimum .. maximum                     outside is rejected
#   expected_minimum .. expected_maximum   outside only warns
#   levels     known categories in the order of their codes; of a target: the two classes, the positive one last
#   other      an unknown level is "keep" (a warning) or "reject";  nan: NaN is "reject" or "missing"
# Edit freely, then raise the version.
"""
_WIDTH = 110


class _ColumnTable(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    kind: Kind
    role: Role = Role.FEATURE
    required: bool = True
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    expected_minimum: float | None = None
    expected_maximum: float | None = None
    levels: tuple[str, ...] = ()
    other: str = "keep"
    nan: str = "reject"
    pattern: str | None = None
    max_length: int | None = None
    owner: str = ""
    evidence: str = ""
    false_alarm_rate: float | None = None


class _RuleTable(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    expression: str
    action: Action = Action.REJECT
    evidence: str = ""


class _File(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    name: str
    version: int
    owner: str = ""
    columns: dict[str, _ColumnTable]
    rules: dict[str, _RuleTable] = {}


def to_toml(contract: Contract) -> str:
    """Write `contract` as a readable text. Keys that hold their default are left out."""
    lines = [
        _HEAD,
        f"name = {_string(contract.name)}",
        f"version = {contract.version}",
        f"owner = {_string(contract.owner)}",
    ]
    for column in contract.columns:
        lines += ["", f"[columns.{_key(column.name)}]", *_entries(column)]
    if contract.rules:
        lines += ["", "# Promises between the columns of one row."]
    for rule in contract.rules:
        lines += ["", f"[rules.{_key(rule.name)}]", *_entries(rule)]
    if not contract.columns:
        lines += ["", "[columns]"]
    return "\n".join(lines) + "\n"


def from_toml(text: str) -> Contract:
    """Read a contract.

    Raises
    ------
    SettingsError
        If the text is no TOML, has an unknown key, or contradicts itself.
    """
    try:
        file = msgspec.convert(tomllib.loads(text), _File)
    except tomllib.TOMLDecodeError as err:
        raise SettingsError(f"the contract is no TOML: {err}", hint="Correct that line") from err
    except msgspec.ValidationError as err:
        raise SettingsError(f"the contract is wrong: {err}", hint=_hint(str(err))) from err
    return Contract(
        name=file.name,
        version=file.version,
        owner=file.owner,
        columns=tuple(Column(name=name, **msgspec.structs.asdict(table)) for name, table in file.columns.items()),
        rules=tuple(Rule(name=name, **msgspec.structs.asdict(table)) for name, table in file.rules.items()),
    )


def read_contract(path: Path) -> Contract:
    """Read the contract in the file at `path`.

    Raises
    ------
    NotFound
        If it cannot be read.
    SettingsError
        If it is no contract; names the file.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as err:
        raise NotFound(
            f"cannot read the contract {path}: {err.strerror or err}",
            hint="'daytwo contract propose FILE --target COLUMN -o contract.toml' makes one",
        ) from err
    except UnicodeDecodeError as err:
        raise SettingsError(f"{path} is no text in UTF-8: {err.reason}", hint="Save the file as UTF-8") from err
    try:
        return from_toml(text)
    except SettingsError as err:
        raise SettingsError(f"{path}: {err.message}", hint=err.hint) from err


def _hint(problem: str) -> str:
    # msgspec says "Object contains unknown field `mimimum` - at `$.columns[...]`".
    known = sorted({field for table in (_ColumnTable, _RuleTable, _File) for field in table.__struct_fields__})
    wrong = problem.split("`")[1] if "unknown field" in problem else ""
    near = difflib.get_close_matches(wrong, known, n=1)
    return f"Did you mean {near[0]!r}?" if near else f"The keys are {', '.join(known)}"


def _entries(value: Column | Rule) -> list[str]:
    lines = []
    for field in fields(value):
        held = getattr(value, field.name)
        if field.name == "name" or (field.default is not MISSING and _same(held, field.default)):
            continue
        lines.append(f"{field.name} = {_written(held, indent=len(field.name) + 3)}")
    return lines


def _same(held: object, default: object) -> bool:
    return type(held) is type(default) and held == default


def _written(value: Any, *, indent: int) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, tuple):
        return _array([_string(item) for item in value], indent)
    return repr(value)


def _array(items: list[str], indent: int) -> str:
    if indent + sum(len(item) + 2 for item in items) <= _WIDTH:
        return f"[{', '.join(items)}]"
    lines, line = [], ""
    for item in items:
        if line and len(line) + len(item) + 2 > _WIDTH:
            lines.append(line)
            line = ""
        line += f"{item}, "
    return "[\n" + "\n".join(f"    {kept.rstrip()}" for kept in [*lines, line]) + "\n]"


def _key(name: str) -> str:
    plain = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if plain else _string(name)


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f"}


def _string(text: str) -> str:
    written = "".join(
        _ESCAPES.get(letter) or (f"\\u{ord(letter):04x}" if ord(letter) < 32 or ord(letter) == 127 else letter)
        for letter in text
    )
    return f'"{written}"'
