"""A contract written down as a text that its owner reads and edits; `toml.py` reads it again, exactly."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from daytwo.contracts.batch import Batch, Distribution
from daytwo.contracts.column import Column
from daytwo.contracts.contract import Contract, Rule
from daytwo.contracts.relations import Dependency, Monotone, Reference, Relation, Unique

_HEAD = """\
# What a row must look like before the model may learn from it or answer it.
# A row that breaks a hard rule is kept apart with its reasons and answered by the fallback; others flow.
#   role       feature | target | time | subject | key | checked (but no input) | ignored (not even checked)
#   kind       number | integer | boolean | category | text | time
#   required   the column must be there;  nullable: its value may be missing
#   minimum .. maximum                     outside is rejected
#   expected_minimum .. expected_maximum   outside only warns
#   levels     known categories in the order of their codes; of a target: the two classes, the positive one last
#   other      an unknown level is "keep" (a warning) or "reject";  nan: NaN is "reject" or "missing"
#   typo       an unknown level that looks like a known one is "keep" (as other), "warn" or "reject"
#   warn       rules of the column that only warn;  repair: how a wrong value is mended, such as ["trim", "parse"]
#   score      the model's score "rises" or "falls" with a feature's value, whatever the rows say
# Edit freely, then raise the version.
"""
_WIDTH = 110


# What each kind of promise between rows is called in the file, and the comment above the first of them.
SECTIONS: dict[str, type[Relation]] = {
    "unique": Unique,
    "dependencies": Dependency,
    "references": Reference,
    "monotone": Monotone,
}
_SECTION_HEADS = {
    "unique": "No two rows have the same values in these columns.",
    "dependencies": "Rows that agree in the determinant agree in the dependent.",
    "references": "These values are found in another table.",
    "monotone": "These values never fall from row to row.",
}


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
    for section, sort in SECTIONS.items():
        held = [one for one in contract.relations if isinstance(one, sort)]
        lines += ["", f"# {_SECTION_HEADS[section]}"] if held else []
        for one in held:
            lines += ["", f"[{section}.{_key(one.name)}]", *_entries(one)]
    lines += ["", "# How values are spread in a whole batch."] if contract.distributions else []
    for spread in contract.distributions:
        lines += ["", f"[distributions.{_key(spread.column)}]", *_entries(spread, named="column")]
    if contract.batch != Batch():
        lines += ["", "# How fresh and how large a batch is.", "[batch]", *_entries(contract.batch, named="")]
    if not contract.columns:
        lines += ["", "[columns]"]
    return "\n".join(lines) + "\n"


def _entries(value: Column | Rule | Relation | Distribution | Batch, *, named: str = "name") -> list[str]:
    """Write what `value` says besides its defaults; `named` is the field that the table's own name stands for."""
    lines = []
    for field in fields(value):
        held = getattr(value, field.name)
        if field.name == named or (field.default is not MISSING and _same(held, field.default)):
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
        return _array([_written(item, indent=0) for item in value], indent)
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
