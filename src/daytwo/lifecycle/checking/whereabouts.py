"""Which line of `daytwo.toml` or `contract.toml` a gate or a broken rule is about."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from daytwo.core.settings_file import FILE_NAME
from daytwo.lifecycle.checking.check import Place
from daytwo.lifecycle.checking.lines import line_of

# The section and key that decide a gate; where a key is left to its default, its section, else the file's first line.
_GATES: Mapping[str, tuple[str, str]] = {
    "quality": ("gate", "margin"),
    "baseline": ("gate", "metric"),
    "money": ("value", ""),
    "slices": ("gate", "slices"),
    "calibration": ("gate", ""),
    "robustness": ("gate", "max_jump"),
    "fairness": ("gate", "sensitive"),
    "reasons": ("gate", "max_shift"),
    "data": ("gate", "max_rejected"),
    "memory": ("gate", "max_memory_mb"),
    "cost": ("plan", "budget"),
    "latency": ("gate", "max_p99_ms"),
    "plan": ("plan", ""),
}
# The tables of a contract that bear the name behind the colon of a rule such as `unique:flight_id`.
_TABLES = ("rules", "unique", "dependencies", "references", "monotone", "distributions")


def place_of_gate(folder: Path, gate: str) -> Place:
    """Return the line of `daytwo.toml` that decides a gate."""
    section, key = _GATES.get(gate, ("gate", ""))
    return Place(FILE_NAME, line_of((folder / FILE_NAME).read_text(encoding="utf-8"), [section], key))


def place_of_rule(contract: Path, column: str, rule: str) -> Place:
    """Return the line of a contract that a rule on a column is written in: the rule's own table, or the column's."""
    text = contract.read_text(encoding="utf-8")
    named = rule.partition(":")[2]
    tables = [(table, named) for table in _TABLES if named] + [
        ("columns", one) for one in (column, column.partition(",")[0])
    ]
    lines = [line for table in tables if (line := line_of(text, table)) > 1]
    return Place(contract.name, lines[0] if lines else line_of(text, (), column))
